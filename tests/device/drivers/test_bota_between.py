"""The Bota driver between two transfers: nothing of one gets into the next, or holds it up."""

import asyncio

import pytest

from device.core.bota_ble import commands, packets, uuids
from device.core.bota_ble.stream import Notify
from device.drivers import bota_read, bota_session
from device.errors import LinkLost, ProtocolViolation
from tests.device.drivers.bota_rig import (
    LONG,
    LONG_ID,
    SHORT,
    SHORT_ID,
    MemoryGatt,
    driving,
    hasten,
    pull,
    recorder,
)

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def _hasten(monkeypatch):
    hasten(monkeypatch)


async def test_what_came_before_a_start_is_no_part_of_it():
    """A packet of an earlier transfer that still waits is forgotten."""
    source = recorder()
    async with driving(source) as driver:
        (recording, *_) = (await driver.recordings()).recordings
        driver._session.packets.put(packets.encode_data(0, b"stray"))
        chunks = [chunk async for chunk in driver.read(recording, recording.media[0], 0)]

    assert b"".join(chunks) == LONG
    assert [v for _, v in source.writes].count(commands.start(LONG_ID)) == 1


async def test_notifications_that_nobody_takes_are_bounded(monkeypatch):
    """What is too much is dropped: the newest, as what waits is in order."""
    monkeypatch.setattr(bota_session, "MAX_WAITING", 2)
    inbox = bota_session.Inbox(MemoryGatt(recorder()))
    for value in (b"1", b"2", b"3"):
        inbox.put(value)
    taken = [await inbox.next(0) for _ in range(3)]

    assert taken == [b"1", b"2", None]


async def test_nothing_is_not_taken_for_what_is_listed():
    """A recorder that cannot read its card may send an end and no bytes: that is no recording."""
    async with driving(recorder({SHORT_ID: b""}, listed_kib=5)) as driver:
        with pytest.raises(ProtocolViolation, match="sends no byte"):
            await pull(driver, SHORT_ID)


async def test_what_is_listed_as_empty_may_be_empty():
    """Who began and ended at once made a recording of nothing."""
    async with driving(recorder({SHORT_ID: b""})) as driver:
        content = await pull(driver, SHORT_ID)

    assert content == b""


async def test_who_abandons_a_read_cannot_take_it_for_whole():
    """A read that another one pushed aside ends with an error, never as if it were at its end."""
    async with driving(recorder()) as driver:
        (recording, *_) = (await driver.recordings()).recordings
        reading = driver.read(recording, recording.media[0], 0)
        await anext(reading)
        await driver.recordings()

        with pytest.raises(LinkLost):
            async for _ in reading:
                pass


async def test_a_reader_that_fails_disturbs_no_other(monkeypatch):
    """A disk that is full ends a read without a word; the next one waits until that is over."""
    monkeypatch.setattr(bota_read, "QUIET_S", 0.1)
    source = recorder()
    async with driving(source) as driver:
        long, short = (await driver.recordings()).recordings
        with pytest.raises(OSError, match="full"):  # noqa: PT012 - it is the reader that fails
            async for _ in driver.read(long, long.media[0], 0):
                raise OSError("full")
        for _ in range(3):
            await asyncio.sleep(0)  # as the loop gives to whoever closes what was left open
        chunks = [chunk async for chunk in driver.read(short, short.media[0], 0)]

    starts = [v for _, v in source.writes if v == commands.start(SHORT_ID)]
    assert b"".join(chunks) == SHORT
    assert len(starts) == 1


async def test_a_recorder_that_sends_on_for_ever_is_left(monkeypatch):
    """Leaving waits for silence, but not beyond its time."""
    monkeypatch.setattr(bota_read, "DRAIN_S", 0.2)
    source = recorder()
    async with driving(source) as driver:
        (recording, *_) = (await driver.recordings()).recordings
        reading = driver.read(recording, recording.media[0], 0)
        await anext(reading)
        event = Notify(characteristic=uuids.RECORDING_TRANSFER, value=b"\x99\0\0", after_s=0.001)
        source.next_event = lambda: event
        async with asyncio.timeout(2.0):
            await reading.aclose()


async def test_a_close_that_is_cut_short_still_ends_the_connection():
    """Whoever is stopped while the recorder takes its ABORT leaves no connection behind."""
    async with driving(recorder()) as driver:
        (recording, *_) = (await driver.recordings()).recordings
        reading = driver.read(recording, recording.media[0], 0)
        await anext(reading)
        gatt, aborting = driver._session.connection, asyncio.Event()

        async def write(*_, **__):
            aborting.set()
            await asyncio.Event().wait()

        gatt.write = write
        closing = asyncio.create_task(driver.aclose())
        await aborting.wait()
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        closed = gatt.closed
        await reading.aclose()

    assert closed == 1


async def test_a_reader_that_is_slow_loses_nothing(monkeypatch):
    """What does not fit into memory is dropped, noticed, and sent again."""
    monkeypatch.setattr(bota_session, "MAX_WAITING", 200)
    async with driving(recorder()) as driver:
        (recording, *_) = (await driver.recordings()).recordings
        content = bytearray()
        async for chunk in driver.read(recording, recording.media[0], 0):
            if not content:
                for _ in range(500):
                    await asyncio.sleep(0)
            content += chunk

    assert bytes(content) == LONG
