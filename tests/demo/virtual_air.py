"""The demo's air: a virtual controller for each player, behind a TCP port of its own, and cuts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from bumble import hci
from bumble.controller import Controller
from bumble.core import PhysicalTransport
from bumble.transport.common import StreamPacketSink, StreamPacketSource

from tests.ble.air import Air, Pace, VirtualController

_LOSS = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
_BUFFERS = 24
"""Packets that a controller takes before its host has to wait, as real ones do."""


class DemoAir(Air):
    """The pace of the 2M PHY, shared by all; takes a player's connection away where told to."""

    def __init__(self) -> None:
        super().__init__(Pace())
        self.cut_players: list[str] = []
        self._bytes_left: dict[str, int] = {}

    @property
    def busy_until_s(self) -> float:
        """When what was handed over so far has been sent; the loop's time."""
        return self._free_s

    def cut_once(self, player: str, after_bytes: int) -> None:
        """Cut the connection of a player when it has sent so much more."""
        self._bytes_left[player] = after_bytes

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        super().send_acl_data(sender_controller, destination_address, transport, data)
        player = sender_controller.name
        if player in self._bytes_left:
            self._bytes_left[player] -= len(data)
            if self._bytes_left[player] <= 0:
                del self._bytes_left[player]
                self.cut_players.append(player)
                loop = asyncio.get_running_loop()
                loop.call_at(self.busy_until_s, self.part, sender_controller)

    def part(self, controller: Controller) -> None:
        """End all connections of a controller as distance does: both sides miss the other."""
        for connection in list(controller.le_connections.values()):
            peer = self.find_le_controller(connection.peer_address)
            controller.on_le_disconnected(connection, _LOSS)
            if peer is not None and (other := peer.le_connections.get(connection.self_address)):
                peer.on_le_disconnected(other, _LOSS)

    def remove_controller(self, controller: Controller) -> None:
        """Take a controller away whose host has gone."""
        self.part(controller)
        controller.set_packet_sink(None)
        controller.le_legacy_advertiser.stop()
        for advertised in controller.advertising_sets.values():
            advertised.stop()
        super().remove_controller(controller)


class _PacedController(VirtualController):
    """Says that a packet was sent when it was, so that a host hands over no more than is sent."""

    total_num_le_acl_data_packets = _BUFFERS
    link: DemoAir

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        if isinstance(packet, hci.HCI_Number_Of_Completed_Packets_Event):
            asyncio.get_running_loop().call_at(self.link.busy_until_s, self._completed, packet)
        else:
            super().send_hci_packet(packet)

    def _completed(self, packet: hci.HCI_Number_Of_Completed_Packets_Event) -> None:
        (handle,) = packet.connection_handles
        if self.find_connection_by_handle(handle) is not None:
            super().send_hci_packet(packet)


class _Host(StreamPacketSource):
    """A host that connected: it has a controller until it goes."""

    def __init__(self, air: DemoAir, player: str) -> None:
        super().__init__()
        self._air = air
        self._player = player
        self._controller: Controller | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._controller = _PacedController(
            self._player, host_source=self, host_sink=StreamPacketSink(transport), link=self._air
        )

    def connection_lost(self, exc: Exception | None) -> None:
        if self._controller is not None:
            self._air.remove_controller(self._controller)


@contextlib.asynccontextmanager
async def controller_for(player: str, air: DemoAir) -> AsyncIterator[str]:
    """Offer a player a controller on this air; gives Bumble's name of the way to it."""
    server = await asyncio.get_running_loop().create_server(
        lambda: _Host(air, player), "127.0.0.1", 0
    )
    try:
        yield f"tcp-client:127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
