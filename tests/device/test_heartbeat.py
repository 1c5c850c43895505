"""Heartbeats: their pace, what holds them, what a failure leads to, and what an answer does."""

import asyncio
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest

from device.agreed import Agreed
from device.bell import Bell
from device.config import Config, SpoolConfig
from device.core.orders import OrderState, Outcome, failed
from device.core.policy import Hold, Send
from device.daytime import Daytime
from device.errors import CloudThrottled, CloudUnreachable, NotTheCloud, TokenRefused
from device.heartbeat import BACK_OFF, EVERY_S, HEARTBEAT, LEAST_S, OTA, UNHEARD, Busy, Heartbeat
from device.model import State
from device.orders import Orders
from device.surroundings import NetworkKind, NetworkState, PowerState
from tests.fakes.clock import FakeClock
from tests.fakes.surroundings import FakeSurroundings
from tests.fakes.uploads import sealed_entry, spool_in

pytestmark = pytest.mark.asyncio
WIFI = NetworkState(kind=NetworkKind.WIFI)
MOBILE = NetworkState(kind=NetworkKind.CELLULAR)
ORDER = {"id": "cmd_1", "type": "trigger_upload"}


class Cloud:
    """Answers what it was given, or raises it; rings at each heartbeat."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.answers: list[Any] = []
        self.outcomes: list[tuple[str, Any]] = []
        self.rung = Bell()

    async def heartbeat(self, report):
        self.heard.append(dict(report))
        self.rung.ring()
        answer = self.answers.pop(0) if self.answers else {"status": "ok"}
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def answer_order(self, order, outcome):
        self.outcomes.append((order, dict(outcome)))


class Box:
    """Everything that a heartbeat is made of."""

    def __init__(self, spool, clock: FakeClock) -> None:
        self.spool, self.clock, self.cloud = spool, clock, Cloud()
        self.around = FakeSurroundings(network=WIFI)
        self.told: Send | Hold = Send()
        self.changed = Bell()
        self.busy = Busy()
        self.uploads = self.renewals = 0
        self.daytime = Daytime(clock)
        self.heartbeat = Heartbeat(
            every_s=None,
            limits=SpoolConfig(min_free_bytes=0),
            spool=spool,
            cloud=self.cloud,
            clock=clock,
            surroundings=self.around,
            permission=SimpleNamespace(told=lambda: self.told),
            agreed=Agreed(Config(), spool, self.changed),
            daytime=self.daytime,
            orders=Orders(
                spool=spool,
                cloud=self.cloud,
                daytime=self.daytime,
                upload=self.upload,
                record=self.record,
                forget=None,
            ),
            renew=self.renew,
            busy=lambda: self.busy,
        )

    async def upload(self) -> None:
        self.uploads += 1

    async def record(self, *_: object) -> Outcome:
        return failed("no recorder here")

    async def renew(self) -> bool:
        self.renewals += 1
        return True

    @asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.heartbeat.run())
        try:
            async with asyncio.timeout(5):
                yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def asleep(self) -> None:
        """Return when the loop waits for time to pass."""
        while True:
            if self.clock.sleeping:
                return
            await asyncio.sleep(0)

    async def heard(self, count: int) -> None:
        """Return when so many heartbeats were sent and the loop waits again."""
        while len(self.cloud.heard) < count:
            await self.cloud.rung.after(self.cloud.rung.count)
        await self.asleep()

    async def pass_s(self, seconds: float) -> None:
        """Let time pass, in the two naps that a pause consists of."""
        await self.asleep()
        self.clock.advance(LEAST_S)
        await self.asleep()
        self.clock.advance(seconds - LEAST_S)

    async def silent(self) -> bool:
        """Say that nothing more is sent, however often the loop is given its turn."""
        before = len(self.cloud.heard)
        for _ in range(20):
            await asyncio.sleep(0)
        return before == len(self.cloud.heard)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def box(tmp_path, clock):
    with spool_in(tmp_path / "spool", clock) as spool:
        yield Box(spool, clock)


async def test_at_once_and_then_at_its_pace(box):
    """The first goes at the start; the next ones a minute apart, give or take a tenth."""
    async with box.running():
        await box.heard(1)
        await box.pass_s(EVERY_S * 0.89)
        early = await box.silent()
        box.clock.advance(EVERY_S * 0.22)
        await box.heard(2)

    assert early


@pytest.mark.parametrize(
    ("every_s", "network", "period_s"),
    [(None, WIFI, 60), (None, MOBILE, 300), (20.0, MOBILE, 20), (20.0, WIFI, 20)],
)
async def test_rarer_where_bytes_cost(box, every_s, network, period_s):
    """Unless the operator has set a pace."""
    box.heartbeat.every_s = every_s
    box.around.network = network

    assert period_s == box.heartbeat.period_s()


async def test_the_bell_brings_the_next_one_forward(box):
    """A network that comes up, or an operator who asks, is worth one now."""
    async with box.running():
        await box.heard(1)
        box.clock.advance(LEAST_S)
        box.heartbeat.due.ring()
        await box.heard(2)


async def test_a_report_of_what_goes_on(box, tmp_path):
    """Figures are those of the spool and of its disk."""
    await asyncio.to_thread(sealed_entry, box.spool, tmp_path, b"audio")
    box.busy = Busy(uploading=True)
    box.around.power = PowerState(battery_percent=12, charging=False)
    await box.heartbeat.beat()
    (report,) = box.cloud.heard

    assert (1, "uploading", 12) == (
        report["pending_recordings"],
        report["device_state"],
        report["battery_percent"],
    )
    assert report["storage_total_mb"] >= report["storage_used_mb"] > 0
    assert 0b101010 == report["flags"]


async def test_what_is_quarantined_is_an_error(box, tmp_path):
    """A person must look, and somebody at the cloud's console may see it first."""
    entry = await asyncio.to_thread(sealed_entry, box.spool, tmp_path, b"audio")
    await asyncio.to_thread(box.spool.quarantine, entry.id, "bad")
    await box.heartbeat.beat()

    assert ("error", 0) == (
        box.cloud.heard[0]["device_state"],
        box.cloud.heard[0]["pending_recordings"],
    )


@pytest.mark.parametrize(
    ("code", "sent"),
    [("roaming", 0), ("data-limit", 0), ("network", 0), ("off-peak", 1), ("low-battery", 1)],
)
async def test_what_holds_a_heartbeat(box, code, sent):
    """Its bytes cost like others; hours and batteries are what it is there to tell of."""
    box.around.network = MOBILE
    box.told = Hold(code, "because")
    await box.heartbeat.beat()

    assert sent == len(box.cloud.heard)


async def test_a_rule_of_the_cloud_locks_it_out_of_no_network_that_costs_nothing(box):
    """A preference for mobile networks on a box with a cable is mended over the cable."""
    box.told = Hold("network", "the box is on a cable")
    await box.heartbeat.beat()

    assert 1 == len(box.cloud.heard)


async def test_a_pause_that_the_cloud_asks_for(box):
    """Nothing rings before it is over."""
    box.cloud.answers.append(CloudThrottled("slow down", retry_after_s=500))
    async with box.running():
        await box.heard(1)
        box.heartbeat.due.ring()
        box.clock.advance(499)
        quiet = await box.silent()
        box.clock.advance(1 + LEAST_S)
        await box.heard(2)

    assert quiet


async def test_failures_make_it_rarer(box):
    """Never more often than its pace, and never rarer than a quarter of an hour."""
    box.cloud.answers += [CloudUnreachable("no way")] * 40
    async with box.running():
        for count in range(1, 41):
            await box.heard(count)
            await box.pass_s(BACK_OFF.max_s)
        await box.heard(41)

    assert 0 == box.heartbeat.failures


async def test_a_refused_token_is_tried_at_the_usual_pace(box):
    """Somebody may have put another one in place, as for uploads."""
    box.cloud.answers += [TokenRefused("no")] * 10
    async with box.running():
        for count in range(1, 11):
            await box.heard(count)
            await box.pass_s(EVERY_S * 1.1)
        await box.heard(11)


async def test_a_page_in_place_of_the_cloud_is_told(box):
    """What surrounds the box is known to hold a portal before an upload meets it."""
    box.cloud.answers.append(NotTheCloud("a hotel"))
    async with box.running():
        await box.heard(1)

    assert ["portal"] == box.around.met


async def test_a_cloud_that_knows_no_boxes(box):
    """The loop ends, and nobody misses it."""
    box.cloud.answers.append(None)
    async with asyncio.timeout(5):
        await box.heartbeat.run()

    assert 1 == len(box.cloud.heard)


async def test_an_answer_that_breaks_us_is_survived(box, caplog):
    """A bug of ours costs one heartbeat."""
    box.cloud.answers.append(ZeroDivisionError("a bug"))
    async with box.running():
        await box.heard(1)
        await box.pass_s(EVERY_S * 1.1)
        await box.heard(2)

    assert "unexpectedly" in caplog.text


async def test_an_order_is_done_told_and_followed_by_another_heartbeat(box):
    """The next one does not wait for its turn: it has news."""
    box.cloud.answers += [{"commands": [ORDER]}]
    async with box.running():
        await box.heard(1)
        box.clock.advance(LEAST_S)
        await box.heard(2)

    assert 1 == box.uploads
    executed = {"status": "executed", "result": {"pending_recordings": 0}}
    assert [("cmd_1", executed)] == box.cloud.outcomes


async def test_an_order_that_comes_again_is_not_news(box):
    """Until the cloud has heard, it says so with every answer."""
    box.cloud.answers += [{"commands": [ORDER]}] * 2

    assert [True, False] == [await box.heartbeat.beat(), await box.heartbeat.beat()]
    assert (1, 1) == (box.uploads, len(box.cloud.outcomes))


async def test_settings_and_firmware_are_kept(box):
    """Settings hold at once; a firmware is noted, and never installed."""
    box.cloud.answers.append(
        {"settings": {"upload": {"allow_roaming": True}}, "ota": {"version": "2"}, "commands": 7}
    )
    await box.heartbeat.beat()

    assert box.heartbeat.agreed.merged.send.allow_roaming
    assert {"version": "2"} == (await asyncio.to_thread(box.spool.kept, OTA)).value


async def test_the_time_of_a_cloud_without_a_date(box):
    """A board in 1970 learns the time from the answer itself."""
    box.clock.step(-50 * 365 * 86_400.0)
    box.cloud.answers.append({"server_time": "2026-03-01T12:00:00Z"})
    await box.heartbeat.beat()

    assert 2026 == box.daytime.utc().year


async def test_the_token_is_exchanged_once_an_hour_at_most(box):
    """The cloud may go on asking until the new one has worked."""
    box.cloud.answers += [{"rotate_token": True}] * 3
    first, second = await box.heartbeat.beat(), await box.heartbeat.beat()
    box.clock.advance(3600)
    await box.heartbeat.beat()

    assert (True, False, 2) == (first, second, box.renewals)


async def test_heartbeats_that_go_well_are_written_down_rarely(box, clock):
    """One a minute would wear the card out; a failure is kept at once, with its reason."""
    await box.heartbeat.beat()
    first = await asyncio.to_thread(box.spool.kept, HEARTBEAT)
    clock.advance(60)
    await box.heartbeat.beat()
    second = await asyncio.to_thread(box.spool.kept, HEARTBEAT)
    await box.heartbeat._failed(CloudUnreachable("no way"))
    failed = await asyncio.to_thread(box.spool.kept, UNHEARD)
    await box.heartbeat.beat()
    again = await asyncio.to_thread(box.spool.kept, HEARTBEAT)

    assert first == second
    assert {"reason": "no way"} == failed.value
    assert clock.now() == again.at
    assert await asyncio.to_thread(box.spool.kept, UNHEARD) is None


async def test_an_order_that_cannot_be_told_of_waits(box):
    """It is done once, and told with a later heartbeat."""
    box.cloud.answers.append({"commands": [ORDER]})
    answer_order = box.cloud.answer_order
    box.cloud.answer_order = _away
    with suppress(CloudUnreachable):
        await box.heartbeat.beat()
    box.cloud.answer_order = answer_order
    await box.heartbeat.beat()
    (held,) = await asyncio.to_thread(box.spool.orders)

    assert (1, 1) == (box.uploads, len(box.cloud.outcomes))
    assert (OrderState.DONE, True) == (held.state, held.reported)
    assert [] == await asyncio.to_thread(box.spool.ids, State.SEALED)


async def _away(_order, _outcome):
    raise CloudUnreachable("no way")
