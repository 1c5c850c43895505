"""The Bluetooth LE link over real ATT on a virtual radio: conformance at several MTUs, losses."""

import pytest_asyncio

from device.links.ble import BleLink
from tests.ble.room import URL, Room, room
from tests.device.links.conformance import LinkConformance, frame


class GattFar:
    """The recorder's end, in its room."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def send(self, body: bytes) -> None:
        await self._room.recorder.send(body)

    async def receive(self) -> bytes:
        return await self._room.recorder.receive()

    async def damage(self) -> None:
        lost = frame(30, 7)
        self._room.radio.lose_when = lambda value: value[1:5] == lost[:4]
        await self._room.recorder.send(lost)

    async def cut(self) -> None:
        self._room.air.cut()


class TestBleLink(LinkConformance):
    @pytest_asyncio.fixture(params=[23, 185, 247, 517])
    async def line(self, request):
        async with room(mtu=request.param) as there, await BleLink.open(URL) as link:
            yield link, GattFar(there)
