"""Tell when a listing without an end is whole, by counting and by silence (§6.1)."""

from dataclasses import dataclass

from device.core.bota_ble.listing import Listed, parse_entries
from device.core.bota_ble.status import StorageInfo
from device.errors import ProtocolViolation

QUIET_S = 0.4
PATIENCE_S = 5.0
LONGEST_S = 60.0
MOST_ENTRIES = 10_000
"""More is a recorder that makes them up; of a true one the rest is listed when these are gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """A listing. `complete` only if it agrees with the recorder's own count.

    `contradicted` are ids under which two different entries came: neither can be trusted.
    """

    entries: tuple[Listed, ...]
    contradicted: tuple[bytes, ...]
    complete: bool


class Gathering:
    """One LIST: notifications and time in; `wait_s` is 0 once it is over."""

    def __init__(self, expected: StorageInfo, now_s: float) -> None:
        """Begin when LIST has been written. `expected` is a reading from just before."""
        self._expected = expected
        self._entries: dict[bytes, Listed] = {}
        self._contradicted: set[bytes] = set()
        self._damaged = False
        self._began_s = self._heard_s = now_s

    def received(self, value: bytes, now_s: float) -> None:
        """Take one notification; a repeated one changes nothing."""
        self._heard_s = now_s
        try:
            entries = parse_entries(value)
        except ProtocolViolation:
            self._damaged = True
            return
        for entry in entries:
            if len(self._entries) >= MOST_ENTRIES and entry.file_id not in self._entries:
                self._damaged = True
            elif self._entries.setdefault(entry.file_id, entry) != entry:
                self._contradicted.add(entry.file_id)

    def wait_s(self, now_s: float) -> float:
        """Return how long to wait for another notification."""
        counted = len(self._entries) >= self._expected.recordings and not self._damaged
        due_s = self._heard_s + (QUIET_S if counted else PATIENCE_S)
        return max(0.0, min(due_s, self._began_s + LONGEST_S) - now_s)

    def result(self) -> Gathered:
        """Return what came. Which of the recorder's two counts is the listing's is not known."""
        counts = {self._expected.recordings, self._expected.pending or self._expected.recordings}
        return Gathered(
            entries=tuple(e for i, e in self._entries.items() if i not in self._contradicted),
            contradicted=tuple(sorted(self._contradicted)),
            complete=len(self._entries) in counts and not self._damaged,
        )
