"""The regime: a network that comes up wakes what waits, and each network pays for itself."""

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from device.bell import Bell
from device.config import Config
from device.errors import SpoolStorageFailed
from device.model import Spent
from device.regime import CALM_S, Regime, is_better
from device.surroundings import Connectivity, NetworkKind, NetworkState, PowerState
from device.transport import Transport
from tests.fakes.clock import FakeClock
from tests.fakes.uploads import spool_in

NOTHING = NetworkState(connectivity=Connectivity.NONE)
MOBILE = NetworkState(kind=NetworkKind.CELLULAR, interface="wwan0")
WIFI = NetworkState(kind=NetworkKind.WIFI, interface="wlan0", connectivity=Connectivity.FULL)
PORTAL = replace(WIFI, connectivity=Connectivity.PORTAL)


@pytest.mark.parametrize(
    ("before", "now", "better"),
    [
        (NOTHING, MOBILE, True),
        (MOBILE, WIFI, True),
        (PORTAL, WIFI, True),
        (WIFI, WIFI, False),
        (WIFI, PORTAL, False),
        (WIFI, NOTHING, False),
        (MOBILE, replace(MOBILE, signal_dbm=-80), False),
        (MOBILE, replace(MOBILE, connectivity=Connectivity.FULL), False),
    ],
)
def test_which_changes_are_for_the_better(before, now, better):
    """Another interface, or a portal that lets through, is worth an attempt; a signal is not."""
    assert better == is_better(now, before)


class Around:
    """Surroundings that are as a test says."""

    def __init__(self) -> None:
        self.network, self.power, self.changed = NOTHING, PowerState(), Bell()
        self.met = 0

    def reached(self) -> None:
        self.met += 1
        self.network = WIFI

    def become(self, network: NetworkState) -> None:
        self.network = network
        self.changed.ring()


class Wakes:
    def __init__(self) -> None:
        self.bell = Bell()

    async def __call__(self) -> None:
        self.bell.ring()


@pytest.fixture
def spool(tmp_path):
    with spool_in(tmp_path / "spool", FakeClock()) as opened:
        yield opened


@asynccontextmanager
async def following(regime: Regime, wakes: Wakes):
    task = asyncio.create_task(regime.run(wakes))
    try:
        async with asyncio.timeout(5):
            yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.asyncio
async def test_a_network_that_comes_up_wakes_uploads(spool):
    """A back-off is not slept out when Wi-Fi is there again."""
    around, wakes, changed = Around(), Wakes(), Bell()
    async with Transport() as transport:
        regime = Regime(
            Config(),
            spool=spool,
            transport=transport,
            clock=FakeClock(),
            surroundings=around,
            changed=changed,
        )
        await regime.begin()
        async with following(regime, wakes):
            await asyncio.sleep(0)
            around.become(WIFI)
            await wakes.bell.after(0)
            around.become(replace(WIFI, signal_dbm=-70))
            await changed.after(1)

    assert 1 == wakes.bell.count


def regime_of(spool, transport, around, changed, clock) -> Regime:
    return Regime(
        Config(),
        spool=spool,
        transport=transport,
        clock=clock,
        surroundings=around,
        changed=changed,
    )


@pytest.mark.asyncio
async def test_a_network_that_flaps_wakes_less_and_less_often(spool):
    """An hour of coming and going each second costs some twenty attempts, not two thousand."""
    around, wakes, changed, clock = Around(), Wakes(), Bell(), FakeClock()
    async with Transport() as transport:
        regime = regime_of(spool, transport, around, changed, clock)
        await regime.begin()
        async with following(regime, wakes):
            for second in range(3600):
                around.become(WIFI if second % 2 else NOTHING)
                for _ in range(6):
                    await asyncio.sleep(0)
                clock.advance(1)

    assert 10 <= wakes.bell.count <= 25


@pytest.mark.asyncio
async def test_a_network_that_stays_after_flapping_wakes_in_the_end(spool):
    """The wake that was put off comes once, when it is due."""
    around, wakes, changed, clock = Around(), Wakes(), Bell(), FakeClock()
    async with Transport() as transport:
        regime = regime_of(spool, transport, around, changed, clock)
        await regime.begin()
        async with following(regime, wakes):
            for _ in range(8):
                for network in (NOTHING, WIFI):
                    around.become(network)
                    for _ in range(6):
                        await asyncio.sleep(0)
            before = wakes.bell.count
            clock.advance(CALM_S)
            await wakes.bell.after(before)

    assert (1, 2) == (before, wakes.bell.count)


@pytest.mark.asyncio
async def test_a_disk_that_fails_while_a_network_comes_up_ends_nothing(spool):
    """The next network is followed as before, and pauses are slept out meanwhile."""
    around, changed, clock, asked = Around(), Bell(), FakeClock(), Bell()

    async def fails() -> None:
        asked.ring()
        raise SpoolStorageFailed("the disk failed")

    async with Transport() as transport:
        regime = regime_of(spool, transport, around, changed, clock)
        await regime.begin()
        async with following(regime, fails):
            around.become(WIFI)
            await asked.after(0)
            around.become(NOTHING)
            clock.advance(CALM_S)
            await changed.after(changed.count)
            around.become(MOBILE)
            await asked.after(1)

    assert 2 == asked.count


@pytest.mark.asyncio
async def test_news_of_the_time_are_told(spool):
    """What waited for a clock that was never set is asked about again at once."""
    around, changed, clock = Around(), Bell(), FakeClock()
    clock.step(-56 * 365 * 86_400)
    async with Transport() as transport:
        regime_of(spool, transport, around, changed, clock)
        transport.heard(None)
        before = changed.count
        transport.heard("Sun, 01 Mar 2026 12:00:00 GMT")
        transport.heard("Sun, 01 Mar 2026 12:00:01 GMT")

    assert (0, 1) == (before, changed.count)


@pytest.mark.asyncio
async def test_an_answer_of_the_cloud_ends_a_portal(spool):
    """Who answers as the API does stands before no sign-in page."""
    around = Around()
    around.network = PORTAL
    async with Transport() as transport:
        regime = Regime(
            Config(),
            spool=spool,
            transport=transport,
            clock=FakeClock(),
            surroundings=around,
            changed=Bell(),
        )
        transport.heard("Sun, 01 Mar 2026 12:00:00 GMT")
        transport.heard("Sun, 01 Mar 2026 12:00:00 GMT")

    assert 1 == around.met
    assert 2026 == regime.daytime.now().year


@pytest.mark.asyncio
async def test_what_left_is_saved_at_the_end(spool):
    """A stop in the middle of the hour forgets no byte of the day."""

    async def swallow(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nDate: Sun, 01 Mar 2026 12:00:00 GMT\r\n\r\n")
        await writer.drain()
        writer.close()

    around = Around()
    around.network = MOBILE
    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
    async with server, Transport() as transport:
        regime = Regime(
            Config(),
            spool=spool,
            transport=transport,
            clock=FakeClock(),
            surroundings=around,
            changed=Bell(),
        )
        await regime.begin()
        async with following(regime, Wakes()):
            await transport.call("GET", url, {}, None)
    day = regime.daytime.now().date()
    (spent,) = await asyncio.to_thread(spool.spent, day)

    assert Spent(kind="4g", costs=True, sent_bytes=spent.sent_bytes) == spent
    assert 0 < spent.sent_bytes
