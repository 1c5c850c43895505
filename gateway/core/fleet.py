"""How a device stands: what it said last, what waits for it, what is wrong. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.model import Device

QUIET = timedelta(hours=1)
"""How long a device may say nothing before that is worth a look."""

LOST = timedelta(hours=24)
"""How long before somebody should go there."""

STUCK = timedelta(hours=24)
"""How long a recording may be unfinished."""

_LOW_BATTERY, _STORAGE_FULL = 1 << 1, 1 << 2


class Severity(StrEnum):
    """How much it matters."""

    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong, in words for people."""

    code: str
    severity: Severity
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A device and its recordings that are not complete here."""

    device: Device
    unfinished: int = 0
    oldest_at: datetime | None = None
    broken: int = 0

    @property
    def backlog(self) -> int | None:
        """How many recordings wait, here or on the device; None where nobody has said."""
        told = self.device.heartbeat.get("pending_recordings")
        # Those begun here are among those that the device has.
        return max(told, self.unfinished) if isinstance(told, int) else self.unfinished or None

    @property
    def charging(self) -> bool | None:
        """Whether it charges; None where it has not said."""
        flags = self.device.heartbeat.get("flags")
        return bool(flags & 1) if isinstance(flags, int) else None


def troubles(standing: Standing, now: datetime) -> tuple[Trouble, ...]:
    """Say what is wrong with a device, the worst first."""
    found = [*_silence(standing, now), *_told(standing), *_recordings(standing, now)]
    return tuple(sorted(found, key=lambda each: each.severity is not Severity.ERROR))


def _silence(standing: Standing, now: datetime) -> Iterator[Trouble]:
    seen_at = standing.device.last_heartbeat_at
    if seen_at is None or now - seen_at < QUIET:
        return
    lost = now - seen_at >= LOST
    yield Trouble(
        "offline",
        Severity.ERROR if lost else Severity.WARNING,
        "not heard of for a day" if lost else "not heard of for an hour",
    )


def _told(standing: Standing) -> Iterator[Trouble]:
    said = standing.device.heartbeat
    flags, state = said.get("flags"), said.get("device_state")
    flags = flags if isinstance(flags, int) else 0
    if state == "error":
        yield Trouble("device_error", Severity.ERROR, "says that a person must look at it")
    if flags & _STORAGE_FULL or state == "storageFull":
        yield Trouble("storage_full", Severity.ERROR, "its storage is full")
    if flags & _LOW_BATTERY or state == "lowBattery":
        yield Trouble("low_battery", Severity.WARNING, "its battery is low")


def _recordings(standing: Standing, now: datetime) -> Iterator[Trouble]:
    if standing.broken:
        yield Trouble(
            "integrity_failure",
            Severity.ERROR,
            f"recordings that arrived damaged: {standing.broken}",
        )
    if standing.oldest_at is not None and now - standing.oldest_at >= STUCK:
        yield Trouble(
            "backlog_old", Severity.WARNING, "a recording is unfinished for more than a day"
        )
