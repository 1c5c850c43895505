"""The sending policy at work: what it holds up waits with a reason, and goes on by itself."""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from device.bell import Bell
from device.core.policy import MB, Hold
from device.daytime import Daytime
from device.dispatch import HOLD, Dispatcher
from device.ledger import Ledger
from device.model import State
from device.off_peak import OffPeak
from device.permission import Permission
from device.progress import Silent
from device.pulse import Unwatched
from device.settings import SendSettings
from device.surroundings import NetworkKind, NetworkState, PowerState
from tests.device.test_dispatch import clock, rig, spool  # noqa: F401 - fixtures
from tests.fakes.bota_api import HTML
from tests.fakes.uploads import CHUNK_BYTES, noise

pytestmark = pytest.mark.asyncio

NIGHT = OffPeak.parse("22:00-06:00 UTC")
HOME = NetworkState(kind=NetworkKind.CELLULAR, roaming=False)
ABROAD = NetworkState(kind=NetworkKind.CELLULAR, roaming=True)


class Governed:
    """A rig whose dispatcher asks the policy."""

    def __init__(self, rig, settings: SendSettings, network: NetworkState = HOME) -> None:  # noqa: F811
        self.rig = rig
        self.settings, self.network, self.power = settings, network, PowerState()
        self.ledger = Ledger(rig.spool, rig.transport.tally, rig.clock, Daytime(rig.clock))
        self.ledger.moved_to(network)
        self.permission = Permission(
            ledger=self.ledger,
            clock=rig.clock,
            daytime=Daytime(rig.clock),
            settings=lambda: self.settings,
            network=lambda: self.network,
            power=lambda: self.power,
        )
        rig.transport.leave = self.permission.leave

    def dispatcher(self, *, once: bool = False) -> Dispatcher:
        made = self.rig.dispatcher(once=once)
        made.permission = self.permission
        return made

    def change(self, network: NetworkState) -> None:
        self.network = network
        self.ledger.moved_to(network)
        self.rig.sealed.ring()

    async def hold(self):
        kept = await asyncio.to_thread(self.rig.spool.kept, HOLD)
        return kept and kept.value


@asynccontextmanager
async def running(dispatcher: Dispatcher):
    task = asyncio.create_task(dispatcher.run())
    try:
        async with asyncio.timeout(15):
            yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(reached: Callable[[], bool]) -> None:
    while not reached():  # noqa: ASYNC110 - several things in turn make it so
        await asyncio.sleep(0)


async def quiet(dispatcher: Dispatcher) -> None:
    """Return once nothing goes up and the loop sleeps."""
    await until(lambda: not dispatcher._in_flight and dispatcher.clock.sleeping > 0)


async def state_of(rig, entry) -> State:  # noqa: F811
    return (await rig.entry(entry)).state


async def until_stored(rig, entry) -> None:  # noqa: F811
    while await state_of(rig, entry) is not State.STORED:
        await rig.stored.after(rig.stored.count)


async def test_nothing_goes_abroad(rig):  # noqa: F811
    """While roaming, no byte leaves and the reason is kept; at home it goes on by itself."""
    entry = await rig.seal(1, noise(30_000))
    governed = Governed(rig, SendSettings(), ABROAD)
    dispatcher = governed.dispatcher()
    async with running(dispatcher):
        await quiet(dispatcher)
        held, sent = await governed.hold(), governed.ledger.used_bytes()
        governed.change(HOME)
        await until_stored(rig, entry)
        after = await governed.hold()

    assert ("roaming", 0, None) == (held["code"], sent, after)
    assert "roaming" in held["reason"]


async def test_a_hold_is_logged_once_though_its_end_moves(rig, caplog):  # noqa: F811
    """The end is known when the clock is, and moves with it; the hold is the same one."""
    hold = Hold("data-limit", "today is used up")
    holds = [hold, replace(hold, until=rig.clock.now() + timedelta(hours=3))]
    dispatcher = rig.dispatcher(once=False)
    dispatcher.permission = SimpleNamespace(told=lambda: holds[0])
    async with running(dispatcher):
        await quiet(dispatcher)
        holds.pop(0)
        rig.sealed.ring()
        await until(lambda: dispatcher._hold == holds[0])
        await quiet(dispatcher)

    assert 1 == caplog.messages.count("Uploads are held")
    assert (await asyncio.to_thread(rig.spool.kept, HOLD)).value["until"] is not None


async def test_an_earlier_runs_hold_ends_with_the_first_look(rig):  # noqa: F811
    """A restart or a reload may come after what held: `status` would tell it for ever."""
    await asyncio.to_thread(rig.spool.keep, HOLD, {"code": "network", "reason": "x", "until": None})
    governed = Governed(rig, SendSettings())
    dispatcher = governed.dispatcher()
    async with running(dispatcher):
        await quiet(dispatcher)
        held = await governed.hold()

    assert None is held


class CrossesTheBorder(Silent):
    """The network becomes a foreign one in the middle of an upload."""

    def __init__(self, governed: Governed) -> None:
        self.governed = governed

    def uploading(self, entry, index, done_bytes, total_bytes):
        if CHUNK_BYTES < done_bytes < total_bytes and self.governed.network is HOME:
            self.governed.change(ABROAD)


async def test_what_is_under_way_stops_at_the_border(rig):  # noqa: F811
    """An upload is cut short where the policy changes its mind, and goes on from there at home."""
    entry = await rig.seal(1, noise(40 * CHUNK_BYTES))
    governed = Governed(rig, SendSettings())
    dispatcher = governed.dispatcher()
    dispatcher.progress = CrossesTheBorder(governed)
    async with running(dispatcher):
        await until(lambda: governed.network is ABROAD)
        await quiet(dispatcher)
        at_border = await rig.entry(entry)
        dispatcher.progress = Silent()
        governed.change(HOME)
        await until_stored(rig, entry)
    end = await rig.entry(entry)

    assert State.SEALED is at_border.state
    assert 0 == at_border.attempts
    assert end.resent_bytes <= 2 * CHUNK_BYTES


class Border(CrossesTheBorder):
    """Remembers, too, what moves no more."""

    def __init__(self, governed: Governed) -> None:
        super().__init__(governed)
        self.waits = []

    def moved(self, entry):
        self.waits.append(entry.wait and entry.wait.code)


async def test_what_a_hold_cuts_short_is_told_to_move_no_more(rig):  # noqa: F811
    """Whoever watches sees it wait with the policy's reason, not move at its last rate for ever."""
    await rig.seal(1, noise(40 * CHUNK_BYTES))
    governed = Governed(rig, SendSettings())
    dispatcher = governed.dispatcher()
    dispatcher.progress = Border(governed)
    async with running(dispatcher):
        await until(lambda: governed.network is ABROAD)
        await quiet(dispatcher)
        waits = list(dispatcher.progress.waits)

    assert ["roaming"] == waits


async def test_a_day_sends_no_more_than_its_limit(rig):  # noqa: F811
    """What does not fit into today waits for tomorrow, and gets there day by day."""
    entry = await rig.seal(1, noise(2_500_000))
    governed = Governed(rig, SendSettings(daily_data_limit_mb=1))
    dispatcher = governed.dispatcher()
    days = []
    async with running(dispatcher):
        while True:
            await quiet(dispatcher)
            days.append(governed.ledger.used_bytes())
            if await state_of(rig, entry) is State.STORED:
                break
            wait = (await rig.entry(entry)).wait
            rig.clock.advance((wait.until - rig.clock.now()).total_seconds())
            rig.sealed.ring()

    assert ("data-limit", datetime(2026, 3, 3, tzinfo=UTC)) == (wait.code, wait.until)
    assert 3 == len(days)
    assert all(used <= MB for used in days)


async def test_off_peak_hours_are_kept(rig):  # noqa: F811
    """At noon it waits; at ten in the evening it goes."""
    entry = await rig.seal(1, noise(30_000))
    governed = Governed(rig, SendSettings(off_peak=NIGHT))
    dispatcher = governed.dispatcher()
    async with running(dispatcher):
        await quiet(dispatcher)
        before = await state_of(rig, entry)
        held = await governed.hold()
        while await state_of(rig, entry) is not State.STORED:
            await quiet(dispatcher)
            if rig.clock.now() < datetime(2026, 3, 1, 22, tzinfo=UTC):
                rig.clock.advance(1800)
        gone_at = rig.clock.now()

    assert State.SEALED is before
    assert "2026-03-01T22:00:00Z" == held["until"]
    assert datetime(2026, 3, 1, 22, tzinfo=UTC) <= gone_at


class Turns(Unwatched):
    """Tells when the loop has looked once more."""

    def __init__(self) -> None:
        self.ended = Bell()

    def rest(self, _seconds: float) -> None:
        self.ended.ring()


async def test_a_border_that_is_crossed_all_the_time_is_not_paid_for_each_time(
    rig,  # noqa: F811
    monkeypatch,
):
    """What only starting over can repeat waits longer and longer after it was cut short."""
    entry = await rig.seal(1, noise(3_000))
    governed = Governed(rig, SendSettings(), ABROAD)
    dispatcher = governed.dispatcher()
    turns = dispatcher.pulse = Turns()
    sending = Bell()

    async def upload(entry_id, *, spool, **_seams):  # noqa: F811
        await asyncio.to_thread(spool.count_resent, entry_id, 1_000_000)
        sending.ring()
        await asyncio.Event().wait()

    monkeypatch.setattr("device.dispatch.upload_entry", upload)
    async with running(dispatcher):
        await quiet(dispatcher)
        for _ in range(120):
            seen, sent = turns.ended.count, sending.count
            governed.change(HOME)
            await turns.ended.after(seen)
            if dispatcher._in_flight:
                await sending.after(sent)
            governed.change(ABROAD)
            await quiet(dispatcher)
            rig.clock.advance(1)
        left = await rig.entry(entry)

    assert 3 <= sending.count <= 15
    assert "again and again" in left.wait.reason


async def test_a_hold_is_kept_once_however_often_it_is_asked_for(rig, monkeypatch):  # noqa: F811
    """Its end is reckoned anew each time, by two clocks, and is off by an instant: no news."""
    await rig.seal(1, noise(3_000))
    governed = Governed(rig, SendSettings(off_peak=NIGHT))
    dispatcher = governed.dispatcher()
    turns = dispatcher.pulse = Turns()
    now, looks = rig.clock.now, itertools.count(1)

    def later() -> datetime:
        rig.clock.step(0.000_010 * next(looks))
        return now()

    monkeypatch.setattr(rig.clock, "now", later)
    kept, keep = [], rig.spool.keep
    monkeypatch.setattr(rig.spool, "keep", lambda *fact: (kept.append(fact), keep(*fact)))
    async with running(dispatcher):
        for _ in range(5):
            await turns.ended.after(turns.ended.count - 1)
            seen = turns.ended.count
            rig.sealed.ring()
            await turns.ended.after(seen)

    assert 1 == len(kept)


async def test_a_hold_lets_an_upload_keep_what_it_has(rig, monkeypatch):  # noqa: F811
    """Asked again while it is on its way out, it is not cut short a second time."""
    await rig.seal(1, noise(3_000))
    governed = Governed(rig, SendSettings())
    dispatcher = governed.dispatcher()
    turns = dispatcher.pulse = Turns()
    sending, leaving, let_go = asyncio.Event(), asyncio.Event(), asyncio.Event()
    ended = []

    async def upload(*_args, **_seams):
        try:
            sending.set()
            await asyncio.Event().wait()
        finally:
            leaving.set()
            await let_go.wait()
            ended.append("in order")

    monkeypatch.setattr("device.dispatch.upload_entry", upload)
    async with running(dispatcher):
        await sending.wait()
        governed.change(ABROAD)
        await leaving.wait()
        await turns.ended.after(1)
        rig.sealed.ring()
        await turns.ended.after(2)
        let_go.set()
        await quiet(dispatcher)

    assert ["in order"] == ended


async def test_a_portal_is_told_to_the_surroundings(rig):  # noqa: F811
    """A page in place of the cloud is what a captive portal looks like."""
    await rig.seal(1, noise(3_000))
    rig.bota.faults["create"].append(HTML)
    seen = Bell()
    dispatcher = rig.dispatcher()
    dispatcher.aftermath.portal = seen.ring
    await rig.settle(dispatcher)

    assert 1 == seen.count


async def test_a_single_run_does_not_sit_out_a_hold(rig):  # noqa: F811
    """`run --once` says why nothing went up and ends, to be tried again later."""
    entry = await rig.seal(1, noise(30_000))
    governed = Governed(rig, SendSettings(), ABROAD)
    dispatcher = governed.dispatcher(once=True)
    await rig.settle(dispatcher)

    assert 75 == dispatcher.stop_code
    assert "roaming" in dispatcher.problems[entry.id]
    assert State.SEALED is await state_of(rig, entry)
