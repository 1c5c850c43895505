"""Visit: whatever a Bota recorder does wrong, its item says why, and nothing else suffers."""

import asyncio
import random
from dataclasses import replace

import pytest
import pytest_asyncio

from device.core.bota_ble import packets, uuids
from device.core.bota_ble.listing import encode_entry
from device.core.bota_ble.recorder import BotaRecorder
from device.core.bota_ble.shelf import CardFile
from device.core.bota_ble.stream import Cut, Notify
from device.core.bota_ble.switches import Switches
from device.model import State
from tests.device.bota_site import Site, site
from tests.device.drivers.bota_rig import LONG, LONG_ID, SHORT, SHORT_ID, recorder

pytestmark = pytest.mark.asyncio

SERIAL = "ABCDEF1234"


@pytest_asyncio.fixture
async def place(tmp_path, monkeypatch):
    async with site(tmp_path, monkeypatch) as opened:
        yield opened


async def good_one_is_safe(place: Site, source: BotaRecorder) -> None:
    """Check that the short recording is in the cloud and gone from its recorder."""
    entries = await place.entries()

    assert entries[SHORT_ID].state is State.RELEASED
    assert SHORT in place.uplink.contents
    assert SHORT_ID not in source.files


class Mangling(BotaRecorder):
    """Damages every packet of its long recording."""

    mangle = staticmethod(lambda value: value)

    def next_event(self):
        event = super().next_event()
        ours = isinstance(event, Notify) and self._sending == LONG_ID
        if ours and event.value[0] == packets.DATA:
            return replace(event, value=self.mangle(event.value))
        return event


@pytest.mark.parametrize(
    "mangle",
    [lambda value: value[:-1], lambda value: value + b"\0", lambda value: value[:2]],
    ids=["truncated", "over-long", "a stump"],
)
async def test_notifications_of_a_wrong_length_are_never_taken(place, mangle):
    """The item says that it makes no sense; no byte of it is kept, and it stays where it is."""
    source = Mangling(SERIAL, recorder().files.values(), Switches(hash_delay_s=0.0))
    source.mangle = mangle
    await place.visit(source)
    bad = (await place.entries())[LONG_ID]

    assert bad.state is State.PULLING
    assert "packet" in bad.wait.reason
    assert bad.media[0].pulled_bytes == 0
    assert LONG_ID in source.files
    await good_one_is_safe(place, source)


async def test_one_that_can_never_be_pulled_is_set_aside_with_its_cause_and_can_be_asked_for_again(
    place,
):
    """After five visits it waits for a person, who reads why; requeued, it is pulled like any."""
    source = Mangling(SERIAL, recorder().files.values(), Switches(hash_delay_s=0.0))
    source.mangle = lambda value: value[:-1]
    for _ in range(5):
        await place.visit(source)
    bad = (await place.entries())[LONG_ID]
    source.mangle = lambda value: value
    await asyncio.to_thread(place.spool.requeue, bad.id)
    await place.visit(source)
    after = (await place.entries())[LONG_ID]

    assert bad.state is State.QUARANTINED
    assert bad.quarantine_reason.startswith("failed 5 times: a packet of type 0x01")
    assert after.state is State.RELEASED
    assert LONG in place.uplink.contents


@pytest.mark.parametrize("name", [b"../x", b"a/b\0", b"\\..\\", b"\0\0\0\0", b"\n;rm"])
async def test_an_id_is_only_four_bytes(place, name):
    """Whatever the bytes of an id spell, no path comes of them."""
    source = recorder({name: LONG, SHORT_ID: SHORT})
    await place.visit(source)
    outside = [p.name for p in place.spool.root.parent.iterdir()]

    assert sorted(place.uplink.contents) == sorted([LONG, SHORT])
    assert source.files == {}
    assert outside == ["spool"]


class TwoFaced(BotaRecorder):
    """Lists one id twice, with different content."""

    def _list(self):
        super()._list()
        if LONG_ID in self.files:
            other = encode_entry(LONG_ID, started_s=9, duration_s=9, size_kib=9)
            self._notify(uuids.RECORDING_LIST, other)


async def test_an_id_that_is_listed_with_two_contents_is_named(place):
    """Neither is taken for the other; a person reads which id it is."""
    source = TwoFaced(SERIAL, recorder().files.values())
    visitor = await place.visit(source)

    assert visitor.problems == (f"{LONG_ID.hex()}: listed twice with different content",)
    assert LONG_ID in source.files
    await good_one_is_safe(place, source)


@pytest.mark.parametrize("change", [{"started_s": 7}, {"duration_s": 7}], ids=str)
async def test_an_id_that_is_used_again_is_another_recording(place, change):
    """Both are pulled, both are stored, and each is released by its own digest."""
    source = recorder()
    await place.visit(source)
    again = CardFile(file_id=LONG_ID, content=SHORT[::-1], started_s=1_772_366_400, duration_s=60)
    source.files[LONG_ID] = replace(again, **change)
    await place.visit(source)

    assert sorted(place.uplink.contents) == sorted([LONG, SHORT, SHORT[::-1]])
    assert source.files == {}


async def test_other_content_under_the_very_same_listing_is_not_deleted(place):
    """What the cloud does not have stays; the item says that it is something else."""
    source = recorder()
    old = source.files[LONG_ID]
    await place.visit(source)
    source.files[LONG_ID] = replace(old, content=bytes(len(LONG)))
    visitor = await place.visit(source)

    assert source.files[LONG_ID].content == bytes(len(LONG))
    assert any("other bytes than the cloud has" in problem for problem in visitor.problems)


class Deaf(BotaRecorder):
    """Never deletes its long recording."""

    def _confirm(self, file_id):
        if file_id != LONG_ID:
            super()._confirm(file_id)


async def test_one_that_confirms_nothing_keeps_its_copy_and_the_item_says_so(place):
    """Stored is stored; that the recorder fills up is told."""
    source = Deaf(SERIAL, recorder().files.values(), Switches(hash_delay_s=0.0))
    await place.visit(source)
    bad = (await place.entries())[LONG_ID]

    assert bad.state is State.STORED
    assert "still lists what it was allowed to delete" in bad.wait.reason
    assert LONG in place.uplink.contents
    await good_one_is_safe(place, source)


@pytest.mark.parametrize("kib", [0, 1, 60_000])
async def test_a_lie_about_the_size_changes_nothing(place, kib):
    """None, too little or too much: what is stored is what came, and its size is the true one."""
    source = recorder(listed_kib=kib)
    await place.visit(source)
    entries = await place.entries()

    assert sorted(place.uplink.contents) == sorted([LONG, SHORT])
    assert entries[LONG_ID].size_bytes == len(LONG)
    await good_one_is_safe(place, source)


async def test_a_lost_key_is_the_recorders_and_is_asked_for_once(place):
    """Neither gone nor broken on the way: the item says what the recorder lost."""
    source = recorder()
    source.files[LONG_ID] = replace(source.files[LONG_ID], keyless=True)
    await place.visit(source)
    bad = (await place.entries())[LONG_ID]

    assert "lost the key" in bad.wait.reason
    await good_one_is_safe(place, source)


@pytest.mark.parametrize("switches", [{"encrypted_v2": True}, {"relay": True}], ids=str)
async def test_what_only_its_maker_can_read_says_so_on_its_item(place, switches):
    """It is listed and cannot be pulled: it is not called missing, and nothing is kept of it."""
    source = recorder(**switches)
    await place.visit(source)
    switched = await place.visit(source)
    entries = await place.entries()

    assert all("v2" in problem for problem in switched.problems)
    assert all("v2" in entry.wait.reason for entry in entries.values())
    assert set(source.files) == {LONG_ID, SHORT_ID}


class Garbage(BotaRecorder):
    """Is named like a recorder and has its table, and something else behind it."""

    garbage = (uuids.SERIAL, b"")

    def read(self, characteristic):
        return dict([self.garbage]).get(characteristic, super().read(characteristic))


@pytest.mark.parametrize(
    ("garbage", "words"),
    [
        ((uuids.SERIAL, b"\xff\xfe" * 8), "serial number"),
        ((uuids.SERIAL, b""), "serial number"),
        ((uuids.STORAGE_INFO, b"\x01"), "storage info of 1 bytes"),
        ((uuids.DEVICE_STATUS, b""), "does not say whether it is uploading"),
    ],
    ids=str,
)
async def test_a_stranger_with_a_recorders_name_is_told_of(place, garbage, words):
    """Nothing is pulled from it and nothing written to it but the time."""
    source = Garbage(SERIAL, recorder().files.values())
    source.garbage = garbage
    visitor = await place.visit(source)

    assert words in " ".join(visitor.problems)
    assert await place.entries() == {}
    assert set(source.files) == {LONG_ID, SHORT_ID}


class Fragile(BotaRecorder):
    """Loses the line within every few packets of its long recording."""

    sent = 0

    def connect(self, mtu_bytes):
        super().connect(mtu_bytes)
        self.sent = 0
        self.least = random.Random(self._connections).randint(13, 16)

    def next_event(self):
        event = super().next_event()
        if event is not None and self._sending == LONG_ID:
            self.sent += 1
            return Cut() if self.sent > self.least else event
        return event


async def test_another_recorder_at_the_same_address_is_another_recorder(place):
    """Halves of the same id are never put together: the serial number is part of every key."""
    first = Fragile(SERIAL, recorder().files.values())
    second = BotaRecorder("OTHER00001", recorder({LONG_ID: LONG[::-1]}).files.values())
    await place.visit(first)
    await place.visit(second)
    released = [e.recording.key.recorder for e in (await place.entries(State.RELEASED)).values()]

    assert LONG[::-1] in place.uplink.contents
    assert "bota:OTHER00001" in released
    assert second.files == {}
    assert LONG not in place.uplink.contents


@pytest.mark.parametrize("mtu_bytes", [27, 247])
async def test_a_line_that_is_always_cut_too_early_is_said_so(place, mtu_bytes):
    """It begins at the first byte each time and cannot get further: that is told, others go on."""
    source = Fragile(SERIAL, recorder().files.values(), Switches(hash_delay_s=0.0))
    await place.visit(source, mtus=(mtu_bytes,))
    bad = (await place.entries())[LONG_ID]

    assert bad.state is State.PULLING
    assert "in one piece, from its first byte after each cut" in bad.wait.reason
    assert "3 times or more in a row nothing new came" in bad.wait.reason
    await place.uplink.settled(None)
    await place.visit(source, mtus=(mtu_bytes,))
    await good_one_is_safe(place, source)
