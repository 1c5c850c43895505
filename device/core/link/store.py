"""What the recorder's side of the protocol asks of the recorder it runs on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from device.core.link.listing import Holding, MediumItem, Timebase


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One recording on the recorder. `media` are in index order, from 0."""

    recording: bytes
    generation: int
    media: tuple[MediumItem, ...]
    state: Holding = Holding.COMPLETE
    timebase: Timebase = Timebase.UTC
    started_ms: int | None = None
    ended_ms: int | None = None
    boot: bytes | None = None
    metadata: Mapping[str, str] | None = None


class Store(Protocol):
    """The recordings."""

    def revision(self) -> int:
        """Return a number that differs whenever `recordings` would."""
        ...

    def recordings(self) -> Sequence[Stored]:
        """Return all there are, oldest first."""
        ...

    def read(self, stored: Stored, index: int, offset: int, size: int) -> bytes:
        """Return up to `size` bytes of a medium; fewer only at its end.

        Raises:
            OSError: The recorder's own medium cannot be read.
        """
        ...

    def remove(self, stored: Stored) -> None:
        """Delete a recording, or mark it KEPT; `recordings` tells it from then on.

        Raises:
            OSError: It cannot.
        """
        ...


class Board(Protocol):
    """The recorder itself: its name, its counters, its clock."""

    serial: str
    model: str
    firmware: str
    boot: bytes
    """Eight bytes drawn anew at each start."""
    capacity_bytes: int
    used_bytes: int
    dropped_recordings: int
    times_full: int
    battery_percent: int | None
    """None without a battery, or without a gauge for it."""
    charging: bool | None

    def uptime_ms(self) -> int:
        """Return the time since the start."""
        ...

    def utc_ms(self) -> int | None:
        """Return what the clock says, None if it never had a time."""
        ...

    def clock_trusted(self) -> bool:
        """Return whether something set the clock since it last lost power."""
        ...

    def set_utc_ms(self, utc_ms: int) -> None:
        """Set the clock."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """What an order started or stopped. `since_ms`: how long ago it began, None if unknown."""

    recording: bytes
    generation: int
    going_on: bool
    since_ms: int | None = None


class Taker(Protocol):
    """The part that records, of a recorder that can be told to.

    Orders are 16 bytes each. What an order did is remembered durably together with its doing.
    """

    def ordered(self, order: bytes) -> Take | None:
        """Return what an order did, as it stands now; None for one that is not remembered."""
        ...

    def start(self, order: bytes, max_duration_s: int | None) -> Take:
        """Start a recording; None: until it is stopped.

        Raises:
            RecorderRefused: ALREADY_RECORDING, FULL, LOW_BATTERY, REFUSED.
            OSError: The recorder's own storage failed; nothing was started.
        """
        ...

    def stop(self, order: bytes) -> Take:
        """Stop the recording that goes on.

        Raises:
            RecorderRefused: NOT_RECORDING, REFUSED.
            OSError: The recorder's own storage failed.
        """
        ...
