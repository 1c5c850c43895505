"""A simulated Bota recorder on Bluetooth: its machine as a GATT server on a Bumble device."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from bumble.att import ATT_Error, Bearer
from bumble.core import BaseBumbleError
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, CharacteristicValue, Service

from device.core.bota_ble import on_air, uuids
from device.core.bota_ble.recorder import BotaRecorder
from device.core.bota_ble.stream import Cut
from device.core.bota_ble.table import NOTIFY, READ, WRITE
from device.errors import RecorderRefused
from device.simulate.leaving import leave
from device.simulate.pairing import accept_pairing, require_encryption

T = TypeVar("T")

_QUEUE_PACKETS = 8
"""Packets that wait for the radio before the sender does."""

_PROPERTIES = {
    READ: Characteristic.Properties.READ,
    WRITE: Characteristic.Properties.WRITE,
    NOTIFY: Characteristic.Properties.NOTIFY,
}
_PERMISSIONS = Characteristic.READABLE | Characteristic.WRITEABLE


class BotaOnBluetooth:
    """Serves one host at a time: the one that is connected."""

    def __init__(self, device: Device, recorder: BotaRecorder) -> None:
        """Add the recorder's services to a device that is not powered yet."""
        self._device = device
        self._recorder = recorder
        self._host: Connection | None = None
        self._mtus = recorder.switches.mtus
        self._wake = asyncio.Event()
        self._characteristics = {each: self._characteristic(each) for each in recorder.table}
        services: dict[str, list[Characteristic[bytes]]] = {}
        for uuid, characteristic in self._characteristics.items():
            services.setdefault(uuids.service_of(uuid), []).append(characteristic)
        for uuid, characteristics in services.items():
            device.add_service(Service(uuid, characteristics))
            if recorder.switches.needs_bond and uuid == uuids.STORAGE:
                require_encryption(device, characteristics)
        accept_pairing(device)
        device.advertising_data = on_air.advertising(recorder.switches)
        mac = bytes(reversed(bytes(device.random_address)))
        device.scan_response_data = on_air.scan_response(recorder.switches, mac)
        device.on(Device.EVENT_CONNECTION, self._connected)

    async def run(self) -> None:
        """Send what the recorder has to send, for ever."""
        while True:
            host = self._host
            event = self._recorder.next_event() if host is not None else None
            if host is None or event is None:
                self._wake.clear()
                await self._wake.wait()
            elif isinstance(event, Cut):
                self._gone(host)
                with contextlib.suppress(BaseBumbleError):
                    await host.disconnect()
            else:
                await asyncio.sleep(event.after_s)
                if self._host is host:
                    target = self._characteristics[event.characteristic]
                    await self._device.notify_subscriber(host, target, event.value)
                    await self._wait_for_room(host)

    def grew(self) -> None:
        """Go on sending: the recording that is being made has more."""
        self._wake.set()

    async def stop(self) -> None:
        """Leave the air. Never raises."""
        await leave(self._device)

    def _characteristic(self, uuid: str) -> Characteristic[bytes]:
        uses = self._recorder.table[uuid]
        properties = Characteristic.Properties(0)
        for use in uses:
            properties |= _PROPERTIES[use]

        def read(_: Bearer) -> bytes:
            return _answered(lambda: self._recorder.read(uuid))

        def write(_: Bearer, value: bytes) -> None:
            _answered(lambda: self._recorder.write(uuid, value))
            self._wake.set()

        def subscribed(_: Bearer, wanted: bool, _indications: bool) -> None:
            if wanted:
                with contextlib.suppress(RecorderRefused):
                    self._recorder.subscribe(uuid)

        value = CharacteristicValue[bytes](read=read, write=write)
        made = Characteristic[bytes](uuid, properties, _PERMISSIONS, value)
        made.on(Characteristic.EVENT_SUBSCRIPTION, subscribed)
        return made

    def _connected(self, host: Connection) -> None:
        self._host = host
        if self._mtus:
            self._device.gatt_server.max_mtu = self._mtus[0]
            self._mtus = self._mtus[1:] or self._mtus
        self._recorder.connect(host.att_mtu)
        self._recorder.bonded = False
        host.on(Connection.EVENT_CONNECTION_ENCRYPTION_CHANGE, lambda: self._encrypted(host))
        host.on(
            Connection.EVENT_CONNECTION_ATT_MTU_UPDATE,
            lambda: self._recorder.resize(host.att_mtu),
        )
        host.once(Connection.EVENT_DISCONNECTION, lambda _: self._gone(host))
        if host.data_packet_queue is not None:
            host.data_packet_queue.on("flow", self._wake.set)

    def _encrypted(self, host: Connection) -> None:
        if self._host is host:
            self._recorder.bonded = host.is_encrypted

    def _gone(self, host: Connection) -> None:
        if self._host is host:
            self._host = None
            self._recorder.disconnect()
        self._wake.set()

    async def _wait_for_room(self, host: Connection) -> None:
        queue = host.data_packet_queue
        while queue is not None and queue.pending >= _QUEUE_PACKETS and self._host is host:
            self._wake.clear()
            await self._wake.wait()


@asynccontextmanager
async def bota_on(device: Device, recorder: BotaRecorder) -> AsyncIterator[BotaOnBluetooth]:
    """Power the device on, advertise the recorder and serve it, until the block ends."""
    served = BotaOnBluetooth(device, recorder)
    await device.power_on()
    await device.start_advertising(auto_restart=True)
    sending = asyncio.create_task(served.run(), name="simulated bota recorder")
    try:
        yield served
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await served.stop()


def _answered(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except RecorderRefused as refused:
        raise ATT_Error(refused.wire_code) from refused
