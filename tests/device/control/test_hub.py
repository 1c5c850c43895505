"""Hub: everybody is told, gathered, and nobody holds the others up."""

import asyncio
import json

import pytest

from device.control.hub import MOST_BEHIND, NOTHING, STATUS_EVERY_S, Hub
from device.model import EntryId
from tests.fakes.clock import FakeClock

ID = EntryId("ab" * 16)


@pytest.mark.asyncio
async def test_progress_is_gathered_four_times_a_second():
    """A thousand steps in a second are four events, and the last one is current."""
    clock = FakeClock()
    hub = Hub(clock=clock)
    run = asyncio.create_task(hub.run_progress())
    with hub.listening() as listener:
        for step in range(1000):
            hub.pulling(ID, 0, step, 1000)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            clock.advance(0.001)
        clock.advance(0.25)
        for _ in range(5):
            await asyncio.sleep(0)
        said = [listener.events.get_nowait() for _ in range(listener.events.qsize())]
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)

    assert len(said) in {4, 5}
    assert {"progress"} == {event.name for event in said}
    assert 999 == json.loads(said[-1].data)["transfers"][0]["done_bytes"]


@pytest.mark.asyncio
async def test_a_slow_reader_is_dropped_and_the_others_hear_on():
    """Its events are thrown away with it: they would fill the memory."""
    hub = Hub(clock=FakeClock())
    with hub.listening() as slow, hub.listening() as quick:
        heard = 0
        for _ in range(MOST_BEHIND + 10):
            hub.note("news")
            heard += await quick.next(1) is not None

        assert (True, False) == (slow.dropped, quick.dropped)
        assert None is await slow.next(1)
        assert (MOST_BEHIND + 10, 0) == (heard, slow.events.qsize())


@pytest.mark.asyncio
async def test_silence_is_told_as_silence():
    """Whoever writes the stream shows a sign of life then."""
    hub = Hub(clock=FakeClock())
    with hub.listening() as listener:
        assert NOTHING is await listener.next(0)


@pytest.mark.asyncio
async def test_notes_are_told_without_what_steers_a_terminal():
    """Recorders choose names, and URLs hold secrets."""
    hub = Hub(clock=FakeClock())
    with hub.listening() as listener:
        hub.note("lost \x1b[2J https://store/x?X-Amz-Signature=secret dtok_abcdefgh")
        event = await listener.next(1)

    assert event is not None
    sentence = json.loads(event.data)["sentence"]
    assert "\x1b" not in sentence
    assert "secret" not in sentence
    assert "abcdefgh" not in sentence


@pytest.mark.asyncio
async def test_changes_in_quick_succession_are_one_piece_of_news():
    """A pull of a hundred recordings is not a hundred looks at the spool."""
    clock = FakeClock()
    hub = Hub(clock=clock)
    news = asyncio.create_task(hub.news(60))
    for _ in range(100):
        hub.stir()
        await asyncio.sleep(0)
    early = news.done()
    clock.advance(2)
    await news

    assert not early
    assert not hub._changed.is_set()


@pytest.mark.asyncio
async def test_whoever_begins_to_listen_gets_the_news_soon():
    """While nobody looks, the status is told once a minute; a listener does not wait for that."""
    clock = FakeClock()
    hub = Hub(clock=clock)
    news = asyncio.create_task(hub.news(3600))
    with hub.listening():
        for _ in range(50):
            await asyncio.sleep(0)
        clock.advance(STATUS_EVERY_S)
        async with asyncio.timeout(1):
            await news

        assert hub.watched
    assert not hub.watched
