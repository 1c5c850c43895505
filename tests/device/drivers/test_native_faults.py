"""Faults of line and recorder: a read goes on, a lie is noticed, a lost link is LinkLost."""

import asyncio
import contextlib
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from device import links
from device.clock import SystemClock
from device.core.link.answers import Busy, End, Event, Working
from device.core.link.codes import ErrorCode
from device.core.link.listing import Holding
from device.core.link.messages import Data, encode_data, encode_message, failure, parse
from device.core.link.requests import Release, SetTime, Window
from device.drivers import Opening
from device.drivers.native import open_native, open_on
from device.errors import (
    ConfigInvalid,
    LinkLost,
    LinkUnavailable,
    MediumGone,
    ProtocolViolation,
    RecorderBusy,
    RecorderRefused,
)
from device.links.memory import MemoryLink
from tests.device.drivers.conformance import digests, pull
from tests.device.drivers.native_rig import (
    AUDIO,
    IMAGE,
    FakeBoard,
    Recorder,
    RigLink,
    driving,
    hasten,
    keyed,
    usual_store,
)
from tests.fakes.clock import FakeClock


def after(count: int, action):
    """Make a tamper that calls `action` once, behind the given number of data frames."""
    seen = 0

    def tamper(frame: bytes):
        nonlocal seen
        seen += frame[0] == 2
        if seen == count:
            seen += 1
            return (frame, *(action() or ()))
        return (frame,)

    return tamper


class MuteLine:
    """The host's end of a line that breaks when a WINDOW is sent; what has come is still there."""

    def __init__(self, line: MemoryLink) -> None:
        self.max_frame_bytes = line.max_frame_bytes
        self.aclose = line.aclose
        self.arrived_bytes = 0
        self._line = line
        self._left: deque[bytes] | None = None

    async def send(self, frame: bytes) -> None:
        if self._left is None and isinstance(parse(frame), Window):
            self._left = deque([await self._arrive() for _ in range(3)])
        if self._left is not None:
            raise LinkLost("the line is broken")
        await self._line.send(frame)

    async def receive(self) -> bytes:
        if self._left is None:
            return await self._arrive()
        if not self._left:
            raise LinkLost("the line is broken")
        return self._left.popleft()

    async def _arrive(self) -> bytes:
        frame = await self._line.receive()
        event = parse(frame)
        self.arrived_bytes += len(event.payload) if isinstance(event, Data) else 0
        return frame


async def first(driver):
    recording = (await driver.recordings()).recordings[0]
    return recording, recording.media[0]


@pytest.mark.asyncio
@pytest.mark.parametrize("tells", [True, False])
async def test_a_reboot_in_mid_read_is_survived(tells, monkeypatch):
    """A recorder that loses its session is greeted again, and the read goes on at its offset."""
    hasten(monkeypatch)
    recorder = Recorder(usual_store())

    def reboot():
        recorder.board = FakeBoard(boot=b"boot0002")
        recorder.restart()
        return [recorder.machine.started()] if tells else []

    recorder.tamper = after(100, reboot)
    async with driving(recorder) as driver:
        recording, medium = await first(driver)
        got = await pull(driver, recording, medium)

    assert got == AUDIO


@pytest.mark.asyncio
async def test_another_recorder_on_the_line_is_a_lost_link():
    """When a recorder with another serial answers after a restart, nothing of it is read."""
    recorder = Recorder(usual_store())

    def swap():
        recorder.board = FakeBoard(boot=b"boot0002")
        recorder.board.serial = "FP0002"
        recorder.restart()
        return [recorder.machine.started()]

    recorder.tamper = after(100, swap)
    async with driving(recorder) as driver:
        recording, medium = await first(driver)
        with pytest.raises(LinkLost, match="another recorder"):
            await pull(driver, recording, medium)


@pytest.mark.asyncio
async def test_what_arrived_before_a_cut_is_not_lost():
    """A cut link raises LinkLost behind the bytes that had arrived."""
    recorder = Recorder(usual_store())
    got = bytearray()
    async with driving(recorder) as driver:
        recording, medium = await first(driver)

        async def cut_short() -> None:
            async for chunk in driver.read(recording, medium, 0):
                got.extend(chunk)
                if len(got) > 20_000:
                    await recorder.line.aclose()

        with pytest.raises(LinkLost):
            await cut_short()

    assert len(got) > 20_000
    assert AUDIO.startswith(bytes(got))


@pytest.mark.asyncio
async def test_a_silent_recorder_is_a_lost_link(monkeypatch):
    """A line on which nobody answers is given up after several tries."""
    hasten(monkeypatch)
    host, _ = MemoryLink.pair()

    with pytest.raises(LinkLost, match="does not answer"):
        await open_on(host, SystemClock(), release="delete")
    with pytest.raises(LinkLost):
        await host.receive()


@pytest.mark.asyncio
async def test_what_was_on_the_line_before_ends_nothing():
    """Damage, unknown frames and an old session's data before HELLO's answer are passed."""
    recorder = Recorder(usual_store())
    for frame in (
        b"",
        b"\x99?",
        b"\x01\xff",
        encode_data(1, 0, b"old"),
        encode_message(Busy(request=1, retry_after_ms=9)),
        encode_message(Event(event=200)),
    ):
        await recorder.line.send(frame)
    async with driving(recorder) as driver:
        recording, medium = await first(driver)
        got = await pull(driver, recording, medium)

    assert got == AUDIO


@pytest.mark.asyncio
async def test_the_clock_is_measured_before_it_is_set():
    """The offset told is the one the recorder had; an untrusted clock is then set to ours."""
    board = FakeBoard()
    clock = FakeClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    board.utc = round((clock.now() - timedelta(hours=1)).timestamp() * 1000)
    async with driving(Recorder(usual_store(), board), clock) as driver:
        info = await driver.info()

    assert info.clock_offset_s == pytest.approx(-3600)
    assert board.asked[0] == "read"
    assert board.utc == round(clock.now().timestamp() * 1000)


@pytest.mark.asyncio
async def test_a_clock_that_is_right_is_left_alone():
    """A trusted clock within two seconds of ours is not set."""
    board = FakeBoard()
    clock = FakeClock()
    board.utc, board.trusted = round(clock.now().timestamp() * 1000) + 900, True
    async with driving(Recorder(usual_store(), board), clock) as driver:
        info = await driver.info()

    assert info.clock_offset_s == pytest.approx(0.9)
    assert "set" not in board.asked


@pytest.mark.asyncio
async def test_an_agent_without_a_clock_sets_nobody_elses():
    """A board that believes it is 1970 does not tell a recorder so."""
    board = FakeBoard()
    recorder = Recorder(usual_store(), board)
    async with driving(recorder, FakeClock(datetime(1970, 1, 1, tzinfo=UTC))) as driver:
        info = await driver.info()

    assert info.clock_offset_s is None
    assert not any(isinstance(parse(frame), SetTime) for frame in recorder.received)


@pytest.mark.asyncio
async def test_info_tells_the_recorders_counters():
    """Capacity, use and dropped recordings are those of the recorder now."""
    recorder = Recorder(usual_store())
    async with driving(recorder) as driver:
        before = await driver.info()
        recorder.board.dropped_recordings += 1
        later = await driver.info()

    assert (before.model, before.firmware) == ("bench recorder", "1.2.3")
    assert (before.capacity_bytes, before.used_bytes) == (1 << 30, 12_345)
    assert (before.dropped_recordings, later.dropped_recordings) == (2, 3)


@pytest.mark.asyncio
async def test_a_release_that_was_not_done_is_noticed():
    """A recorder that says released and still holds the recording is a fault, not a success."""
    store = usual_store()
    store.remove = lambda stored: None
    async with driving(Recorder(store)) as driver:
        key, contents = next(iter(keyed(store).items()))
        with pytest.raises(ProtocolViolation, match="still holds"):
            await driver.release(key, digests(contents))


@pytest.mark.asyncio
async def test_a_recording_kept_by_the_recorders_policy_counts_as_released():
    """A recorder may keep what it was allowed to delete; it is not listed again."""
    store = usual_store()
    key, contents = next(iter(keyed(store).items()))

    def keep(stored):
        store.changes += 1
        store.stored[0] = replace(stored, state=Holding.KEPT)

    store.remove = keep
    async with driving(Recorder(store)) as driver:
        await driver.release(key, digests(contents))
        listing = await driver.recordings()

    assert key not in {recording.key for recording in listing.recordings}


@pytest.mark.asyncio
async def test_keep_never_asks_a_recorder_to_delete():
    """With release = keep no RELEASE leaves the agent."""
    store = usual_store()
    recorder = Recorder(store)
    async with driving(recorder, release="keep") as driver:
        key, contents = next(iter(keyed(store).items()))
        await driver.release(key, digests(contents))

    assert not any(isinstance(parse(frame), Release) for frame in recorder.received)
    assert len(store.stored) == 2


@pytest.mark.asyncio
async def test_a_release_during_a_read_disturbs_neither():
    """A request is answered while a stream is under way."""
    store = usual_store()
    other = list(keyed(store))[1]
    async with driving(Recorder(store)) as driver:
        recording, medium = await first(driver)
        got = bytearray()
        async for chunk in driver.read(recording, medium, 0):
            if not got:
                await driver.release(other, digests(keyed(store)[other]))
            got.extend(chunk)

    assert got == AUDIO
    assert len(store.stored) == 1


@pytest.mark.asyncio
async def test_two_reads_at_once_both_end_right(monkeypatch):
    """Two readers take the one stream from each other, and both get their bytes."""
    hasten(monkeypatch)
    async with driving(Recorder(usual_store())) as driver:
        recording, medium = await first(driver)
        async with asyncio.TaskGroup() as group:
            one = group.create_task(pull(driver, recording, medium, 250_000), name="one")
            two = group.create_task(pull(driver, recording, recording.media[1]), name="two")

    assert one.result() == AUDIO[250_000:]
    assert two.result() == IMAGE


@pytest.mark.asyncio
async def test_a_short_busy_is_waited_out_and_a_long_one_told():
    """BUSY for a moment delays an answer; BUSY for long is the caller's to decide."""
    recorder = Recorder(usual_store())
    said = iter([20, 20, 60_000])
    machine = recorder.machine

    def busy(frame: bytes) -> list[bytes]:
        message = parse(frame)
        wait = next(said, None) if hasattr(message, "first") else None
        if wait is None:
            return machine.received(frame)
        return [encode_message(Busy(request=message.request, retry_after_ms=wait))]

    async with driving(recorder) as driver:
        recorder.machine = type(
            "M", (), {"received": staticmethod(busy), "next_frame": machine.next_frame}
        )
        with pytest.raises(RecorderBusy) as told:
            await driver.recordings()
        listing = await driver.recordings()

    assert told.value.retry_after_s == 60
    assert len(listing.recordings) == 2


@pytest.mark.asyncio
async def test_working_buys_time(monkeypatch):
    """A recorder that says WORKING is waited for longer than a silent one."""
    hasten(monkeypatch)
    monkeypatch.setattr("device.drivers.native_session.TRIES", 1)
    recorder = Recorder(usual_store())
    original = recorder.say

    async def slowly(frame: bytes) -> None:
        message = parse(frame)
        if hasattr(message, "revision") and hasattr(message, "items"):
            await original(encode_message(Working(request=message.request, for_ms=5000)))
            await asyncio.wait((asyncio.get_running_loop().create_future(),), timeout=0.1)
        await original(frame)

    async with driving(recorder) as driver:
        recorder.say = slowly
        listing = await driver.recordings()

    assert len(listing.recordings) == 2


@pytest.mark.asyncio
async def test_storage_that_fails_once_is_read_again():
    """A retryable error of the recorder's storage costs a moment, not the read."""
    store = usual_store()
    fails = iter([True])
    read = store.read

    def once(stored, index, offset, size):
        if offset > 100_000 and next(fails, False):
            raise OSError(5, "card")
        return read(stored, index, offset, size)

    store.read = once
    async with driving(Recorder(store)) as driver:
        recording, medium = await first(driver)
        got = await pull(driver, recording, medium)

    assert got == AUDIO


@pytest.mark.asyncio
async def test_storage_that_fails_for_good_is_told_as_busy(monkeypatch):
    """A recorder that cannot read its own storage is left for later, with its reason."""
    monkeypatch.setattr("device.core.link.reader.MAX_FAILURES", 1)
    store = usual_store()

    def never(stored, index, offset, size):
        raise OSError(5, "card")

    store.read = never
    async with driving(Recorder(store)) as driver:
        recording, medium = await first(driver)
        with pytest.raises(RecorderBusy, match="storage"):
            await pull(driver, recording, medium)


@pytest.mark.asyncio
async def test_a_prefix_with_a_flipped_byte_is_found():
    """ZMODEM's first silent corruption: a damaged prefix of the right length is not built upon."""
    prefix = bytearray(AUDIO[:200_000])
    prefix[70_000] ^= 1
    async with driving(Recorder(usual_store())) as driver:
        recording, medium = await first(driver)
        found = await driver.block_hashes(recording, medium, len(prefix))
        step = found.block_bytes
        good = 0
        for number, expected in enumerate(found.hashes):
            block = sha256(prefix[number * step : (number + 1) * step]).digest()
            if block[: len(expected)] != expected:
                break
            good += step
        rest = await pull(driver, recording, medium, good)

    assert good == 65_536
    assert bytes(prefix[:good]) + rest == AUDIO


@pytest.mark.asyncio
async def test_a_source_replaced_by_another_of_the_same_length_is_found():
    """ZMODEM's second silent corruption: the rest of another medium is never joined to a prefix."""
    store = usual_store()
    async with driving(Recorder(store)) as driver:
        recording, medium = await first(driver)
        other = bytes(byte ^ 0xFF for byte in AUDIO)
        store.contents[b"A" * 16, 1][0] = other
        stored = store.stored[0]
        replaced = replace(stored.media[0], sha256=sha256(other).digest())
        store.stored[0] = replace(stored, media=(replaced, *stored.media[1:]))
        with pytest.raises(MediumGone):
            await pull(driver, recording, medium, 150_000)


@pytest.mark.asyncio
async def test_a_replaced_source_is_found_by_its_end_too():
    """Firmware that ignores READ's digest is found out by the digest in END."""
    recorder = Recorder(usual_store())

    def other_end(frame):
        end = parse(frame)
        return (encode_message(replace(end, sha256=bytes(32))) if isinstance(end, End) else frame,)

    async with driving(recorder) as driver:
        recording, medium = await first(driver)
        recorder.tamper = other_end
        with pytest.raises(MediumGone, match="changed"):
            await pull(driver, recording, medium, 290_000)


@pytest.mark.asyncio
async def test_a_recorder_without_block_hashes_has_none():
    """HASHES is optional: its absence is None, not an error."""
    recorder = Recorder(usual_store())
    recorder.tamper = lambda frame: (
        (encode_message(failure(ErrorCode.UNSUPPORTED, request=parse(frame).request)),)
        if hasattr(parse(frame), "hashes")
        else (frame,)
    )
    async with driving(recorder) as driver:
        recording, medium = await first(driver)

        assert await driver.block_hashes(recording, medium, 200_000) is None


@pytest.mark.asyncio
async def test_more_bytes_than_listed_are_a_violation():
    """A recorder that sends beyond the listed size is not believed."""
    recorder = Recorder(usual_store())
    recorder.tamper = lambda frame: (
        (encode_data(data.stream, data.offset, bytes(4000)),)
        if isinstance(data := parse(frame), Data) and data.offset > 296_000
        else (frame,)
    )
    async with driving(recorder) as driver:
        recording, medium = await first(driver)
        with pytest.raises(ProtocolViolation, match="more bytes"):
            await pull(driver, recording, medium)


@pytest.mark.asyncio
async def test_a_medium_above_4_gib_reads_at_its_end():
    """Offsets above 32 bits arrive in the long data frame."""
    store = usual_store()
    size = 5 * (1 << 30)
    stored = store.stored[0]
    store.stored[0] = replace(stored, media=(replace(stored.media[0], size_bytes=size),))
    store.read = lambda stored, index, offset, size: bytes(
        (place * 31) % 251 for place in range(offset, offset + size)
    )
    async with driving(Recorder(store)) as driver:
        recording, medium = await first(driver)
        got = await pull(driver, recording, medium, size - 5000)

    assert got == bytes((place * 31) % 251 for place in range(size - 5000, size))


@pytest.mark.asyncio
async def test_a_change_is_told_at_once():
    """An EVENT of the recorder ends the wait for changes."""
    recorder = Recorder(usual_store())
    async with driving(recorder) as driver, asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(driver.changed(), name="changed")
        await recorder.say(recorder.machine.changed())

    assert waiting.done()


@pytest.mark.asyncio
async def test_a_change_whose_event_was_lost_is_noticed(monkeypatch):
    """The keep-alive tells the listing's revision, so a lost EVENT only delays."""
    monkeypatch.setattr("device.drivers.native_session.KEEP_ALIVE_S", 0.01)
    recorder = Recorder(usual_store())
    async with driving(recorder) as driver, asyncio.timeout(5):
        await driver.recordings()
        recorder.store.changes += 1
        await driver.changed()


def opening(tmp_path, release: str = "delete") -> Opening:
    return Opening(url="rig://x", release=release, clock=SystemClock(), cache=tmp_path)


@pytest.fixture
def rig(monkeypatch):
    monkeypatch.setitem(links.BUILTIN, "rig", "tests.device.drivers.native_rig:RigLink")
    RigLink.recorder = Recorder(usual_store())
    return RigLink.recorder


@pytest.mark.asyncio
async def test_the_url_chooses_the_link(rig, tmp_path):
    """The driver opens the link its URL names and greets the recorder on it."""
    async with asyncio.TaskGroup() as group:
        group.create_task(rig.run(), name="recorder")
        driver = await open_native(opening(tmp_path))
        info = await driver.info()
        await driver.aclose()

    assert info.recorder == "native:FP0001"


@pytest.mark.asyncio
async def test_nothing_that_answers_is_unavailable(rig, tmp_path, monkeypatch):
    """A port on which no recorder speaks is unavailable, with the reason."""
    hasten(monkeypatch)

    with pytest.raises(LinkUnavailable) as told:
        await open_native(opening(tmp_path))
    assert told.value.reason == "no-answer"


@pytest.mark.asyncio
async def test_archive_is_not_for_recorders_on_a_line(tmp_path):
    """A release policy that only folders have is refused before anything is opened."""
    with pytest.raises(ConfigInvalid):
        await open_native(opening(tmp_path, release="archive:/srv/old"))


@pytest.mark.asyncio
async def test_what_came_before_a_send_failed_is_yielded():
    """A loss that shows in sending does not throw away the frames that wait to be received."""
    recorder = Recorder(usual_store())
    recorder.host = line = MuteLine(recorder.host)
    got = bytearray()
    async with driving(recorder) as driver:
        recording, medium = await first(driver)
        with contextlib.suppress(LinkLost):
            async for chunk in driver.read(recording, medium, 0):
                got += chunk

    assert 0 < line.arrived_bytes < len(AUDIO)
    assert AUDIO[: line.arrived_bytes] == got


@pytest.mark.asyncio
async def test_no_common_version_is_a_refusal():
    """A recorder of another protocol version is refused with its number from the table."""
    recorder = Recorder(usual_store())
    recorder.tamper = lambda frame: (
        encode_message(failure(ErrorCode.VERSION, request=parse(frame).request)),
    )

    with pytest.raises(ExceptionGroup) as told:
        async with driving(recorder):
            pass
    (refused,) = told.value.exceptions
    assert isinstance(refused, RecorderRefused)
    assert refused.wire_code == ErrorCode.VERSION
