"""Recorders on a virtual radio in a process of their own; a host gets a controller over TCP.

python -m tests.bench.ble_recorders KIND[,KIND] SIZE_BYTES SEED [--mtu N] [--paced] [--cuts N]

KIND is native, smp or bota; all hold the same bytes. Prints one JSON line when they advertise, and
another one, with what they sent, on SIGTERM.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import logging
import math
import random
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from bumble.transport.tcp_server import open_tcp_server_transport_with_socket

from device.core.bota_ble import packets
from device.core.bota_ble.recorder import BotaRecorder
from device.core.bota_ble.shelf import CardFile
from device.core.bota_ble.stream import Cut, Notify
from device.core.bota_ble.switches import Switches
from device.errors import LinkLost
from device.simulate.bota_gatt import bota_on
from device.simulate.firmware import Firmware
from device.simulate.gatt_end import GattEnd
from device.simulate.holding import HeldRecording, MemoryStore
from tests.bench.serial_recorder import content_of, recording_of
from tests.bench.smp_server import SmpEnd, SmpFiles
from tests.ble import quiet
from tests.ble.air import Air, Pace, virtual_controller, virtual_device
from tests.ble.room import HOST_ADDRESS, NAME, RECORDER_ADDRESS

SMP_ADDRESS = "E0:E1:E2:E3:E4:E5"
FILE = "/lfs/rec"
FILE_ID = b"FILE"

BOTA_BPS = 3_000_000
BOTA_PACKETS = 8
"""v1 has no flow control, so on an unpaced radio its recorder must not send as fast as it can."""


FRAME_S = 0.001
"""USB full speed, which Bluetooth adapters have."""


class UsbFrames:
    """Hands packets over at the next frame, as a USB adapter does; in their order."""

    def __init__(self, sink) -> None:
        self._sink = sink
        self._waiting: list[bytes] = []

    def on_packet(self, packet: bytes) -> None:
        """See Bumble's `TransportSink`."""
        if not self._waiting:
            loop = asyncio.get_running_loop()
            loop.call_at(math.floor(loop.time() / FRAME_S + 1) * FRAME_S, self._frame)
        self._waiting.append(packet)

    def _frame(self) -> None:
        waiting, self._waiting = self._waiting, []
        for packet in waiting:
            self._sink.on_packet(packet)


class CuttingStore(MemoryStore):
    """Cuts the radio each time a medium has been sent as far as the next seeded position."""

    def __init__(self, held: HeldRecording, air: Air, cuts: list[int]) -> None:
        super().__init__([held], lambda _: None)
        self._air, self._cuts = air, cuts

    def count_sent(self) -> None:
        """Count while somebody is connected; a frame on its way at a cut is lost with it."""
        if not any(controller.le_connections for controller in self._air.controllers):
            return
        super().count_sent()
        _, _, end = self._last_read
        if self._cuts and end > self._cuts[0]:
            del self._cuts[0]
            asyncio.get_running_loop().call_soon(self._air.cut)


class SteadyBota(BotaRecorder):
    """Takes `BOTA_BPS` of time for what it sends."""

    _in_a_row = 0

    def next_event(self) -> Notify | Cut | None:
        """See `BotaRecorder.next_event`."""
        event = super().next_event()
        if not isinstance(event, Notify) or event.value[0] != packets.DATA:
            return event
        payload = len(event.value) - packets.DATA_HEADER_BYTES
        self._in_a_row += 1
        waits = self._in_a_row % BOTA_PACKETS == 0
        return replace(event, after_s=BOTA_PACKETS * payload / BOTA_BPS) if waits else event


class Recorders:
    """The kinds asked for, all on one air and holding the same content."""

    def __init__(self, got: argparse.Namespace) -> None:
        self._got = got
        self.air = Air(Pace() if got.paced else None)
        self.content = content_of(got.size_bytes, got.seed)
        chance = random.Random(f"{got.seed} cuts")
        positions = sorted(chance.randrange(got.size_bytes) for _ in range(got.cuts))
        self._store = CuttingStore(recording_of(self.content), self.air, positions)
        packet = got.mtu - 3 - packets.DATA_HEADER_BYTES
        self._bota = SteadyBota(
            "BENCH",
            [CardFile(file_id=FILE_ID, content=self.content)],
            Switches(cuts=frozenset(position // packet for position in positions)),
        )

    @asynccontextmanager
    async def native(self) -> AsyncIterator[None]:
        """Advertise a native recorder."""
        async with GattEnd(self._device("native", RECORDER_ADDRESS), NAME) as end:
            await end.start()
            firmware = Firmware(end, self._store, serial="BENCH")
            running = asyncio.create_task(firmware.run(), name="firmware")
            try:
                yield
            finally:
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError, LinkLost):
                    await running

    @asynccontextmanager
    async def smp(self) -> AsyncIterator[None]:
        """Advertise an SMP file server."""
        end = SmpEnd(self._device("smp", SMP_ADDRESS), SmpFiles({FILE: self.content}))
        await end.start()
        running = asyncio.create_task(end.run(), name="smp")
        try:
            yield
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    @asynccontextmanager
    async def bota(self) -> AsyncIterator[None]:
        """Advertise a Bota recorder."""
        async with bota_on(self._device("bota", RECORDER_ADDRESS), self._bota):
            yield

    def ended(self) -> dict[str, int]:
        """Return what was sent in all, each byte as often as it was sent."""
        return {"sent_bytes": self._store.sent_bytes + self._bota.sent_bytes.total()}

    def _device(self, name: str, address: str):
        device = virtual_device(self.air, name, address)
        device.gatt_server.max_mtu = self._got.mtu
        return device


@asynccontextmanager
async def controller_behind_tcp(air: Air) -> AsyncIterator[str]:
    """A virtual controller on this air for one host; yields Bumble's name of the way to it.

    Where the air is paced, so is that way: a host that answered within no time at all would catch
    connection events that no real one does.
    """
    # asyncio switches Nagle's delays off only where the socket names its protocol.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    transport = await open_tcp_server_transport_with_socket(sock)
    to_host = transport.sink if air.pace is None else UsbFrames(transport.sink)
    ends = {"host_source": transport.source, "host_sink": to_host}
    controller = virtual_controller(air, "host", HOST_ADDRESS, **ends)
    if air.pace is not None:
        transport.source.set_packet_sink(UsbFrames(controller))
    try:
        yield f"tcp-client:127.0.0.1:{sock.getsockname()[1]}"
    finally:
        transport.server.close()


async def serve(got: argparse.Namespace) -> None:
    """Be the recorders until SIGTERM."""
    quiet.install()
    logging.getLogger("bumble").setLevel(logging.ERROR)  # it warns of packets that a cut leaves
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    recorders = Recorders(got)
    kinds = {"native": recorders.native, "smp": recorders.smp, "bota": recorders.bota}
    async with AsyncExitStack() as stack:
        hci = await stack.enter_async_context(controller_behind_tcp(recorders.air))
        for kind in got.kinds.split(","):
            await stack.enter_async_context(kinds[kind]())
        sha256 = hashlib.sha256(recorders.content).hexdigest()
        print(json.dumps({"hci": hci, "sha256": sha256}), flush=True)
        await told.wait()
        ended = recorders.ended() | {"cuts": recorders.air.cuts}
    print(json.dumps(ended), flush=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds")
    parser.add_argument("size_bytes", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("--mtu", type=int, default=517)
    parser.add_argument("--paced", action="store_true")
    parser.add_argument("--cuts", type=int, default=0)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
