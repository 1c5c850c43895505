"""The Bota driver under each fault of a recorder: nothing lost, nothing mixed, a reason told."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest

from device.clock import SystemClock
from device.config import SpoolConfig
from device.core.bota_ble import commands, uuids
from device.core.bota_ble.listing import encode_entry
from device.core.bota_ble.recorder import BotaRecorder
from device.core.bota_ble.shelf import CardFile
from device.core.bota_ble.switches import HashForm
from device.drivers import bota_session
from device.drivers.bota import open_on
from device.errors import (
    DigestMismatch,
    LinkLost,
    LinkReason,
    LinkUnavailable,
    MediumGone,
    ProtocolViolation,
    RecorderBusy,
    RecorderRefused,
)
from device.model import State
from device.progress import Silent
from device.pull import Puller
from device.spool.spool import Spool
from tests.device.drivers.bota_rig import (
    LONG,
    LONG_ID,
    NOWHERE,
    RECORDER,
    SERIAL,
    SHORT,
    SHORT_ID,
    MemoryGatt,
    driving,
    hasten,
    key_of,
    pull,
    recorder,
)
from tests.device.drivers.conformance import digests
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio

ROUGH = random.Random(42).randbytes(70_001)


@pytest.fixture(autouse=True)
def _hasten(monkeypatch):
    hasten(monkeypatch)


def control(source: BotaRecorder) -> list[bytes]:
    """Return what was written to TRANSFER_CONTROL."""
    return [
        value for characteristic, value in source.writes if characteristic == uuids.TRANSFER_CONTROL
    ]


def switch(source: BotaRecorder, **changes) -> None:
    source.switches = replace(source.switches, **changes)


async def test_it_is_known_by_its_serial_number_alone():
    """Identity, model, firmware and space come from the recorder, not from its name."""
    async with driving(recorder(name="Bota-Note-77")) as driver:
        info = await driver.info()

    assert (info.recorder, info.serial) == (RECORDER, SERIAL)
    assert (info.model, info.firmware) == ("Bota-Note-77", "1.0.17")
    assert (info.capacity_bytes, info.used_bytes) == (1 << 30, 125 * 1024)


async def test_its_clock_is_set_on_connecting():
    """The recorder has no other source of time."""
    source = recorder()
    async with driving(source):
        pass

    assert source.writes[0][0] == uuids.TIME_SYNC
    assert source.owner.utc_s is not None


async def test_a_clock_that_is_wrong_itself_sets_nobodys(monkeypatch):
    """A box that boots in 1970 leaves the recorder's time alone."""
    monkeypatch.setattr(bota_session, "PLAUSIBLE", FakeClock().now().replace(year=9000))
    source = recorder()
    async with driving(source):
        pass

    assert source.owner.utc_s is None


class Forgetful(BotaRecorder):
    """Lacks characteristics, or refuses them."""

    missing: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def table(self):
        return {k: v for k, v in super().table.items() if k not in self.missing}

    def read(self, characteristic):
        self._refuse(characteristic)
        return super().read(characteristic)

    def write(self, characteristic, value):
        self._refuse(characteristic)
        super().write(characteristic, value)

    def _refuse(self, characteristic):
        if characteristic in self.refused:
            raise RecorderRefused("not this one", wire_code=0x0E)


def forgetful(*, missing=(), refused=(), live=False) -> Forgetful:
    files = [
        CardFile(file_id=LONG_ID, content=LONG, started_s=5),
        CardFile(file_id=SHORT_ID, content=SHORT, started_s=6, live=live),
    ]
    source = Forgetful(SERIAL, files)
    source.missing, source.refused = missing, refused
    return source


@pytest.mark.parametrize("how", ["missing", "refused"])
async def test_what_is_only_good_to_know_may_be_absent(how):
    """No clock to set, no model and no firmware: the recordings come all the same."""
    lacking = (uuids.TIME_SYNC, uuids.MODEL, uuids.FIRMWARE)
    async with driving(forgetful(**{how: lacking})) as driver:
        info = await driver.info()
        content = await pull(driver, SHORT_ID)

    assert (info.model, info.firmware) == (None, None)
    assert content == SHORT


@pytest.mark.parametrize("serial", ["", "A/../B", "\u00e9", "A" * 65])
async def test_a_serial_number_must_name_somebody(serial):
    """Empty, a path, not ASCII or endless: no recorder of ours, and the connection is closed."""
    gatt = MemoryGatt(BotaRecorder(serial, []))

    with pytest.raises(ProtocolViolation, match="serial"):
        await open_on(gatt, SystemClock(), release="delete", cache=NOWHERE)
    assert gatt.closed == 1


async def test_a_recorder_that_announces_nothing_can_be_used():
    """Where the status cannot be subscribed to, looking again has to do."""

    class Mute(BotaRecorder):
        def subscribe(self, characteristic):
            if characteristic == uuids.DEVICE_STATUS:
                raise RecorderRefused("no", wire_code=6)
            super().subscribe(characteristic)

    async with driving(Mute(SERIAL, recorder().files.values())) as driver:
        assert await pull(driver, SHORT_ID) == SHORT


async def test_an_mtu_that_no_entry_fits_is_refused(monkeypatch):
    """Below 27 bytes no listing can be told; it is waited for a moment."""
    monkeypatch.setattr(bota_session, "MTU_S", 0.02)
    monkeypatch.setattr(bota_session, "MTU_STEP_S", 0.01)
    with pytest.raises(ProtocolViolation, match="MTU"):
        await open_on(MemoryGatt(recorder(), 23), SystemClock(), release="delete", cache=NOWHERE)


async def test_a_recorder_that_wants_a_bond_says_so():
    """The storage service may be only for paired hosts."""
    with pytest.raises(LinkUnavailable):
        await open_on(
            MemoryGatt(recorder(needs_bond=True)), SystemClock(), release="delete", cache=NOWHERE
        )


async def test_a_recorder_whose_very_name_wants_a_bond_says_so():
    """Which attributes demand encryption nobody has written down: the serial number's may."""

    class Shy(BotaRecorder):
        def read(self, characteristic):
            raise RecorderRefused("Insufficient Authentication", wire_code=5)

    with pytest.raises(LinkUnavailable) as caught:
        await open_on(MemoryGatt(Shy(SERIAL, [])), SystemClock(), release="delete", cache=NOWHERE)

    assert caught.value.reason is LinkReason.NOT_PAIRED


@pytest.mark.parametrize(
    ("content", "told"), [(b"OggS" + LONG, 0), (LONG, 1)], ids=["ogg", "other"]
)
async def test_what_is_no_ogg_is_taken_and_told(caplog, content, told):
    """No codec is listed anywhere: the bytes alone say what they are, and they are kept."""
    async with driving(recorder({LONG_ID: content})) as driver:
        taken = await pull(driver)

    assert taken == content
    assert caplog.text.count("no OGG file") == told


@pytest.mark.parametrize("switches", [{"sync_active": True}, {"status_unreadable": True}], ids=str)
async def test_a_recorder_that_uploads_by_itself_is_left_alone(switches):
    """While it owns its recordings, or does not say, nothing is listed, read or confirmed."""
    source = recorder()
    key = key_of(source, LONG_ID)
    async with driving(source) as driver:
        (recording, *_) = (await driver.recordings()).recordings
        switch(source, **switches)
        before = len(control(source))

        with pytest.raises(RecorderBusy):
            await driver.recordings()
        with pytest.raises(RecorderBusy):
            await anext(aiter(driver.read(recording, recording.media[0], 0)))
        with pytest.raises(RecorderBusy):
            await driver.block_hashes(recording, recording.media[0], 9000)
        with pytest.raises(RecorderBusy):
            await driver.release(key, digests((LONG,)))
        assert control(source)[before:] == []


async def test_a_status_that_is_cut_is_no_leave():
    """An unreadable status keeps the recorder's ownership, and a lost line is a lost line."""
    source = recorder()
    async with driving(source) as driver:
        gatt = driver._session.connection
        source.read = lambda characteristic: b"short"
        with pytest.raises(RecorderBusy):
            await driver.recordings()
        gatt.cut()
        with pytest.raises(LinkLost):
            await driver.recordings()


@pytest.mark.parametrize("hidden", [(), (uuids.RECORDING_STATUS,)], ids=["told", "hidden"])
@pytest.mark.parametrize("how", ["missing", "refused"])
async def test_what_is_being_recorded_waits(hidden, how):
    """The live recording is noted and not pulled; where nobody says which it is, the latest."""
    async with driving(forgetful(live=True, **{how: hidden})) as driver:
        listing = await driver.recordings()

    assert [r.key.recording for r in listing.recordings] == [LONG_ID.hex()]
    assert [(r.recording, r.failed) for r in listing.rejected] == [(SHORT_ID.hex(), False)]


async def test_a_recording_that_turns_out_live_is_left_for_later():
    """PAUSED ends the pull with an ABORT; the next one may find it finished."""
    source = recorder()
    async with driving(source) as driver:
        (recording, *_) = (await driver.recordings()).recordings
        source.files[LONG_ID] = replace(source.files[LONG_ID], live=True)

        with pytest.raises(RecorderBusy, match="making"):
            async for _ in driver.read(recording, recording.media[0], 0):
                pass
        assert control(source)[-1] == commands.ABORT
        source.finish(LONG_ID, b"")
        assert await pull(driver) == LONG


@pytest.mark.parametrize(
    "switches",
    [
        {"count_prefix": True},
        {"entries_per_notification": 1},
        {"repeated_list": True},
        {"lost_lists": 1, "entries_per_notification": 1},
        {"list_delay_s": 0.03, "entries_per_notification": 1},
    ],
    ids=str,
)
async def test_any_form_of_a_listing_is_whole(switches):
    """Prefixed, in pieces, repeated, late, or lost once: all recordings, and it says complete."""
    async with driving(recorder(**switches)) as driver:
        listing = await driver.recordings()

    assert len(listing.recordings) == 2
    assert listing.complete


async def test_times_may_be_unknown():
    """A start of 0 is no start: not now, not 1970."""
    async with driving(recorder(no_times=True)) as driver:
        recording = (await driver.recordings()).recordings[0]

    assert (recording.started_at, recording.times_trusted) == (None, False)


async def test_a_silent_listing_proves_nothing():
    """What was counted and is not listed may still be there."""
    source = recorder(silent_list=True)
    key = key_of(source, LONG_ID)
    async with driving(source) as driver:
        listing = await driver.recordings()

        assert (listing.recordings, listing.complete) == ((), False)
        with pytest.raises(ProtocolViolation, match="count"):
            await driver.release(key, digests((LONG,)))


async def test_an_empty_recorder_is_empty():
    """No recordings, and the listing is complete."""
    async with driving(recorder({})) as driver:
        listing = await driver.recordings()

    assert (listing.recordings, listing.complete) == ((), True)


class TwoFaced(BotaRecorder):
    """Lists one id twice, with different content."""

    def _list(self):
        super()._list()
        other = encode_entry(LONG_ID, started_s=9, duration_s=9, size_kib=9)
        self._notify(uuids.RECORDING_LIST, other)


async def test_one_id_with_two_contents_is_named_and_left():
    """Neither is pulled nor deleted; the others are not affected."""
    source = TwoFaced(SERIAL, recorder().files.values())
    key = key_of(source, LONG_ID)
    async with driving(source) as driver:
        listing = await driver.recordings()

        assert [r.key.recording for r in listing.recordings] == [SHORT_ID.hex()]
        assert [r.recording for r in listing.rejected] == [LONG_ID.hex()]
        with pytest.raises(ProtocolViolation, match="twice"):
            await driver.release(key, digests((LONG,)))


@pytest.mark.parametrize(
    "switches",
    [
        {"encrypted_v2": True},
        {"encrypted_v2": True, "v2_code": 0x22},
        {"encrypted_v2": True, "v2_code": 0x01},
        {"relay": True},
    ],
    ids=str,
)
async def test_a_recorder_that_encrypts_is_explained_and_not_tried_again(switches):
    """The first refusal says why; from then on the listing does."""
    source = recorder(**switches)
    async with driving(source) as driver:
        with pytest.raises(RecorderRefused):
            await pull(driver)
        listing = await driver.recordings()

    assert listing.recordings == ()
    assert all("v2" in r.reason for r in listing.rejected)


async def test_a_command_that_is_not_understood_is_no_encryption_by_itself():
    """Without the characteristic of encrypted upload it is a refusal of this recording alone."""
    async with driving(recorder(start_errors=(0x01,))) as driver:
        with pytest.raises(RecorderRefused, match="0x01"):
            await pull(driver)
        listing = await driver.recordings()

    assert len(listing.recordings) == 2


async def test_a_refusal_of_a_prefix_is_remembered_as_well():
    """Firmware that encrypts since we hold a prefix is explained and not asked again."""
    source = recorder()
    async with driving(source) as driver:
        (recording, *_) = (await driver.recordings()).recordings
        switch(source, encrypted_v2=True)
        with pytest.raises(RecorderRefused):
            await driver.block_hashes(recording, recording.media[0], 9000)
        listing = await driver.recordings()

    assert listing.recordings == ()


async def test_a_foreign_hash_is_ignored_and_a_nameless_one_logged(caplog):
    """Only a hash that is said to be of this recording can refuse it."""
    source = recorder(hash_form=HashForm.FOREIGN)
    async with driving(source) as driver:
        first = await pull(driver)
        silent = caplog.text
        switch(source, hash_form=HashForm.FOREIGN_BARE)
        second = await pull(driver)
        switch(source, hash_form=HashForm.WRONG)

        assert (first, second) == (LONG, LONG)
        assert "hash" not in silent
        assert "hash that is not that of the bytes" in caplog.text
        with pytest.raises(DigestMismatch):
            await pull(driver)


async def test_a_line_that_breaks_before_the_ack_takes_nothing():
    """All bytes are here and checked: the read ends well, the next call says that it is gone."""
    source = recorder()
    async with driving(source) as driver:
        gatt = driver._session.connection
        whole = source.write

        def write(characteristic, value):
            if value == commands.ACK:
                gatt.cut()
                raise RecorderRefused("gone", wire_code=0)
            whole(characteristic, value)

        source.write = write
        content = await pull(driver)

        assert content == LONG
        with pytest.raises(LinkLost):
            await driver.recordings()


async def test_keys_of_other_drivers_are_not_on_it():
    """An id that is not four bytes is no recording of this recorder."""
    async with driving(recorder()) as driver:
        (recording, *_) = (await driver.recordings()).recordings
        for name in ("../../etc", "00" * 16):
            other = replace(recording, key=replace(recording.key, recording=name))

            with pytest.raises(MediumGone):
                await anext(aiter(driver.read(other, recording.media[0], 0)))


async def test_a_recorder_that_permits_nothing_is_not_asked():
    """With release = keep no CONFIRM is written."""
    source = recorder()
    key = key_of(source, LONG_ID)
    async with driving(source, release="keep") as driver:
        await driver.release(key, digests((LONG,)))

    assert commands.confirm(LONG_ID) not in control(source)


@pytest.mark.parametrize("lost", [0, 1, 2])
async def test_a_lost_confirm_is_written_again(lost):
    """Nothing answers a CONFIRM: only the listing shows whether it arrived."""
    source = recorder(lost_confirms=lost)
    key = key_of(source, LONG_ID)
    async with driving(source) as driver:
        await pull(driver)
        await driver.release(key, digests((LONG,)))

    assert set(source.files) == {SHORT_ID}
    assert control(source).count(commands.confirm(LONG_ID)) == lost + 1


async def test_one_that_confirms_nothing_is_told_of():
    """A recorder that keeps what it may delete is a problem, not a success."""
    source = recorder(lost_confirms=99)
    key = key_of(source, SHORT_ID)
    async with driving(source) as driver:
        with pytest.raises(ProtocolViolation, match="still lists"):
            await driver.release(key, digests((SHORT,)))


async def test_after_a_reconnect_a_release_reads_before_it_confirms():
    """v1 tells no digest: what this connection has not read, it reads and acknowledges first."""
    source = recorder()
    key = key_of(source, SHORT_ID)
    async with driving(source) as driver:
        await pull(driver, SHORT_ID)
    source._acknowledged.clear()
    async with driving(source) as driver:
        await driver.release(key, digests((SHORT,)))

    assert set(source.files) == {LONG_ID}


async def test_an_id_that_was_used_again_is_not_confirmed():
    """Another recording under the id of a released one stays, whatever is asked."""
    source = recorder()
    key = key_of(source, LONG_ID)
    source.files[LONG_ID] = CardFile(file_id=LONG_ID, content=SHORT, started_s=9)
    async with driving(source) as driver:
        await driver.release(key, digests((LONG,)))

    assert set(source.files) == {LONG_ID, SHORT_ID}


async def test_news_is_a_change_of_what_counts():
    """A status that says nothing new, or nothing at all, wakes nobody; a loss wakes everybody."""
    source = recorder()
    async with driving(source) as driver:
        gatt = driver._session.connection
        for value in (b"?", source.read(uuids.DEVICE_STATUS)):
            gatt.notify(uuids.DEVICE_STATUS, value)
        await driver.changed()
        waiting = asyncio.create_task(driver.changed())
        gatt.notify(uuids.DEVICE_STATUS, source.read(uuids.DEVICE_STATUS))
        await asyncio.sleep(0)
        source.files.pop(LONG_ID)
        quiet = not waiting.done()
        gatt.notify(uuids.DEVICE_STATUS, source.read(uuids.DEVICE_STATUS))
        await waiting
        gatt.cut()

        assert quiet
        with pytest.raises(LinkLost):
            await driver.changed()


async def visit(source: BotaRecorder, spool: Spool, mtu_bytes: int):
    """Connect, list and pull into the spool, as one visit of the agent does."""

    async def sealed(_entry) -> None:
        pass

    async with driving(source, mtu_bytes=mtu_bytes) as driver:
        puller = Puller(
            driver=driver,
            spool=spool,
            clock=SystemClock(),
            progress=Silent(),
            on_sealed=sealed,
        )
        return await puller.pull(RECORDER, await driver.recordings())


async def spooled(tmp_path: Path) -> Spool:
    config = SpoolConfig(path=tmp_path / "spool", min_free_bytes=0)
    return await asyncio.to_thread(Spool.open, config, SystemClock())


async def content_of(spool: Spool) -> bytes:
    (entry,) = await asyncio.to_thread(spool.entries, State.SEALED)
    path = await asyncio.to_thread(spool.media_path, entry.id, 0)
    assert entry.size_bytes == len(ROUGH)
    return await asyncio.to_thread(path.read_bytes)


async def test_disconnects_and_other_mtus_lose_nothing(tmp_path):
    """Cut at every tenth packet, with another MTU each time: what is held is kept and compared."""
    source = recorder({LONG_ID: ROUGH}, cuts=frozenset(range(10, 300, 10)))
    spool = await spooled(tmp_path)
    losses = 0
    for mtu_bytes in (247, 185, 512, 100, 247, 498) * 9:
        try:
            pulled = await visit(source, spool, mtu_bytes)
            break
        except LinkLost:
            losses += 1
    content = await content_of(spool)
    await asyncio.to_thread(spool.close)

    assert (pulled.sealed, pulled.problems) == (1, ())
    assert losses >= 10
    assert content == ROUGH


async def test_a_prefix_of_another_recording_is_not_continued(tmp_path):
    """Bytes held under the same key that the recorder does not send are given up."""
    source = recorder({LONG_ID: ROUGH}, cuts=frozenset({100}))
    spool = await spooled(tmp_path)
    with pytest.raises(LinkLost):
        await visit(source, spool, 247)
    (entry,) = await asyncio.to_thread(spool.entries, State.PULLING)
    held = next((spool.root / "incoming").rglob("*.ogg"))
    whole = bytearray(await asyncio.to_thread(held.read_bytes))
    whole[10_000] ^= 1
    await asyncio.to_thread(held.write_bytes, whole)
    await visit(source, spool, 247)
    content = await content_of(spool)
    reread = (await asyncio.to_thread(spool.entry, entry.id)).reread_bytes
    await asyncio.to_thread(spool.close)

    assert content == ROUGH
    assert reread == len(whole) - 8192


async def test_a_lie_about_the_size_does_no_harm(tmp_path):
    """Too much or too little: the recorder's checksum decides what is whole."""
    for number, kib in enumerate((0, 1, 65_535)):
        source = recorder({LONG_ID: ROUGH}, listed_kib=kib)
        spool = await spooled(tmp_path / str(number))
        await visit(source, spool, 247)
        content = await content_of(spool)
        await asyncio.to_thread(spool.close)

        assert content == ROUGH
