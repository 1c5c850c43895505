"""Every switch of the simulated Bota recorder, over a real ATT: what a host sees, what it makes."""

import asyncio
import contextlib
import random
from contextlib import asynccontextmanager
from dataclasses import replace
from zlib import crc32

import pytest
from bleak import BleakScanner

from device.core.bota_ble import commands, gathering, packets, transfer, uuids
from device.core.bota_ble.codes import V2_HINT
from device.core.bota_ble.listing import ENTRY_BYTES
from device.core.bota_ble.recorder import BotaRecorder
from device.core.bota_ble.switches import HashForm
from device.core.bota_ble.table import CAPABILITIES
from device.errors import (
    DigestMismatch,
    LinkLost,
    LinkUnavailable,
    MediumGone,
    ProtocolViolation,
    RecorderBusy,
    RecorderRefused,
)
from device.links.finding import ble_nearby
from device.links.gatt import Gatt, Place, open_gatt
from tests.ble.air import controller_of
from tests.ble.room import RECORDER_ADDRESS, URL
from tests.device.drivers.bota_rig import hasten, pull, recorder
from tests.device.drivers.conformance import digests
from tests.device.drivers.test_bota_on_ble import bota_room, opened

DEADLINE_S = 15.0
CONTENT = random.Random(60).randbytes(5 * 1024)
OTHER = b"OggS another one"
FILE = b"FILE"
FILES = {FILE: CONTENT, b"MORE": OTHER}
MTU = 100
SMALLEST_MTU = 27
"""What an entry of the listing needs; then a packet carries so many bytes."""
SMALLEST_BYTES = SMALLEST_MTU - 3 - packets.DATA_HEADER_BYTES
HASH = 0x04
CONTROL, TRANSFER = uuids.TRANSFER_CONTROL, uuids.RECORDING_TRANSFER

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def _hasten(monkeypatch):
    hasten(monkeypatch)
    # A virtual radio takes its time where the machine is busy.
    monkeypatch.setattr(gathering, "PATIENCE_S", 1.0)
    monkeypatch.setattr(transfer, "PACKET_S", 1.0)


class Host:
    """A host that shows what comes instead of making sense of it."""

    def __init__(self, gatt: Gatt) -> None:
        self._gatt = gatt
        self.read = gatt.read
        self.write = gatt.write
        self.offers = gatt.offers
        self._heard: dict[str, asyncio.Queue[bytes]] = {}

    async def hear(self, characteristic: str) -> None:
        heard = self._heard[characteristic] = asyncio.Queue()
        await self._gatt.subscribe(characteristic, heard.put_nowait)

    async def next(self, characteristic: str = TRANSFER) -> bytes:
        return await self._heard[characteristic].get()

    async def until_kind(self, kind: int) -> list[bytes]:
        """Return the packets up to the first of this kind."""
        got = [await self.next()]
        while got[-1][0] != kind:
            got.append(await self.next())
        return got

    async def silent(self, characteristic: str) -> bool:
        """Whether nothing has come by the time the recorder has answered something else."""
        await self.read(uuids.STORAGE_INFO)
        return self._heard[characteristic].empty()


@asynccontextmanager
async def beside(source: BotaRecorder, mtu: int = MTU):
    """Connect a host that listens to the transfer and to the listing."""
    async with asyncio.timeout(DEADLINE_S), bota_room(source, mtu):
        gatt = await open_gatt(Place.parse(URL), CONTROL)
        host = Host(gatt)
        await host.hear(TRANSFER)
        await host.hear(uuids.RECORDING_LIST)
        yield host
        await gatt.aclose()


@asynccontextmanager
async def driven(source: BotaRecorder, tmp_path):
    """Open the driver on it."""
    async with asyncio.timeout(DEADLINE_S), bota_room(source, MTU):
        driver = await opened(tmp_path)
        yield driver
        await driver.aclose()


# 1: announcing itself


@pytest.mark.parametrize("lost", [0, 2])
@pytest.mark.parametrize(
    ("switches", "model", "firmware"),
    [
        ({}, "Bota Pin", None),
        ({"name": "Bota-Note-0042"}, "Bota Note", None),
        ({"name": "Bota-Note-0042", "legacy_advertisement": True}, "Bota Pin", "1.0"),
    ],
    ids=["pin", "note", "legacy"],
)
async def test_name_and_makers_bytes_are_merged(switches, model, firmware, lost):
    """The name is advertised, the maker's bytes only told when asked, and that may be missed."""
    async with asyncio.timeout(DEADLINE_S), bota_room(recorder(**switches)) as (_, radio):
        controller_of(radio.central).lost_responses = lost
        (near,) = await ble_nearby(None, 0.3)

    assert (near.url, near.driver) == (URL, "bota")
    assert near.name == switches.get("name", "Bota Pin")
    assert (near.model, near.firmware) == (model, firmware)
    assert near.battery_percent == (76 if firmware else None)


async def test_its_mac_comes_in_transmitted_order():
    """The maker's bytes are its address as people read it, under the maker's number."""
    async with asyncio.timeout(DEADLINE_S), bota_room(recorder()):
        found = await BleakScanner.discover(0.3, return_adv=True)
    (seen,) = (seen for device, seen in found.values() if device.address == RECORDER_ADDRESS)

    assert seen.manufacturer_data == {0xB07A: bytes.fromhex(RECORDER_ADDRESS.replace(":", ""))}


# 2 and 9: what there is


async def test_its_table_is_that_of_a_real_one():
    """Every service of the plain profile is there, and nothing of encrypted upload v2."""
    battery, wifi = uuids.BATTERY_LEVEL, uuids.WIFI_STATUS
    async with beside(recorder()) as host:
        there = host.offers(battery, wifi, uuids.DEVICE_KEY, uuids.TRANSFER_STATUS)
        v2 = host.offers(uuids.CAPABILITIES_V2)
        values = [len(await host.read(each)) for each in (battery, wifi, uuids.DEVICE_KEY)]

    assert there
    assert not v2
    assert values == [1, 1, 64]


@pytest.mark.parametrize("code", [0x21, 0x22])
async def test_a_v2_recorder_is_told_by_0406_and_never_pulled_from(tmp_path, code):
    """Its capabilities can be read, v1 is refused with either code, and the driver explains it."""
    source = recorder(FILES, encrypted_v2=True, v2_code=code)
    async with beside(source) as host:
        capabilities = await host.read(uuids.CAPABILITIES_V2)
        await host.write(CONTROL, commands.start(FILE))
        refusal = await host.next()
    async with driven(source, tmp_path) as driver:
        with pytest.raises(RecorderRefused) as caught:
            await pull(driver, FILE)
        listing = await driver.recordings()

    assert capabilities == CAPABILITIES
    assert refusal == packets.encode_error(code)
    assert caught.value.hint == V2_HINT
    assert listing.recordings == ()
    assert all(V2_HINT in each.reason for each in listing.rejected)


# 3: its state


@pytest.mark.parametrize(("short", "sizes"), [(False, (17, 16)), (True, (14, 12))])
async def test_its_state_has_a_long_and_a_short_form(tmp_path, short, sizes):
    """Both are understood; the short one lacks what nobody needs to pull."""
    source = recorder(FILES, without_facts=short)
    async with beside(source) as host:
        status = await host.read(uuids.DEVICE_STATUS)
        storage = await host.read(uuids.STORAGE_INFO)
    async with driven(source, tmp_path) as driver:
        content = await pull(driver, FILE)

    assert (len(status), len(storage)) == sizes
    assert content == CONTENT


@pytest.mark.parametrize("switch", ["sync_active", "status_unreadable"])
async def test_one_that_uploads_by_itself_keeps_its_recordings(tmp_path, switch):
    """Whether it says so or does not say."""
    async with driven(recorder(FILES, **{switch: True}), tmp_path) as driver:
        with pytest.raises(RecorderBusy):
            await driver.recordings()


# 4: the listing


@pytest.mark.parametrize(
    ("switches", "sizes"),
    [
        ({}, [2 * ENTRY_BYTES]),
        ({"count_prefix": True}, [1 + 2 * ENTRY_BYTES]),
        ({"entries_per_notification": 1}, [ENTRY_BYTES] * 2),
        ({"entries_per_notification": 1, "list_delay_s": 0.05}, [ENTRY_BYTES] * 2),
        ({"entries_per_notification": 1, "repeated_list": True}, [ENTRY_BYTES] * 4),
        ({"entries_per_notification": 1, "lost_lists": 1}, [ENTRY_BYTES]),
        ({"no_times": True}, [2 * ENTRY_BYTES]),
        ({"listed_kib": 65_535}, [2 * ENTRY_BYTES]),
    ],
    ids=str,
)
async def test_a_listing_has_many_forms_and_one_meaning(tmp_path, switches, sizes):
    """What comes differs, and both recordings are listed all the same."""
    source = recorder(FILES, **switches)
    async with beside(source) as host:
        await host.write(CONTROL, commands.LIST)
        got = [len(await host.next(uuids.RECORDING_LIST)) for _ in sizes]
        quiet = await host.silent(uuids.RECORDING_LIST)
    async with driven(source, tmp_path) as driver:
        listing = await driver.recordings()

    assert (got, quiet) == (sizes, True)
    assert {bytes.fromhex(each.key.recording) for each in listing.recordings} == set(FILES)
    assert listing.complete
    assert (listing.recordings[0].started_at is None) == ("no_times" in switches)


@pytest.mark.parametrize(
    ("files", "switches", "complete"), [({}, {}, True), (FILES, {"silent_list": True}, False)]
)
async def test_silence_is_an_empty_listing_only_where_the_counters_say_so(
    tmp_path, files, switches, complete
):
    """An empty recorder answers LIST with nothing, and so does one that lost its answer."""
    source = recorder(files, **switches)
    async with beside(source) as host:
        await host.write(CONTROL, commands.LIST)
        quiet = await host.silent(uuids.RECORDING_LIST)
    async with driven(source, tmp_path) as driver:
        listing = await driver.recordings()

    assert quiet
    assert (listing.recordings, listing.complete) == ((), complete)


# 5: a transfer


@pytest.mark.parametrize("length", [1, 5, 16, 18])
async def test_a_start_has_17_bytes(length):
    """Anything else is an invalid parameter."""
    async with beside(recorder(FILES)) as host:
        await host.write(CONTROL, (commands.start(FILE) + b"\0")[:length])
        answer = await host.next()

    assert answer == packets.encode_error(0x03)


@pytest.mark.parametrize(
    ("form", "size"),
    [
        (HashForm.NONE, None),
        (HashForm.BARE, 33),
        (HashForm.NAMED, 49),
        (HashForm.FOREIGN, 49),
        (HashForm.FOREIGN_BARE, 33),
        (HashForm.WRONG, 49),
    ],
)
async def test_packets_fill_the_mtu_and_end_with_one_of_six_hashes(tmp_path, form, size):
    """DATA, EOF with the checksum, then the hash; only one that claims to be its own refuses it."""
    source = recorder(FILES, hash_form=form)
    async with beside(source) as host:
        await host.write(CONTROL, commands.start(FILE))
        *data, end = await host.until_kind(packets.EOF)
        told = await host.next() if size else None
        quiet = await host.silent(TRANSFER)
        await host.write(CONTROL, commands.ACK)
    wrong = form is HashForm.WRONG
    async with driven(source, tmp_path) as driver:
        with pytest.raises(DigestMismatch) if wrong else contextlib.nullcontext():
            assert await pull(driver, FILE) == CONTENT

    assert {len(each) for each in data[:-1]} == {MTU - 3}
    assert b"".join(each[packets.DATA_HEADER_BYTES :] for each in data) == CONTENT
    assert end[3:] == crc32(CONTENT).to_bytes(4, "little")
    assert (None if told is None else len(told)) == size
    assert quiet


@pytest.mark.parametrize("where", [CONTROL, TRANSFER], ids=["0404", "0403"])
@pytest.mark.parametrize("ending", [commands.ACK, commands.NACK, commands.ABORT])
async def test_a_transfer_is_held_until_it_is_ended_on_either_characteristic(where, ending):
    """A second START before that is an invalid state; after it, it is answered."""
    async with beside(recorder(FILES)) as host:
        await host.write(CONTROL, commands.start(b"MORE"))
        await host.until_kind(HASH)
        await host.write(CONTROL, commands.start(FILE))
        held = await host.next()
        await host.write(where, ending)
        await host.write(CONTROL, commands.start(b"MORE"))
        again = await host.next()

    assert held == packets.encode_error(0x02)
    assert again[0] == packets.DATA


# 6: faults


@pytest.mark.parametrize(
    "switches",
    [
        {"dropped": frozenset({5})},
        {"dropped": frozenset(range(10, 22))},
        {"doubled": frozenset({0, 7})},
        {"truncated": frozenset({9})},
        {"overlong": frozenset({9})},
        {"flipped_checksums": 1},
        {"lost_ends": 1},
        {"stalled": frozenset({20}), "stall_s": 1.3},
        {"echo": True},
        {"start_errors": (0x12,)},
        {"start_errors": (None,)},
        {"lenient_confirm": True},
        {"hash_delay_s": 0.01},
    ],
    ids=str,
)
async def test_no_fault_costs_a_byte(tmp_path, switches):
    """Whatever is lost, repeated, damaged or late: the recording arrives whole and is released."""
    source = recorder(FILES, **switches)
    async with driven(source, tmp_path) as driver:
        (key,) = (
            each.key
            for each in (await driver.recordings()).recordings
            if each.key.recording == FILE.hex()
        )
        content = await pull(driver, FILE)
        await driver.release(key, digests((content,)))

    assert content == CONTENT
    assert set(source.files) == {b"MORE"}


async def test_a_flipped_bit_is_never_part_of_a_recording(tmp_path):
    """The checksum tells; what was given away already cannot be taken back, so that pull fails."""
    async with driven(recorder(FILES, flipped=frozenset({9})), tmp_path) as driver:
        with pytest.raises(ProtocolViolation, match="other bytes"):
            await pull(driver, FILE)
        content = await pull(driver, FILE)

    assert content == CONTENT


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (0x11, MediumGone),
        (0x14, RecorderRefused),
        (0x20, RecorderBusy),
        (0x21, RecorderRefused),
        (0x22, RecorderRefused),
    ],
)
async def test_an_error_says_what_it_means(tmp_path, code, error):
    """What asking again cannot change is told at once, with its own class."""
    async with driven(recorder(FILES, start_errors=(code,)), tmp_path) as driver:
        with pytest.raises(error):
            await pull(driver, FILE)


async def test_an_ending_may_be_echoed():
    """Some builds repeat it on 0403."""
    async with beside(recorder(FILES, echo=True)) as host:
        await host.write(CONTROL, commands.start(b"MORE"))
        await host.until_kind(HASH)
        await host.write(CONTROL, commands.ACK)
        echoed = await host.next()

    assert echoed == commands.ACK


async def test_a_stalled_recorder_is_silent_and_then_goes_on():
    """The packet comes in the end, for who waits."""
    async with beside(recorder(FILES, stalled=frozenset({1}), stall_s=0.2)) as host:
        await host.write(CONTROL, commands.start(FILE))
        await host.next()
        begun_s = asyncio.get_running_loop().time()
        late = await host.next()
        took_s = asyncio.get_running_loop().time() - begun_s

    assert late[0] == packets.DATA
    assert took_s >= 0.2


async def test_a_disconnect_at_every_tenth_packet_and_other_mtus_lose_nothing(tmp_path):
    """What was held is compared with the replay, whatever the packets' size, and goes on."""
    source = recorder({FILE: CONTENT}, cuts=frozenset(range(10, 100, 10)), mtus=(100, 64, 128, 100))
    got = bytearray()
    losses = 0
    async with asyncio.timeout(DEADLINE_S), bota_room(source) as (_, radio):
        while len(got) < len(CONTENT):
            driver = await opened(tmp_path)
            (recording,) = (await driver.recordings()).recordings
            try:
                async for chunk in driver.read(recording, recording.media[0], len(got)):
                    got += chunk
            except LinkLost:
                losses += 1
            await driver.aclose()

    assert bytes(got) == CONTENT
    assert losses >= 3
    assert radio.mtus[:4] == [100, 64, 128, 100]


@pytest.mark.timeout(120)
async def test_more_than_65_536_packets_come_whole(tmp_path, monkeypatch):
    """The sequence number begins again, with a packet repeated on either side of that."""
    monkeypatch.setattr(transfer, "PACKET_S", 10.0)
    content = random.Random(61).randbytes(65_600 * SMALLEST_BYTES)
    source = recorder({FILE: content}, doubled=frozenset({65_535, 65_536}))
    async with asyncio.timeout(100), bota_room(source, SMALLEST_MTU):
        driver = await opened(tmp_path)
        got = await pull(driver, FILE)
        await driver.aclose()

    assert source.sent_bytes[FILE] == len(content) + 2 * SMALLEST_BYTES
    assert got == content


async def test_a_recording_being_made_pauses_and_goes_on():
    """PAUSED where it has been caught up with; then what was made since, and EOF over all of it."""
    source = recorder(FILES)
    source.files[b"MORE"] = replace(source.files[b"MORE"], live=True)
    async with beside(source) as host:
        await host.write(CONTROL, commands.start(b"MORE"))
        caught_up = await host.until_kind(packets.PAUSED)
        source.finish(b"MORE", b"tail")
        await host.write(uuids.TIME_SYNC, bytes(8))  # wakes it
        rest = await host.until_kind(packets.EOF)

    assert [each[0] for each in caught_up] == [packets.DATA, packets.PAUSED]
    assert rest[0][packets.DATA_HEADER_BYTES :] == b"tail"
    assert rest[-1][3:] == crc32(OTHER + b"tail").to_bytes(4, "little")


async def test_the_relay_profile_is_recognised_and_left(tmp_path):
    """A recorder that encrypts for its maker's cloud begins so, and nothing of it is kept."""
    source = recorder(FILES, relay=True)
    async with beside(source) as host:
        await host.write(CONTROL, commands.start(FILE))
        first = await host.next()
    async with driven(source, tmp_path) as driver:
        with pytest.raises(RecorderRefused, match="relay"):
            await pull(driver, FILE)

    assert (first[0], len(first)) == (packets.RELAY_START, 37)


async def test_the_nonce_changes_with_connections_and_grants():
    """Whoever reads it early uses an old one."""
    source = recorder()
    async with beside(source) as host:
        first = await host.read(uuids.AUTH_NONCE)
        same = await host.read(uuids.AUTH_NONCE)
        await host.write(uuids.DEVICE_COMMAND, b"\x06")
        kept = await host.read(uuids.AUTH_NONCE)
        await host.write(uuids.DEVICE_COMMAND, bytes(171))
        after_grant = await host.read(uuids.AUTH_NONCE)
    async with beside(source) as host:
        elsewhere = await host.read(uuids.AUTH_NONCE)

    assert first == same == kept
    assert len(first) == 16
    assert len({first, after_grant, elsewhere}) == 3


# 7: CONFIRM


@pytest.mark.parametrize("lenient", [False, True])
async def test_only_what_was_acknowledged_is_deleted(lenient):
    """A CONFIRM of what was never acknowledged, or is not there, does nothing, unless lenient."""
    source = recorder(FILES, lenient_confirm=lenient)
    async with beside(source) as host:
        await host.write(CONTROL, commands.start(b"MORE"))
        await host.until_kind(HASH)
        await host.write(CONTROL, commands.ACK)
        for file_id in (FILE, b"MORE", b"NONE"):
            await host.write(CONTROL, commands.confirm(file_id))

    assert set(source.files) == (set() if lenient else {FILE})


async def test_a_lost_confirm_is_noticed_and_repeated(tmp_path):
    """Nothing answers it; only another listing shows."""
    source = recorder({FILE: CONTENT}, lost_confirms=2)
    async with driven(source, tmp_path) as driver:
        (recording,) = (await driver.recordings()).recordings
        content = await pull(driver, FILE)
        await driver.release(recording.key, digests((content,)))

    assert source.files == {}


# 8: bonding


async def test_its_storage_is_for_paired_hosts(tmp_path):
    """The agent is told to pair; once the computer has, it pulls, and again after a reconnect."""
    source = recorder(FILES, needs_bond=True)
    async with asyncio.timeout(DEADLINE_S), bota_room(source, MTU) as (device, radio):
        pairings = []
        device.on("pairing_start", pairings.append)
        with pytest.raises(LinkUnavailable) as caught:
            await opened(tmp_path)
        radio.pair_on_connect = True
        driver = await opened(tmp_path)
        await driver.aclose()
        radio.pair_on_connect = False
        contents = []
        for _ in range(2):
            driver = await opened(tmp_path)
            contents.append(await pull(driver, FILE))
            await driver.aclose()

    assert "asks to be paired" in str(caught.value)
    assert contents == [CONTENT] * 2
    assert len(pairings) == 1
