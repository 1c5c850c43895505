"""The Connection seam: what drivers and links ask of an open GATT connection, whoever holds it."""

from collections.abc import Callable
from typing import Protocol


class Connection(Protocol):
    """What is needed of an open GATT connection; `links.gatt.Gatt` is one."""

    @property
    def lost(self) -> str | None:
        """Why it is gone; None while it is there."""
        ...

    def when_lost(self, tell: Callable[[], None]) -> None:
        """Have `tell` called when it goes, at once if it went already."""
        ...

    def offers(self, *characteristics: str) -> bool:
        """Whether the device has all these."""
        ...

    def value_bytes(self, characteristic: str) -> int:
        """How many bytes one write or notification carries now, as far as anybody knows."""
        ...

    async def read(self, characteristic: str) -> bytes:
        """Read a value; LinkLost also where the device refuses, and is still there."""
        ...

    async def write(self, characteristic: str, value: bytes, *, answered: bool = False) -> None:
        """Write a value, `answered` for sure; LinkLost also where the device refuses, and stays."""
        ...

    async def subscribe(self, characteristic: str, notified: Callable[[bytes], None]) -> None:
        """Have `notified` called with every value from now on."""
        ...

    async def aclose(self) -> None:
        """End it. Idempotent, never raises."""
        ...
