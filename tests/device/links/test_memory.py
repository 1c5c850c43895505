"""The in-memory link keeps the Link contract."""

import pytest_asyncio

from device.links.memory import MemoryLink
from tests.device.links.conformance import LinkConformance


class MemoryFar:
    def __init__(self, end: MemoryLink) -> None:
        self._end = end

    async def send(self, frame: bytes) -> None:
        await self._end.send(frame)

    async def receive(self) -> bytes:
        return await self._end.receive()

    async def damage(self) -> None:
        await self._end.send(b"")

    async def cut(self) -> None:
        await self._end.aclose()


class TestMemoryLink(LinkConformance):
    @pytest_asyncio.fixture
    async def line(self):
        near, far = MemoryLink.pair()
        yield near, MemoryFar(far)
        await near.aclose()
