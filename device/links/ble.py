"""The Bluetooth LE link: frames of PROTOCOL.md in the values of its GATT service (§14)."""

import asyncio
from collections import deque
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from device.core.link.fragments import Fragmenter, Reassembler, frame_bytes, value_bytes
from device.core.link.gatt_service import FROM_RECORDER, TO_RECORDER
from device.errors import LinkLost, LinkReason, LinkUnavailable
from device.links import bluetooth_errors
from device.links.bluetooth_place import Place
from device.links.connection import Connection
from device.links.gatt import open_gatt

_QUEUE_BYTES = 1 << 20
"""Many windows. Only a recorder that ignores its credit sends more than is taken here."""


_FRAME_COST_BYTES = 64
"""Damage has no bytes, and still takes room."""


class BleLink:
    """An open connection to a recorder's native GATT service."""

    def __init__(self, gatt: Connection, *, max_frame_bytes: int | None = None) -> None:
        """Take over a connection whose service is there; use `open` or `open_on`."""
        self._loop = asyncio.get_running_loop()
        self._gatt = gatt
        self._fragmenter = Fragmenter()
        self._reassembler = Reassembler()
        self._frames: deque[bytes] = deque()
        self._queued_bytes = 0
        self._arrival: asyncio.Future[None] | None = None
        self.max_frame_bytes = max_frame_bytes or frame_bytes(
            value_bytes(gatt.value_bytes(FROM_RECORDER))
        )
        gatt.when_lost(self._wake)

    @classmethod
    async def open(cls, url: str) -> Self:
        """Find and connect to the recorder of a `ble://` URL, and subscribe to it.

        Raises:
            ConfigInvalid: The URL is wrong.
            LinkUnavailable: No adapter, off, blocked, denied, busy, not found, not paired, or
                the device there has no such service.
        """
        return await cls.open_on(await open_gatt(Place.parse(url), TO_RECORDER, FROM_RECORDER))

    @classmethod
    async def open_on(cls, gatt: Connection, *, max_frame_bytes: int | None = None) -> Self:
        """Subscribe to the recorder of an open connection, which is closed if that fails.

        Args:
            gatt: Open; its service was found.
            max_frame_bytes: Where the connection cannot tell what its notifications carry.

        Raises:
            LinkUnavailable: It went away, or wants to be paired.
        """
        async with AsyncExitStack() as undo:
            undo.push_async_callback(gatt.aclose)
            try:
                link = cls(gatt, max_frame_bytes=max_frame_bytes)
                await gatt.subscribe(FROM_RECORDER, link._notified)
            except LinkLost as lost:
                raise LinkUnavailable(str(lost), reason=LinkReason.NO_ANSWER) from lost
            undo.pop_all()
        return link

    async def send(self, frame: bytes) -> None:
        """See `Link.send`."""
        size_bytes = value_bytes(self._gatt.value_bytes(TO_RECORDER))
        for value in self._fragmenter.fragments(frame, size_bytes):
            await self._gatt.write(TO_RECORDER, value)

    async def receive(self) -> bytes:
        """See `Link.receive`. What arrived before a loss is still delivered."""
        while not self._frames:
            if self._gatt.lost is not None:
                raise bluetooth_errors.gone(self._gatt.lost)
            self._arrival = self._loop.create_future()
            try:
                await self._arrival
            finally:
                self._arrival = None
        frame = self._frames.popleft()
        self._queued_bytes -= len(frame) + _FRAME_COST_BYTES
        return frame

    async def aclose(self) -> None:
        """See `Link.aclose`."""
        self._frames.clear()
        self._queued_bytes = 0
        await self._gatt.aclose()
        self._frames.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _notified(self, value: bytes) -> None:
        if self._gatt.lost is not None:
            return  # a stack may still hand over what it had queued
        for frame in self._reassembler.feed(value):
            self._queue(frame)
        if self._frames:
            self._wake()

    def _queue(self, frame: bytes) -> None:
        size_bytes = len(frame) + _FRAME_COST_BYTES
        if self._queued_bytes + size_bytes <= _QUEUE_BYTES:
            self._frames.append(frame)
            self._queued_bytes += size_bytes
        elif self._frames[-1]:
            self._queued_bytes -= len(self._frames[-1])
            self._frames[-1] = b""  # told once, however much had to go

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
