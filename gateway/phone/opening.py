"""Open the agent's drivers on a phone's channel, and show what they tell of the recorder."""

from collections.abc import AsyncIterator, Awaitable, Callable

from device.core.link.fragments import frame_bytes
from device.core.link.gatt_service import FROM_RECORDER, TO_RECORDER
from device.drivers import Driver, Opening, bota, native
from device.drivers.bota_session import NEEDED
from device.errors import LinkReason, LinkUnavailable
from device.links.ble import BleLink
from device.model import BlockHashes, Listing, Medium, RecorderInfo, Recording, RecordingKey
from gateway.core.tunnel import Open
from gateway.phone.channel import Channel

FRAME_VALUE_BYTES = 244
"""Frames suit values of a full packet: browsers ask for an MTU that carries one."""


async def open_on(opened: Open, channel: Channel, opening: Opening) -> Driver:
    """Greet the recorder on a channel, which is closed if that fails.

    Raises:
        LinkUnavailable: It is no such recorder, or wants to be paired.
        LinkLost: It went away.
        RecorderError: What answers is no use.
    """
    needed = NEEDED if opened.kind == "bota" else (TO_RECORDER, FROM_RECORDER)
    if not channel.offers(*needed):
        await channel.aclose()
        raise LinkUnavailable(
            "this device does not speak the recorder's protocol", reason=LinkReason.NOT_A_DEVICE
        )
    if opened.kind == "bota":
        return await bota.open_on(
            channel, opening.clock, release=opening.release, cache=opening.cache
        )
    link = await BleLink.open_on(channel, max_frame_bytes=frame_bytes(FRAME_VALUE_BYTES))
    return await native.open_on(link, opening.clock, release=opening.release)


class Shown:
    """A driver whose answers about the recorder are shown as well."""

    def __init__(
        self,
        inner: Driver,
        saw: Callable[[RecorderInfo], None],
        listed: Callable[[Listing], Awaitable[None]],
    ) -> None:
        self.resumable = inner.resumable
        self._inner = inner
        self._saw = saw
        self._listed = listed

    async def info(self) -> RecorderInfo:
        """See `Driver.info`."""
        info = await self._inner.info()
        self._saw(info)
        return info

    async def recordings(self) -> Listing:
        """See `Driver.recordings`."""
        listing = await self._inner.recordings()
        await self._listed(listing)
        return listing

    def read(self, recording: Recording, medium: Medium, offset: int) -> AsyncIterator[bytes]:
        """See `Driver.read`."""
        return self._inner.read(recording, medium, offset)

    async def block_hashes(
        self, recording: Recording, medium: Medium, upto: int
    ) -> BlockHashes | None:
        """See `Driver.block_hashes`."""
        return await self._inner.block_hashes(recording, medium, upto)

    async def release(self, key: RecordingKey, sha256: tuple[str, ...]) -> None:
        """See `Driver.release`."""
        await self._inner.release(key, sha256)

    async def changed(self) -> None:
        """See `Driver.changed`."""
        await self._inner.changed()

    async def aclose(self) -> None:
        """See `Driver.aclose`."""
        await self._inner.aclose()
