"""The air between virtual Bluetooth controllers: its pace, and what goes wrong in it."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

from bumble import hci
from bumble.controller import Controller
from bumble.core import PhysicalTransport
from bumble.device import Device, DeviceConfiguration
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink

PACKET_BYTES = 251
"""Link-layer payload with the data length extension."""

_LOSS = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
_SPACE_S = 150e-6
_L2CAP_HEADER_BYTES = 4
_NOTIFICATION = 0x1B


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a connection is. An idle one sends only at its next connection event."""

    bits_per_us: float = 2.0
    preamble_bytes: int = 2
    interval_s: float = 0.015

    def airtime_s(self, size_bytes: int) -> float:
        """Time for an L2CAP PDU in link-layer packets, each with its empty answer and two gaps."""
        packets = math.ceil(size_bytes / PACKET_BYTES)
        around = self.preamble_bytes + 4 + 2 + 3
        bits = 8 * (size_bytes + 2 * packets * around)
        return bits / self.bits_per_us * 1e-6 + packets * 2 * _SPACE_S


class Air(LocalLink):
    """Carries packets between controllers, unpaced or paced, until it is cut."""

    def __init__(self, pace: Pace | None = None) -> None:
        super().__init__()
        self.pace = pace
        self.notifications = 0
        self.bytes = 0
        self.cuts = 0
        self._cut_every: int | None = None
        self._free_s = 0.0

    def cut_every(self, notifications: int | None) -> None:
        """Cut each connection at its so many-th notification from now on; None: no more."""
        self._cut_every = notifications
        self.notifications = 0

    def cut(self) -> None:
        """Take every connection away, as when one side walks out of reach."""
        self.cuts += 1
        self.notifications = 0
        for controller in self.controllers:
            for connection in list(controller.le_connections.values()):
                controller.on_le_disconnected(connection, _LOSS)

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """Carry one PDU. The sender is named as in the connection: its address may have changed."""
        self.bytes += len(data)
        if data[_L2CAP_HEADER_BYTES] == _NOTIFICATION:
            self.notifications += 1
            if self.notifications == self._cut_every:
                asyncio.get_running_loop().call_soon(self.cut)
                return  # lost with the connection
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if connection is None or receiver is None:
            return
        source = connection.self_address

        def deliver() -> None:
            if receiver.le_connections.get(source) is not None:
                receiver.on_link_acl_data(source, transport, data)

        self._later(len(data), deliver)

    def _later(self, size_bytes: int, deliver: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        if self.pace is None:
            loop.call_soon(deliver)
            return
        now_s = loop.time()
        start_s = self._free_s
        if now_s > start_s:
            start_s = math.ceil(now_s / self.pace.interval_s) * self.pace.interval_s
        self._free_s = start_s + self.pace.airtime_s(size_bytes)
        loop.call_at(self._free_s, deliver)


def virtual_controller(air: Air, name: str, address: str, **host) -> Controller:
    """Make a controller on this air that takes whole link-layer packets."""
    controller = Controller(name, link=air, **host)
    controller.le_acl_data_packet_length = PACKET_BYTES
    controller.random_address = hci.Address(address)
    return controller


def virtual_device(air: Air, name: str, address: str) -> Device:
    """Make a Bumble device with a virtual controller; it is not powered yet."""
    controller = virtual_controller(air, name, address)
    config = DeviceConfiguration(
        name=name,
        address=hci.Address(address),
        advertising_interval_min=20,
        advertising_interval_max=20,
    )
    return Device(config=config, host=Host(controller, AsyncPipeSink(controller)))
