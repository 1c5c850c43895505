"""The air between virtual Bluetooth controllers: its pace, and what goes wrong in it."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

from bumble import hci, ll
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
_RSSI_DBM = -50


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
        self._sent_s: dict[Controller, float] = {}

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

        self._later(sender_controller, len(data), deliver)

    def _later(self, sender: Controller, size_bytes: int, deliver: Callable[[], None]) -> None:
        """Deliver when the air has carried a PDU; each side's own arrive in order."""
        loop = asyncio.get_running_loop()
        if self.pace is None:
            loop.call_soon(deliver)
            return
        now_s, airtime_s = loop.time(), self.pace.airtime_s(size_bytes)
        own_s = self._sent_s.get(sender, 0.0)
        if now_s > self._free_s:
            start_s = math.ceil(now_s / self.pace.interval_s) * self.pace.interval_s
            end_s = self._free_s = start_s + airtime_s
        elif own_s <= now_s:
            # The other side is sending: every packet of its is answered, and this is the answer.
            end_s = now_s + self.pace.airtime_s(PACKET_BYTES) + airtime_s
            self._free_s += airtime_s
        else:
            end_s = self._free_s = max(self._free_s, own_s) + airtime_s
        self._sent_s[sender] = end_s
        loop.call_at(end_s, deliver)


class VirtualController(Controller):
    """Bumble's, and what that lacks: scan responses, PHYs and data lengths."""

    le_acl_data_packet_length = PACKET_BYTES

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.lost_responses = 0
        """How many of the next scan responses this controller does not hear."""
        self.phys: list[tuple[int, int]] = []
        """What the host asked for, sending and receiving, as bits."""
        self.data_lengths: list[int] = []
        self.intervals: list[tuple[int, int]] = []
        """Connection interval in 1.25 ms and latency, as the other side has set them."""

    def on_advertising_pdu(self, pdu: ll.AdvInd | ll.AdvExtInd) -> None:
        """Report an advertisement, and in an active scan what its sender adds when asked."""
        scanning, self.le_scan_enable = self.le_scan_enable, False
        super().on_advertising_pdu(pdu)  # which connects, if that is wanted
        self.le_scan_enable = scanning
        kinds = hci.HCI_LE_Advertising_Report_Event.EventType
        if not scanning:
            return
        self._report(kinds.ADV_IND, pdu.advertiser_address, bytes(pdu.data))
        if self.le_scan_type == hci.HCI_LE_Set_Scan_Parameters_Command.PASSIVE_SCANNING:
            return
        if self.lost_responses:
            self.lost_responses -= 1
            return
        for controller in self.link.controllers:
            for each in (controller.le_legacy_advertiser, *controller.advertising_sets.values()):
                if each.enabled and each.address == pdu.advertiser_address:
                    response = bytes(each.scan_response_data)
                    self._report(kinds.SCAN_RSP, pdu.advertiser_address, response)

    def _report(self, kind: int, address: hci.Address, data: bytes) -> None:
        report = hci.HCI_LE_Advertising_Report_Event.Report(
            event_type=kind,
            address_type=address.address_type,
            address=address,
            data=data,
            rssi=_RSSI_DBM,
        )
        self.send_hci_packet(hci.HCI_LE_Advertising_Report_Event([report]))

    def on_ll_control_pdu(self, sender_address: hci.Address, packet: ll.ControlPdu) -> None:
        if isinstance(packet, ll.ConnectionUpdateInd):
            self.intervals.append((packet.interval, packet.latency))
        super().on_ll_control_pdu(sender_address, packet)

    def on_hci_le_set_phy_command(self, command: hci.HCI_LE_Set_PHY_Command) -> None:
        self.phys.append((command.tx_phys, command.rx_phys))
        self._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, command.op_code)
        self.send_hci_packet(
            hci.HCI_LE_PHY_Update_Complete_Event(
                status=hci.HCI_ErrorCode.SUCCESS,
                connection_handle=command.connection_handle,
                tx_phy=hci.Phy.LE_2M,
                rx_phy=hci.Phy.LE_2M,
            )
        )

    def on_hci_le_set_data_length_command(
        self, command: hci.HCI_LE_Set_Data_Length_Command
    ) -> hci.HCI_StatusAndConnectionHandleReturnParameters:
        self.data_lengths.append(command.tx_octets)
        return hci.HCI_StatusAndConnectionHandleReturnParameters(
            status=hci.HCI_ErrorCode.SUCCESS, connection_handle=command.connection_handle
        )


def virtual_controller(air: Air, name: str, address: str, **host) -> VirtualController:
    """Make a controller on this air that takes whole link-layer packets."""
    controller = VirtualController(name, link=air, **host)
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


def controller_of(device: Device) -> VirtualController:
    """Return the virtual controller under a device."""
    return device.host.hci_sink.sink
