"""Orders: carried out once, told until heard, and a reset that never costs a recording."""

import asyncio
from datetime import timedelta

import pytest

from device import orders
from device.core.orders import Order, OrderState, OrderType, Outcome, done
from device.daytime import Daytime
from device.errors import CloudConflict, CloudRejected, CloudUnreachable, SpoolStorageFailed
from device.model import Evidence, Receipt, State
from device.orders import Orders
from tests.fakes.clock import FakeClock
from tests.fakes.uploads import sealed_entry, spool_in

pytestmark = pytest.mark.asyncio


class Cloud:
    """Takes outcomes, or raises what it was given."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[str, dict]] = []
        self.faults: list[Exception] = []

    async def answer_order(self, order, outcome):
        if self.faults:
            raise self.faults.pop(0)
        self.outcomes.append((order, dict(outcome)))


class Box:
    def __init__(self, spool, clock: FakeClock, *, resets: bool = True) -> None:
        self.spool, self.clock, self.cloud = spool, clock, Cloud()
        self.did: list[str] = []
        self.seen: list[OrderState] = []
        """Where orders stood while one was carried out."""
        self.fails: Exception | None = None
        self.there = asyncio.Event()
        """Set while the recorder is there."""
        self.there.set()
        self.orders = Orders(
            spool=spool,
            cloud=self.cloud,
            daytime=Daytime(clock),
            upload=self.upload,
            record=self.record,
            forget=self.forget if resets else None,
        )

    async def upload(self) -> None:
        self.did.append("upload")
        self.seen = [each.state for each in await asyncio.to_thread(self.spool.orders)]
        if self.fails is not None:
            raise self.fails

    async def record(self, order: Order, what: OrderType) -> Outcome:
        self.did.append(f"{what} {order.id}")
        await self.there.wait()
        return done(recording_id="ab")

    async def forget(self) -> None:
        self.did.append(f"forget after {len(self.cloud.outcomes)} outcomes")

    async def given(self, kind: str, **more) -> bool:
        await self.orders.take([Order(id="cmd_1", type=kind, **more)])
        return await self.orders.carry_out()

    async def ended(self) -> tuple[OrderState, str | None]:
        (held,) = await asyncio.to_thread(self.spool.orders)

        assert held.outcome is not None
        return held.state, held.outcome.error


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def spool(tmp_path, clock):
    with spool_in(tmp_path / "spool", clock) as opened:
        yield opened


@pytest.fixture
def box(spool, clock):
    return Box(spool, clock)


async def test_an_upload_is_triggered(box, spool, tmp_path):
    """Everything is looked at and sent; the result says how much waited."""
    await asyncio.to_thread(sealed_entry, spool, tmp_path, b"audio")
    worked = await box.given("trigger_upload")
    await box.orders.report()

    assert worked
    assert ["upload"] == box.did
    executed = {"status": "executed", "result": {"pending_recordings": 1}}
    assert [("cmd_1", executed)] == box.cloud.outcomes


@pytest.mark.parametrize("kind", ["start_recording", "stop_recording"])
async def test_a_recorder_is_told(box, kind):
    """What it did is the result."""
    await box.given(kind)
    await box.orders.report()

    assert [f"{kind} cmd_1"] == box.did
    assert [("cmd_1", {"status": "executed", "result": {"recording_id": "ab"}})] == (
        box.cloud.outcomes
    )


async def test_a_recorder_that_is_not_there(box, clock, monkeypatch):
    """The order stays open, and is brought again with the next heartbeat, until it expires."""
    monkeypatch.setattr(orders, "PATIENCE_S", 0.01)
    box.there.clear()
    worked = await box.given("start_recording", expires_at=clock.now() + timedelta(hours=1))
    (open_still,) = await asyncio.to_thread(box.spool.orders)
    box.there.set()
    await box.orders.carry_out()

    assert not worked
    assert OrderState.BEGUN is open_still.state
    assert ["start_recording cmd_1"] * 2 == box.did
    assert OrderState.DONE is (await box.ended())[0]


async def test_a_recorder_that_never_comes(box, clock, monkeypatch):
    """An order that expires ends by that; nobody knows whether the recorder heard it."""
    monkeypatch.setattr(orders, "PATIENCE_S", 0.01)
    box.there.clear()
    await box.given("start_recording", expires_at=clock.now() + timedelta(hours=1))
    clock.advance(3601)
    await box.orders.carry_out()
    state, error = await box.ended()

    assert OrderState.EXPIRED is state
    assert "nobody knows" in str(error)


async def test_an_order_without_an_end_does_not_wait_for_ever(box, monkeypatch):
    """It fails at once where its recorder is not there."""
    monkeypatch.setattr(orders, "PATIENCE_S", 0.01)
    box.there.clear()
    await box.given("start_recording")

    assert (OrderState.FAILED, "the recorder is not there") == await box.ended()


async def test_an_order_that_came_too_late(box, clock):
    """It is not carried out, and told as failed."""
    await box.given("trigger_upload", expires_at=clock.now() - timedelta(seconds=1))
    await box.orders.report()

    assert [] == box.did
    assert "failed" == box.cloud.outcomes[0][1]["status"]
    assert OrderState.EXPIRED is (await box.ended())[0]


async def test_a_failure_of_ours_is_how_it_ended(box):
    """An error has a sentence, and that is what the cloud is told."""
    box.fails = SpoolStorageFailed("the disk is gone")
    await box.given("trigger_upload")

    assert (OrderState.FAILED, "the disk is gone") == await box.ended()


async def test_an_order_is_begun_before_it_is_carried_out(box):
    """A crash in the middle finds it as begun."""
    await box.given("trigger_upload")

    assert [OrderState.BEGUN] == box.seen


async def test_the_same_order_again(box):
    """It is known by its id: not carried out, not told once more."""
    await box.given("trigger_upload")
    await box.orders.report()
    again = await box.given("trigger_upload")
    await box.orders.report()

    assert not again
    assert (1, 1) == (len(box.did), len(box.cloud.outcomes))


async def test_what_a_crash_cut_off(box, spool, clock):
    """An upload is triggered again by the next run; a reset is not."""
    orders = [Order(id="a", type="factory_reset"), Order(id="b", type="trigger_upload")]
    await box.orders.take(orders)
    for name in ("a", "b"):
        await asyncio.to_thread(spool.begin_order, name)
    again = Box(spool, clock)
    await again.orders.carry_out()
    held = await asyncio.to_thread(spool.orders)

    assert ["upload"] == again.did
    assert [OrderState.FAILED, OrderState.DONE] == [each.state for each in held]


async def test_an_end_is_told_until_it_is_heard(box):
    """Also by the next run; an order of which the cloud wants to hear no more is over."""
    await box.given("trigger_upload")
    box.cloud.faults = [CloudUnreachable("no way")]
    with pytest.raises(CloudUnreachable):
        await box.orders.report()
    await box.orders.report()
    await box.orders.report()

    assert 1 == len(box.cloud.outcomes)


@pytest.mark.parametrize("error", [CloudRejected("what order?"), CloudConflict("expired")])
async def test_an_end_that_nobody_wants_to_hear(box, error):
    """It is not told for ever."""
    await box.given("trigger_upload")
    box.cloud.faults = [error]
    await box.orders.report()
    await box.orders.report()

    assert [] == box.cloud.outcomes


async def test_a_reset_needs_the_operators_leave(spool, clock):
    """By default the cloud cannot take a box's token away from it."""
    box = Box(spool, clock, resets=False)
    await box.given("factory_reset")

    assert [] == box.did
    assert "allow_factory_reset is false" in str((await box.ended())[1])


async def test_a_reset_is_announced_before_the_token_is_gone(box):
    """Afterwards there is nothing to say it with; it is not told twice."""
    await box.given("factory_reset")
    await box.orders.report()

    assert ["forget after 1 outcomes"] == box.did
    assert 1 == len(box.cloud.outcomes)
    assert (OrderState.DONE, None) == await box.ended()


async def test_a_reset_that_cannot_be_announced(box):
    """It was ordered, so it is done; the log says that nobody heard."""
    box.cloud.faults = [CloudUnreachable("no way")]
    await box.given("factory_reset")

    assert ["forget after 0 outcomes"] == box.did
    assert (OrderState.DONE, None) == await box.ended()


@pytest.mark.parametrize("state", [State.SEALED, State.QUARANTINED, State.STORED])
async def test_a_reset_never_costs_a_recording(box, spool, clock, tmp_path, state):
    """While one is not released the box keeps what it needs to send it."""
    await asyncio.to_thread(_entry_in, state, spool, clock, tmp_path)
    await box.given("factory_reset")

    assert [] == box.did
    assert "1 recording is not released" in str((await box.ended())[1])
    assert 1 == len(await asyncio.to_thread(spool.ids, state))


def _entry_in(state: State, spool, clock: FakeClock, tmp_path) -> None:
    entry = sealed_entry(spool, tmp_path, b"audio")
    if state is State.QUARANTINED:
        spool.quarantine(entry.id, "bad")
    if state is State.STORED:
        spool.save_evidence(entry.id, 0, Evidence(status=200))
        receipt = Receipt(cloud="t", cloud_recording="r", acknowledged_at=clock.now())
        spool.store(entry.id, receipt)
