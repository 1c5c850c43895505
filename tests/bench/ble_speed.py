"""The native link and smpclient read the same bytes from one paced virtual radio, in turns."""

import asyncio
import contextlib
import hashlib
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from smpclient import SMPClient
from smpclient.transport.ble import SMPBLETransport

from device.clock import SystemClock
from device.core.link.fragments import value_bytes
from device.drivers import Opening, open_driver
from tests.bench.ble_host import host_on, recorders
from tests.bench.ble_recorders import FILE, SMP_ADDRESS
from tests.bench.serial_recorder import content_of
from tests.ble.air import Pace
from tests.ble.room import URL

ATT_HEADER_BYTES = 3
L2CAP_AND_ATT_BYTES = 7
LEAST_HEADER_BYTES = 5
NEEDED_SHARE = 0.93
NEEDED_RATIO = 3.0
LONGEST_RUN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One read by each, in bytes per second."""

    native_bps: float
    smp_bps: float


def most_bps(mtu: int, pace: Pace) -> float:
    """Return what a stream of notifications can carry at most on this radio, in bytes per second.

    `value` is 495 bytes, or 244 where those do not fit (ATT MTU - 3): whole packets of 251 bytes
    with L2CAP's 4 and ATT's 3. A stream cannot do without a header of 5 bytes, stream and offset:

        (value - 5) / airtime(value + 7)
        airtime(n) = (8 n + packets x 8 x 2 x 11) / 2 Mbit/s + packets x 2 x 150 us

    11 bytes are the preamble, address, header and checksum of each of `packets` = n / 251 rounded
    up, and of its empty answer. At MTU 247 that is 171.7 kB/s, at 498 and 517 176.0 kB/s.
    """
    value = value_bytes(mtu - ATT_HEADER_BYTES)
    return (value - LEAST_HEADER_BYTES) / pace.airtime_s(value + L2CAP_AND_ATT_BYTES)


async def in_turns(hci: str, content: bytes, rounds: int) -> list[Pair]:
    """Read in pairs, each with a connection of its own, and check every byte."""
    pairs = []
    with tempfile.TemporaryDirectory(prefix="fieldpost-bench-") as cache:
        async with host_on(hci):
            for _ in range(rounds):
                smp_bps = len(content) / await _smpclient(content)
                native_bps = len(content) / await _native(content, Path(cache))
                pairs.append(Pair(native_bps=native_bps, smp_bps=smp_bps))
    return pairs


def row(mtu: int, size_bytes: int, rounds: int) -> dict[str, object]:
    """Measure one ATT MTU; `ok` says whether it is what is demanded."""
    pace = Pace()
    with recorders("native,smp", size_bytes, mtu, "--mtu", str(mtu), "--paced") as far:
        pairs = asyncio.run(in_turns(far.hci, content_of(size_bytes, mtu), rounds))
    most = most_bps(mtu, pace)
    native_bps = statistics.median(pair.native_bps for pair in pairs)
    ratio = statistics.median(pair.native_bps / pair.smp_bps for pair in pairs)
    return {
        "mtu": mtu,
        "value_bytes": value_bytes(mtu - ATT_HEADER_BYTES),
        "bytes": size_bytes,
        "pairs": rounds,
        "most_bps": round(most),
        "fieldpost_bps": round(native_bps),
        "share": round(native_bps / most, 4),
        "least_share": round(min(pair.native_bps for pair in pairs) / most, 4),
        "smpclient_bps": round(statistics.median(pair.smp_bps for pair in pairs)),
        "ratio": round(ratio, 2),
        "ok": native_bps / most >= NEEDED_SHARE and ratio >= NEEDED_RATIO,
    }


async def _native(content: bytes, cache: Path) -> float:
    """Return the seconds from asking for the medium to its last byte, the link being open."""
    opening = Opening(url=URL, release="keep", clock=SystemClock(), cache=cache)
    digest = hashlib.sha256()
    async with asyncio.timeout(LONGEST_RUN_S):
        driver = await open_driver(None, opening)
        try:
            (recording,) = (await driver.recordings()).recordings
            begun_s = time.perf_counter()
            async for chunk in driver.read(recording, recording.media[0], 0):
                digest.update(chunk)
            took_s = time.perf_counter() - begun_s
        finally:
            await driver.aclose()
    assert digest.digest() == hashlib.sha256(content).digest()
    return took_s


async def _smpclient(content: bytes) -> float:
    """Return the seconds of its own download routine, the link being open."""
    async with asyncio.timeout(LONGEST_RUN_S):
        client = SMPClient(SMPBLETransport(), SMP_ADDRESS)
        await client.connect(10.0)
        try:
            begun_s = time.perf_counter()
            got = await client.download_file(FILE)
            took_s = time.perf_counter() - begun_s
        finally:
            with contextlib.suppress(TimeoutError):
                await client.disconnect()
    assert content == got
    return took_s
