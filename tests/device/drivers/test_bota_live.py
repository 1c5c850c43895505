"""The Bota driver pulls what is still being recorded, where that is asked for: to its very end."""

import asyncio
from dataclasses import replace

import pytest

from device.core.bota_ble import commands, transfer, uuids
from device.core.bota_ble.recorder import BotaRecorder
from device.errors import DigestMismatch, LinkLost, RecorderBusy
from tests.device.drivers.bota_rig import (
    LONG,
    LONG_ID,
    SHORT,
    SHORT_ID,
    driving,
    hasten,
    recorder,
)
from tests.device.drivers.conformance import digests

pytestmark = pytest.mark.asyncio

TAIL = b"the final page of the stream"


@pytest.fixture(autouse=True)
def _hasten(monkeypatch):
    hasten(monkeypatch)


def recording_now(**switches) -> BotaRecorder:
    """Return a recorder that is still making its short recording."""
    source = recorder(**switches)
    source.files[SHORT_ID] = replace(source.files[SHORT_ID], live=True)
    return source


def grow(source: BotaRecorder, more: bytes) -> None:
    source.grow(SHORT_ID, more)


def control(source: BotaRecorder) -> list[bytes]:
    return [v for c, v in source.writes if c == uuids.TRANSFER_CONTROL]


async def listed_live(driver):
    listing = await driver.recordings()
    (recording,) = [r for r in listing.recordings if r.key in listing.live]
    return recording


async def test_it_is_offered_last_and_without_an_end():
    """What nobody has ended has no end, and everything else comes first."""
    async with driving(recording_now(), live=True) as driver:
        listing = await driver.recordings()

    assert [r.key.recording for r in listing.recordings] == [LONG_ID.hex(), SHORT_ID.hex()]
    assert listing.live == {listing.recordings[1].key}
    assert listing.recordings[0].ended_at is not None
    assert listing.recordings[1].ended_at is None


async def test_it_is_one_recording_from_beginning_to_end():
    """Its key does not change while it grows, and the finished one leads back to it."""
    source = recording_now()
    async with driving(source, live=True) as driver:
        first = (await listed_live(driver)).key
        grow(source, bytes(5000))
        second = (await listed_live(driver)).key
        source.finish(SHORT_ID, TAIL)
        after = await driver.recordings()

    (finished,) = [r for r in after.recordings if r.key.recording == SHORT_ID.hex()]
    assert first == second
    assert after.live == frozenset()
    assert after.earlier[finished.key] == first
    assert finished.key != first


async def test_it_is_pulled_as_it_grows_and_ends_with_its_tail():
    """PAUSED is no end: the pull waits for more, and takes the last page like any other bytes."""
    source = recording_now()
    got = bytearray()
    async with driving(source, live=True) as driver:
        recording = await listed_live(driver)
        async for chunk in driver.read(recording, recording.media[0], 0):
            got += chunk
            if bytes(got) == SHORT:
                grow(source, b"more")
            elif got.endswith(b"more"):
                source.finish(SHORT_ID, TAIL)

    assert bytes(got) == SHORT + b"more" + TAIL
    assert control(source)[-1] == commands.ACK


async def test_a_lost_packet_of_it_is_repaired():
    """A gap in a live stream is replayed and compared like any other."""
    source = recording_now(dropped=frozenset({7}))
    source.files[LONG_ID] = replace(source.files[LONG_ID], content=b"")
    got = bytearray()
    async with driving(source, live=True) as driver:
        recording = await listed_live(driver)
        async for chunk in driver.read(recording, recording.media[0], 0):
            got += chunk
            if bytes(got) == SHORT:
                source.finish(SHORT_ID, TAIL)

    assert bytes(got) == SHORT + TAIL


async def test_an_end_that_got_lost_is_asked_for_again():
    """A recorder that says it records no more and sends nothing is asked for it once more."""
    source = recording_now(lost_ends=1)
    got = bytearray()
    async with driving(source, live=True) as driver:
        recording = await listed_live(driver)
        async for chunk in driver.read(recording, recording.media[0], 0):
            got += chunk
            if bytes(got) == SHORT:
                source.finish(SHORT_ID, TAIL)

    assert bytes(got) == SHORT + TAIL
    assert control(source).count(commands.start(SHORT_ID)) == 2


async def test_a_long_pause_is_waited_for_while_the_recorder_answers(monkeypatch):
    """Nobody speaks and nothing comes: as long as it says that it records, nothing is wrong."""
    monkeypatch.setattr(transfer, "PAUSED_S", 60.0)
    source = recording_now()
    looks = 0
    whole = source.read

    def read(characteristic):
        nonlocal looks
        if characteristic == uuids.DEVICE_STATUS:
            looks += 1
            if looks == 25:
                source.finish(SHORT_ID, TAIL)
        return whole(characteristic)

    async with driving(source, live=True) as driver:
        recording = await listed_live(driver)
        source.read = read
        chunks = [chunk async for chunk in driver.read(recording, recording.media[0], 0)]

    assert b"".join(chunks) == SHORT + TAIL
    assert control(source).count(commands.start(SHORT_ID)) == 1


async def test_a_pause_without_end_is_left_for_later():
    """What else waits on the recorder has its turn; the recorder is let go."""
    source = recording_now()
    async with driving(source, live=True) as driver:
        recording = await listed_live(driver)
        with pytest.raises(RecorderBusy, match="nothing new"):
            async for _ in driver.read(recording, recording.media[0], 0):
                pass

        assert control(source)[-1] == commands.ABORT


async def test_a_recorder_that_begins_to_upload_in_a_pause_has_its_recording():
    """While it owns its recordings nothing more is taken."""
    source = recording_now()
    async with driving(source, live=True) as driver:
        recording = await listed_live(driver)
        reading = driver.read(recording, recording.media[0], 0)
        await anext(reading)
        source.switches = replace(source.switches, sync_active=True)
        with pytest.raises(RecorderBusy, match="uploading by itself"):
            async for _ in reading:
                pass


async def test_a_pause_ends_with_the_connection():
    """A loss in a pause is a loss."""
    source = recording_now()
    async with driving(source, live=True) as driver:
        recording = await listed_live(driver)
        reading = driver.read(recording, recording.media[0], 0)
        await anext(reading)
        asyncio.get_running_loop().call_later(0.03, driver._session.connection.cut)
        with pytest.raises(LinkLost):
            async for _ in reading:
                pass


async def test_without_a_start_it_waits_for_its_end():
    """Nothing but its start tells who it is while it grows."""
    async with driving(recording_now(no_times=True), live=True) as driver:
        listing = await driver.recordings()

    assert listing.live == frozenset()
    assert [(r.recording, r.failed) for r in listing.rejected] == [(SHORT_ID.hex(), False)]


@pytest.mark.parametrize("live", [False, True])
async def test_one_that_begins_while_it_is_listed_is_not_taken_for_finished(live):
    """Its listing will change, and with it who it is."""

    class Beginning(BotaRecorder):
        def _list(self):
            self.files[SHORT_ID] = replace(self.files[SHORT_ID], live=True)
            super()._list()

    async with driving(Beginning("S1", recorder().files.values()), live=live) as driver:
        listing = await driver.recordings()

    assert (SHORT_ID.hex() in {k.recording for k in listing.live}) is live
    assert (SHORT_ID.hex() in {r.recording for r in listing.rejected}) is not live


async def test_one_that_ends_while_it_is_listed_waits():
    """It is listed as it was before its end."""

    class Ending(BotaRecorder):
        def _list(self):
            super()._list()
            self.files[SHORT_ID] = replace(self.files[SHORT_ID], live=False)

    source = Ending("S1", recording_now().files.values())
    async with driving(source) as driver:
        during = await driver.recordings()
        after = await driver.recordings()

    assert [r.recording for r in during.rejected] == [SHORT_ID.hex()]
    assert len(after.recordings) == 2


async def test_where_one_ends_and_another_begins_meanwhile_both_wait(monkeypatch):
    """Neither is known well enough by a listing that was made in between."""
    source = recorder()

    def told() -> bytes:
        return b"\x01\0" + commands.command_id(SHORT_ID if source._lists else LONG_ID)

    monkeypatch.setattr(source, "_recording_status", told)
    async with driving(source, live=True) as driver:
        listing = await driver.recordings()

    assert listing.recordings == ()
    assert {r.recording for r in listing.rejected} == {LONG_ID.hex(), SHORT_ID.hex()}


async def test_it_is_not_released_before_it_is_listed_as_finished():
    """Its end was seen, and the recorder has to say so as well."""
    source = recording_now()
    async with driving(source, live=True) as driver:
        recording = await listed_live(driver)
        with pytest.raises(RecorderBusy, match="still being made"):
            await driver.release(recording.key, digests((SHORT,)))
        source.finish(SHORT_ID, b"")
        await driver.release(recording.key, digests((SHORT,)))

    assert set(source.files) == {LONG_ID}


async def test_what_was_pulled_live_waits_while_the_recorder_does_not_say_what_it_records(
    monkeypatch,
):
    """Its key says nothing of its end: the latest recording may be it, and grow still."""
    source = recording_now()
    monkeypatch.setattr(source, "_recording_status", lambda: b"")
    async with driving(source, live=True) as driver:
        recording = await listed_live(driver)
        source.finish(SHORT_ID, b"")
        status = source._status()
        monkeypatch.setattr(source, "_status", lambda: status[:2] + b"\x01" + status[3:])
        [_ async for _ in driver.read(recording, recording.media[0], 0)]

        with pytest.raises(RecorderBusy, match="still being made"):
            await driver.release(recording.key, digests((SHORT,)))
    assert SHORT_ID in source.files


async def test_what_grew_after_its_end_was_seen_is_not_deleted():
    """The key of a live recording fits whatever it grows to: its end alone does not settle it."""
    source = recording_now()
    async with driving(source, live=True) as driver:
        recording = await listed_live(driver)
        source.finish(SHORT_ID, b"")
        [_ async for _ in driver.read(recording, recording.media[0], 0)]
        source.files[SHORT_ID] = replace(source.files[SHORT_ID], content=SHORT + TAIL)

        with pytest.raises(DigestMismatch):
            await driver.release(recording.key, digests((SHORT,)))
    assert SHORT_ID in source.files


async def test_what_was_listed_while_it_was_made_is_not_remembered(tmp_path):
    """Its bytes have that digest, and that listing may be another one's than theirs."""
    source = recording_now()
    async with driving(source, live=True, cache=tmp_path / "cache") as driver:
        recording = await listed_live(driver)
        source.finish(SHORT_ID, b"")
        [_ async for _ in driver.read(recording, recording.media[0], 0)]

    assert not (tmp_path / "cache").exists()


async def test_a_finished_one_is_released_while_the_recorder_does_not_say_what_it_records(
    monkeypatch,
):
    """The latest recording is only a guess, and one whose listing has not moved is not it."""
    source = recorder()
    source.files.pop(LONG_ID)
    async with driving(source) as driver:
        (recording,) = (await driver.recordings()).recordings
        [_ async for _ in driver.read(recording, recording.media[0], 0)]
        monkeypatch.setattr(source, "_recording_status", lambda: b"")
        status = source._status()
        monkeypatch.setattr(source, "_status", lambda: status[:2] + b"\x01" + status[3:])
        listing = await driver.recordings()
        await driver.release(recording.key, digests((SHORT,)))

    assert [r.recording for r in listing.rejected] == [SHORT_ID.hex()]
    assert source.files == {}


async def test_what_is_recorded_while_it_charges_is_still_recorded(monkeypatch):
    """The state says one thing at a time; the recording's own status decides."""
    source = recording_now()
    status = source._status()
    monkeypatch.setattr(source, "_status", lambda: status[:2] + b"\x04" + status[3:])
    async with driving(source) as driver:
        listing = await driver.recordings()

    assert [r.recording for r in listing.rejected] == [SHORT_ID.hex()]


async def test_one_that_was_finished_when_listed_and_pauses_is_left():
    """Who it is was told by a listing that is not its last: it is asked for again later."""
    source = recorder()
    async with driving(source, live=True) as driver:
        (recording, *_) = (await driver.recordings()).recordings
        source.files[LONG_ID] = replace(source.files[LONG_ID], live=True)
        with pytest.raises(RecorderBusy, match="making"):
            async for _ in driver.read(recording, recording.media[0], 0):
                pass

    assert LONG == source.files[LONG_ID].content
