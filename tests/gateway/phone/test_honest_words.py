"""Nobody is told to leave before that is true: of slow, partial, cut and busy recorders."""

import asyncio
import dataclasses

import pytest

from device.core.link.listing import Holding
from device.dispatch import Dispatcher
from device.model import Condition
from gateway.core.tunnel import Standing
from gateway.phone import words
from gateway.phone.opening import Shown
from tests.gateway.phone.recorders import AUDIO, SHORT, NativeRecorder, switched_on

pytestmark = pytest.mark.asyncio


def standings(page):
    return [told for told in page.told if isinstance(told, Standing)]


async def visit_of(api, phone):
    """Wait for the end of a phone's only visit."""
    path = f"/v1/phones/{phone.id}/visits"
    async with asyncio.timeout(10):
        while True:
            (visit,) = (await api.call("GET", path)).json["data"]
            if visit["ended_at"]:
                return visit


@pytest.fixture
def listing(monkeypatch):
    """Hold the recorder's listing until it is set."""
    may = asyncio.Event()
    original = Shown.recordings

    async def held(self):
        await may.wait()
        return await original(self)

    monkeypatch.setattr(Shown, "recordings", held)
    return may


async def test_a_recorder_that_has_not_listed_yet_is_not_empty(phone, listing):
    """Who it is is known long before what it holds: until then the phone stays."""
    recorder = NativeRecorder()
    async with switched_on(recorder), phone.page() as page:
        channel = page.connect(recorder.gatt())
        early = await page.hear(Standing)
        listing.set()
        await page.all_released(channel, 1)
        done = await page.hear(Standing, lambda s: s.message == words.DONE)

    assert (words.STAY, []) == (early.message, list(early.recordings))
    assert done.channel == channel
    assert [s.message for s in standings(page)].count(words.NOTHING) == 0


async def test_a_visit_that_ends_before_the_listing_is_cut(api, phone, listing):
    """Nothing was pulled, and nobody knows what is there: that is not done."""
    recorder = NativeRecorder()
    async with switched_on(recorder), phone.page() as page:
        gatt = recorder.gatt()
        page.connect(gatt)
        await page.hear(Standing)
        gatt.cut()
        listing.set()
        left = await page.hear(Standing, lambda s: s.channel is None)
        visit = await visit_of(api, phone)

    assert ("cut", words.CLOSER) == (visit["state"], left.message)


async def test_a_listing_with_holes_is_not_the_end(phone, monkeypatch):
    """A recorder that told of less than it holds may hold what nobody has pulled."""
    original = Shown.recordings

    async def partial(self):
        return dataclasses.replace(await original(self), complete=False)

    monkeypatch.setattr(Shown, "recordings", partial)
    recorder = NativeRecorder({(b"A" * 16, 1): (SHORT,)})
    async with switched_on(recorder), phone.page() as page:
        channel = page.connect(recorder.gatt())
        await page.all_released(channel, 1)
        await page.hear(Standing, lambda s: s.message == words.PARTLY)

    assert [s for s in standings(page) if s.message == words.DONE] == []


async def test_what_was_cut_is_not_called_pulled(phone, monkeypatch):
    """One recording goes up, another is cut in the middle: the phone is to come closer."""
    holding = asyncio.Event()
    original = Dispatcher._upload

    async def held_up(self, entry):
        await holding.wait()
        await original(self, entry)

    monkeypatch.setattr(Dispatcher, "_upload", held_up)
    recorder = NativeRecorder({(b"A" * 16, 1): (SHORT,), (b"B" * 16, 1): (AUDIO * 3,)})
    async with switched_on(recorder), phone.page() as page:
        gatt = recorder.gatt(hold_after=700)
        page.connect(gatt)
        await page.hear(
            Standing, lambda s: {"sending", "pulling"} == {row.state for row in s.recordings}
        )
        gatt.cut()
        left = await page.hear(Standing, lambda s: s.channel is None)
        holding.set()
        later = await page.hear(
            Standing,
            lambda s: s.channel is None and "stored" in {row.state for row in s.recordings},
        )

    assert {words.CLOSER} == {left.message, later.message}


async def test_what_is_being_recorded_is_not_safe_yet(phone, monkeypatch):
    """Whoever stops the recorder afterwards must know that this one comes another time."""
    original = Shown.info

    async def making(self):
        info = await original(self)
        info = dataclasses.replace(info, conditions=(Condition.RECORDING,))
        self._saw(info)
        return info

    monkeypatch.setattr(Shown, "info", making)
    recorder = NativeRecorder({})
    async with switched_on(recorder), phone.page() as page:
        page.connect(recorder.gatt())
        await page.hear(Standing, lambda s: s.message == words.MAKING)

    assert [s for s in standings(page) if s.message == words.DONE] == []


async def test_an_open_recording_is_no_empty_recorder(phone):
    """A native recorder tells of what it writes by its listing alone."""
    recorder = NativeRecorder()
    recorder.store.stored = [
        dataclasses.replace(each, state=Holding.OPEN) for each in recorder.store.stored
    ]
    async with switched_on(recorder), phone.page() as page:
        page.connect(recorder.gatt())
        await page.hear(Standing, lambda s: s.message == words.MAKING)

    assert [s for s in standings(page) if s.message == words.NOTHING] == []
