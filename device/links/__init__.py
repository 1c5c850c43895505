"""The Link seam: whole frames to and from one recorder."""

from types import TracebackType
from typing import Protocol, Self


class Link(Protocol):
    """An open line to one recorder that carries whole frames.

    Frames are the bodies of PROTOCOL.md §Frames, without COBS or CRC. An opened link may deliver
    frames that were meant for an earlier session.
    """

    max_frame_bytes: int
    """Largest frame body this link carries in either direction."""

    async def send(self, frame: bytes) -> None:
        """Send one frame; returns when the line has taken it. Not safe for concurrent callers.

        Raises:
            LinkLost: The line is gone.
        """
        ...

    async def receive(self) -> bytes:
        """Wait for the next frame. `b""` says that something damaged arrived in its place.

        No deadline of its own: callers hold `asyncio.timeout()`.

        Raises:
            LinkLost: The line is gone; every later call raises it too.
        """
        ...

    async def aclose(self) -> None:
        """Give the line back. Idempotent, never raises."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


BUILTIN = {
    "ble": "device.links.ble:BleLink",
    "serial": "device.links.serial:SerialLink",
}
"""URL scheme → class with `async open(url) -> Link`."""
