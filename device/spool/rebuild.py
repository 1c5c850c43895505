"""A new index from manifests alone: what `fieldpost spool rebuild` does."""

from dataclasses import dataclass
from pathlib import Path

from device.clock import Clock
from device.config import SpoolConfig
from device.model import EntryId
from device.spool.opening import open_spool
from device.spool.recovery import Left


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildReport:
    """What a rebuild brought back, and where the old index is kept.

    Unsent recordings come back as sealed, acknowledged ones as stored, released ones as tombstones.
    Upload sessions, waits and the data ledger of the day are not in the manifests: they start anew.
    """

    restored: tuple[EntryId, ...]
    tombstones: int
    left: tuple[Left, ...]
    aside: Path | None


def rebuild(config: SpoolConfig, clock: Clock) -> RebuildReport:
    """Build a new index from manifests alone, under the lock; the old one is kept aside.

    Raises:
        SpoolLocked: An agent is running.
        SpoolError: As from `Spool.open`.
    """
    opened = open_spool(config, clock, anew=True)
    opened.journal.close()
    opened.lock.release()
    return RebuildReport(
        restored=opened.recovered.restored,
        tombstones=opened.recovered.tombstones,
        left=opened.recovered.left,
        aside=opened.aside,
    )
