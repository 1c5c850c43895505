"""What a Bota recorder sent whole is remembered, and spares reading it again to release it."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.bota_ble import commands, uuids
from device.core.bota_ble.listing import encode_entry, parse_entries
from device.core.bota_ble.recorder import BotaRecorder
from device.drivers.bota_digests import Digests
from device.errors import DigestMismatch, ProtocolViolation
from tests.device.drivers.bota_rig import (
    LONG,
    LONG_ID,
    SERIAL,
    SHORT,
    SHORT_ID,
    driving,
    hasten,
    key_of,
    pull,
    recorder,
)
from tests.device.drivers.conformance import digests

SHA = sha256(SHORT).hexdigest()


@pytest.fixture(autouse=True)
def _hasten(monkeypatch):
    hasten(monkeypatch)


class AcksAnew(BotaRecorder):
    """Deletes only what was acknowledged since it was connected."""

    def connect(self, mtu_bytes):
        self._acknowledged.clear()
        super().connect(mtu_bytes)


def control(source: BotaRecorder, command: bytes) -> int:
    return [v for c, v in source.writes if c == uuids.TRANSFER_CONTROL].count(command)


def entry(*, started_s: int = 5, duration_s: int = 6, size_kib: int = 7):
    (listed,) = parse_entries(
        encode_entry(SHORT_ID, started_s=started_s, duration_s=duration_s, size_kib=size_kib)
    )
    return listed


async def pulled(source: BotaRecorder, cache) -> None:
    async with driving(source, cache=cache) as driver:
        await pull(driver, SHORT_ID)


@pytest.mark.asyncio
async def test_a_release_after_a_reconnect_reads_nothing(tmp_path):
    """The digest is known, and the listing has not changed: CONFIRM is all it takes."""
    source = recorder()
    key = key_of(source, SHORT_ID)
    await pulled(source, tmp_path / "cache")
    async with driving(source, cache=tmp_path / "cache") as driver:
        await driver.release(key, digests((SHORT,)))

    assert set(source.files) == {LONG_ID}
    assert control(source, commands.start(SHORT_ID)) == 1


@pytest.mark.asyncio
async def test_a_firmware_that_wants_its_ack_anew_gets_it(tmp_path):
    """What is still listed after a CONFIRM is read, acknowledged and confirmed."""
    source = AcksAnew(SERIAL, recorder().files.values())
    key = key_of(source, SHORT_ID)
    await pulled(source, tmp_path)
    async with driving(source, cache=tmp_path) as driver:
        await driver.release(key, digests((SHORT,)))

    assert set(source.files) == {LONG_ID}
    assert control(source, commands.start(SHORT_ID)) == 2


@pytest.mark.asyncio
async def test_one_that_confirms_nothing_is_read_once_per_connection(tmp_path):
    """Asking again and again must not empty its battery."""
    source = recorder(lost_confirms=99)
    key = key_of(source, SHORT_ID)
    await pulled(source, tmp_path)
    async with driving(source, cache=tmp_path) as driver:
        for _ in range(3):
            with pytest.raises(ProtocolViolation, match="still lists"):
                await driver.release(key, digests((SHORT,)))

    assert control(source, commands.start(SHORT_ID)) == 2


@pytest.mark.parametrize("content", [LONG, SHORT[:-1] + b"\0"], ids=["larger", "as large"])
@pytest.mark.asyncio
async def test_what_the_cloud_does_not_have_is_never_confirmed(tmp_path, content):
    """A remembered digest can only agree: where it does not, the recorder is read and decides."""
    source = recorder()
    await pulled(source, tmp_path)
    source.files[SHORT_ID] = replace(source.files[SHORT_ID], content=content)
    key = key_of(source, SHORT_ID)
    async with driving(source, cache=tmp_path) as driver:
        for _ in range(2):
            with pytest.raises(DigestMismatch):
                await driver.release(key, digests((b"something else",)))

    assert control(source, commands.confirm(SHORT_ID)) == 0
    assert control(source, commands.start(SHORT_ID)) == 2


@pytest.mark.asyncio
async def test_another_recorder_at_the_same_address_has_its_own_memory(tmp_path):
    """Who it is, its serial number says: the same id on another recorder is read."""
    source = recorder()
    await pulled(source, tmp_path)
    other = BotaRecorder("OTHER00001", source.files.values())
    key = replace(key_of(source, SHORT_ID), recorder="bota:OTHER00001")
    async with driving(other, cache=tmp_path) as driver:
        await driver.release(key, digests((SHORT,)))

    assert control(other, commands.start(SHORT_ID)) == 1


@pytest.mark.asyncio
async def test_a_whole_listing_forgets_what_is_gone(tmp_path):
    """The memory is never larger than the recorder's card."""
    source = recorder()
    await pulled(source, tmp_path)
    before = (tmp_path / f"bota-{SERIAL}.json").read_text()
    source.files.pop(SHORT_ID)
    async with driving(source, cache=tmp_path) as driver:
        await driver.recordings()
    after = json.loads((tmp_path / f"bota-{SERIAL}.json").read_text())

    assert SHA in before
    assert after["recordings"] == {}


@pytest.mark.asyncio
async def test_a_listing_that_lost_something_forgets_nothing(tmp_path):
    """What is not listed may still be there."""
    source = recorder()
    await pulled(source, tmp_path)
    source.switches = replace(source.switches, silent_list=True)
    async with driving(source, cache=tmp_path) as driver:
        await driver.recordings()

    assert SHA in (tmp_path / f"bota-{SERIAL}.json").read_text()


def test_only_the_very_same_listing_is_known(tmp_path):
    """Start, duration and size are all part of who it is."""
    memory = Digests(tmp_path, SERIAL)
    memory.remember(entry(), SHA)
    memory.save()
    again = Digests(tmp_path, SERIAL)

    assert again.known(entry()) == SHA
    assert again.known(entry(started_s=4)) is None
    assert again.known(entry(duration_s=4)) is None
    assert again.known(entry(size_kib=4)) is None


def test_without_a_start_nothing_is_remembered(tmp_path):
    """Four random bytes alone are not enough to delete by."""
    memory = Digests(tmp_path, SERIAL)
    memory.remember(entry(started_s=0), SHA)

    assert memory.known(entry(started_s=0)) is None


def test_a_memory_has_an_end(tmp_path, monkeypatch):
    """A recorder that lists without end costs reading again, not memory."""
    monkeypatch.setattr("device.drivers.bota_digests.MAX_REMEMBERED", 1)
    memory = Digests(tmp_path, SERIAL)
    memory.remember(entry(), SHA)
    memory.remember(entry(started_s=9), SHA)

    assert memory.known(entry()) == SHA
    assert memory.known(entry(started_s=9)) is None


@pytest.mark.parametrize("digest", ["", SHA[:-2], SHA + "00"])
def test_what_is_no_digest_is_not_remembered(tmp_path, digest):
    """Nothing that is too short or too long can ever vouch for a recording."""
    listed = entry()
    key = f"{SHORT_ID.hex()} {listed.started_s} {listed.duration_s} {listed.size_kib}"
    document = {"schema": 1, "recordings": {key: digest}}
    (tmp_path / f"bota-{SERIAL}.json").write_text(json.dumps(document))

    assert Digests(tmp_path, SERIAL).known(listed) is None


def test_a_memory_of_what_has_no_start_is_not_asked(tmp_path):
    """Whoever wrote it: without a start too little tells one recording from another."""
    listed = entry(started_s=0)
    known = {f"{SHORT_ID.hex()} None {listed.duration_s} {listed.size_kib}": SHA}
    (tmp_path / f"bota-{SERIAL}.json").write_text(json.dumps({"schema": 1, "recordings": known}))

    assert Digests(tmp_path, SERIAL).known(listed) is None


@given(content=st.binary(max_size=60) | st.just(b'{"schema": 1, "recordings": {"x": "ab"}}'))
def test_a_damaged_memory_is_an_empty_one(tmp_path_factory, content):
    """Whatever is in the file, it costs reading again and no more."""
    folder = tmp_path_factory.mktemp("cache")
    (folder / f"bota-{SERIAL}.json").write_bytes(content)

    assert Digests(folder, SERIAL).known(entry()) is None


def test_a_disk_that_refuses_costs_reading_again(tmp_path):
    """A cache that cannot be written is no reason to stop."""
    (tmp_path / "file").write_text("")
    memory = Digests(tmp_path / "file", SERIAL)
    memory.remember(entry(), SHA)
    memory.save()

    assert memory.known(entry()) == SHA
