"""One writer per medium, whatever else is going on."""

import asyncio

import pytest

from gateway.errors import Draining, Superseded
from gateway.turns import Turns

pytestmark = pytest.mark.asyncio


@pytest.fixture
def turns(monkeypatch):
    """Slots of which only one may rest."""
    monkeypatch.setattr("gateway.turns._OPEN_PARTS", 1)
    return Turns()


class Visit:
    """A request that stays at a medium until it is told to leave."""

    def __init__(self, turns, medium_id):
        self.inside = asyncio.Event()
        self.leave = asyncio.Event()
        self.turn = None
        self.task = asyncio.ensure_future(self._run(turns, medium_id))

    async def _run(self, turns, medium_id):
        async with turns.claim(medium_id) as self.turn:
            self.inside.set()
            await self.leave.wait()

    async def end(self):
        self.leave.set()
        await self.task


async def settled():
    for _ in range(20):
        await asyncio.sleep(0)


async def test_closing_surplus_files_leaves_a_waiting_writer_its_slot(turns):
    """A slot that is being handed over is not thrown away: a third writer still has to wait."""
    first = Visit(turns, "med_a")
    await first.inside.wait()
    second = Visit(turns, "med_a")
    await settled()
    other = Visit(turns, "med_b")
    await other.inside.wait()
    await first.end()
    await second.inside.wait()
    third = Visit(turns, "med_a")
    await settled()
    both_inside = third.inside.is_set()
    await second.end()
    await third.end()
    await other.end()

    assert not both_inside


async def test_a_slot_that_is_waited_for_counts_as_open(turns):
    """Nobody looks at a medium as if it rested while somebody is about to write."""
    first = Visit(turns, "med_a")
    await first.inside.wait()
    second = Visit(turns, "med_a")
    await settled()
    first.leave.set()

    assert turns.is_open("med_a")

    await first.task
    await second.end()


async def test_only_the_newest_of_those_who_wait_gets_a_turn(turns):
    """Who was overtaken while waiting is told so."""
    first = Visit(turns, "med_a")
    await first.inside.wait()
    second = Visit(turns, "med_a")
    await settled()
    third = Visit(turns, "med_a")
    await settled()
    must_end = first.turn.must_end
    await first.end()
    with pytest.raises(Superseded):
        await second.task
    await third.end()

    assert must_end


async def test_a_deletion_has_its_turn_whoever_comes_after_it(api):
    """A request that overtakes a waiting DELETE fails neither it nor the removal of the bytes."""
    turns = api.gateway.intake._turns
    recording = await api.recording()
    medium_id = (await api.target(recording, b"some", declare=False))["media_id"]
    first = Visit(turns, medium_id)
    await first.inside.wait()
    deleting = asyncio.ensure_future(
        api.call("DELETE", f"/v1/recordings/{recording}", token=await api.api_key())
    )
    while not first.turn.must_end:  # noqa: ASYNC110 - the claim tells nobody that it waits
        await asyncio.sleep(0)
    newer = Visit(turns, medium_id)
    await settled()
    await first.end()
    deleted = await deleting
    await newer.end()

    assert 204 == deleted.status
    assert [] == await api.gateway.store.recordings.deleted()


async def test_a_drained_gateway_admits_nobody(turns):
    """After draining began every claim is refused."""
    turns.drain()

    with pytest.raises(Draining):
        async with turns.claim("med_a"):
            pass


async def test_nothing_is_kept_of_a_medium_that_is_done_with(turns):
    """A thousand small media leave no slot for the next one to look through."""
    for number in range(3):
        async with turns.claim(f"med_{number}"):
            pass

    assert {} == turns._slots
