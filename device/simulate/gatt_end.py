"""The recorder's end of the native link over Bluetooth LE: a GATT server on a Bumble device."""

import asyncio
from types import TracebackType
from typing import Self

from bumble.att import Bearer, is_enhanced_bearer
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, CharacteristicValue, Service

from device.core.link.fragments import ATT_HEADER_BYTES, Fragmenter, Reassembler, value_bytes
from device.core.link.framing import MAX_FRAME_BYTES
from device.core.link.gatt_service import FROM_RECORDER, SERVICE, TO_RECORDER
from device.errors import LinkLost
from device.simulate.connection_hints import ConnectionHints
from device.simulate.leaving import leave
from device.simulate.pairing import accept_pairing, require_encryption

_QUEUE_FRAMES = 64
_QUEUE_PACKETS = 8
"""Packets that wait for the radio before the sender does."""

_NAME_BYTES = 8
"""What an advertisement has room for beside flags and the service."""

_WRITE = Characteristic.Properties.WRITE | Characteristic.Properties.WRITE_WITHOUT_RESPONSE
_NOTIFY = Characteristic.Properties.NOTIFY


class GattEnd:
    """See `Link`. It outlives connections: while no host is subscribed, what is sent is gone.

    One host at a time is served; the last one to subscribe.
    """

    max_frame_bytes = MAX_FRAME_BYTES

    def __init__(self, device: Device, name: str, *, pairing: bool = False) -> None:
        """Add the service to a device that is not powered yet; advertise 8 bytes of `name`.

        With `pairing` only hosts that paired are let in, as PROTOCOL.md §14.1 asks of recorders.
        """
        self._device = device
        self._incoming: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUE_FRAMES)
        self._host: Connection | None = None
        self._hints: ConnectionHints | None = None
        self._hinting: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._closed = False
        self._fragmenter = Fragmenter()
        self._reassembler = Reassembler()
        written = CharacteristicValue[bytes](write=self._written)
        to = Characteristic[bytes](TO_RECORDER, _WRITE, Characteristic.WRITEABLE, written)
        self._from = Characteristic[bytes](FROM_RECORDER, _NOTIFY, Characteristic.READABLE, b"")
        self._from.on(Characteristic.EVENT_SUBSCRIPTION, self._subscribed)
        device.add_service(Service(SERVICE, [to, self._from]))
        accept_pairing(device)
        if pairing:
            require_encryption(device, [to, self._from])
        device.advertising_data = bytes(
            AdvertisingData(
                [
                    (AdvertisingData.Type.FLAGS, b"\x06"),
                    (
                        AdvertisingData.Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
                        bytes(UUID(SERVICE)),
                    ),
                    (
                        AdvertisingData.Type.COMPLETE_LOCAL_NAME,
                        name.encode()[:_NAME_BYTES],
                    ),
                ]
            )
        )

    async def start(self) -> None:
        """Power the device on and advertise, again after each connection."""
        await self._device.power_on()
        await self._device.start_advertising(auto_restart=True)

    async def send(self, frame: bytes) -> None:
        """See `Link.send`. Gone if no host is there, or it leaves meanwhile."""
        if self._closed:
            raise LinkLost("the simulated recorder was closed")
        host = self._host
        if host is None:
            return
        if self._hints is not None:
            self._hints.busy()
        size_bytes = value_bytes(host.att_mtu - ATT_HEADER_BYTES)
        for value in self._fragmenter.fragments(frame, size_bytes):
            if self._host is not host:
                return
            await self._device.notify_subscriber(host, self._from, value)
            await self._wait_for_room(host)

    async def receive(self) -> bytes:
        """See `Link.receive`."""
        frame = None if self._closed else await self._incoming.get()
        if frame is None:
            raise LinkLost("the simulated recorder was closed")
        return frame

    async def aclose(self) -> None:
        """See `Link.aclose`."""
        if self._closed:
            return
        self._closed = True
        self._host = None
        self._hint_no_more()
        self._room.set()
        self._forget()
        self._incoming.put_nowait(None)
        await leave(self._device)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _wait_for_room(self, host: Connection) -> None:
        queue = host.data_packet_queue
        while queue is not None and queue.pending >= _QUEUE_PACKETS and self._host is host:
            self._room.clear()
            await self._room.wait()

    def _written(self, bearer: Bearer, value: bytes) -> None:
        if bearer is not self._host:
            return  # a host subscribes first
        if self._hints is not None:
            self._hints.busy()
        for frame in self._reassembler.feed(value):
            if not self._incoming.full():
                self._incoming.put_nowait(frame)

    def _subscribed(self, bearer: Bearer, wanted: bool, _indications: bool) -> None:
        if is_enhanced_bearer(bearer) or not wanted:
            return
        self._host = bearer
        self._hint_no_more()
        self._hints = ConnectionHints(bearer)
        self._hinting = asyncio.create_task(self._hints.run(), name="connection hints")
        self._fragmenter = Fragmenter()
        self._reassembler = Reassembler()
        self._forget()
        if bearer.data_packet_queue is not None:
            bearer.data_packet_queue.on("flow", self._room.set)

        def gone(_: int) -> None:
            if self._host is bearer:
                self._host = None
                self._hint_no_more()
            self._room.set()

        bearer.once(bearer.EVENT_DISCONNECTION, gone)

    def _hint_no_more(self) -> None:
        hinting, self._hinting, self._hints = self._hinting, None, None
        if hinting is not None:
            hinting.cancel()

    def _forget(self) -> None:
        while not self._incoming.empty():
            self._incoming.get_nowait()
