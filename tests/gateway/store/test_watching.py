"""What operators look at, in a database: the fleet, changes, waveforms."""

from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from gateway.core.watching import Waves
from gateway.model import Device, MediaType, Medium, Recording
from gateway.store import Asked

pytestmark = pytest.mark.asyncio

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
SHA = "a" * 64
LONG_AGO = NOW - timedelta(days=9)


@pytest_asyncio.fixture
async def devices(any_store):
    for number in (1, 2, 3):
        await any_store.devices.create(
            Device(id=f"dev_{number}", serial_number=f"S{number}", created_at=NOW, updated_at=NOW)
        )
    return any_store


async def record(store, name, device_id="dev_1", at=NOW):
    await store.recordings.create(Recording(id=name, created_at=at, device_id=device_id), None)


async def sound(store, recording_id="rec_1", name="med_1"):
    medium = Medium(
        id=name,
        recording_id=recording_id,
        type=MediaType.AUDIO,
        content_type="audio/ogg",
        created_at=NOW,
    )
    await store.recordings.add_media(recording_id, [Asked(medium, None)], of_device=None, limit=9)
    return medium


async def heard(store, device_id, at, **report):
    await store.reports.keep(device_id, report, {}, at)


async def test_the_fleet_tells_what_is_unfinished(devices):
    """How many recordings of each device, and since when; what is deleted or whole not."""
    for name, at in (("rec_1", LATER), ("rec_2", NOW), ("rec_3", NOW)):
        await record(devices, name, at=at)
    await devices.recordings.delete("rec_3", LATER)
    await record(devices, "rec_4", "dev_2")
    medium = await sound(devices, "rec_4", "med_4")
    whole = await devices.recordings.finish_medium(medium, size_bytes=1, sha256=SHA)
    await devices.recordings.complete("rec_4", whole, None, NOW)
    found = await devices.fleet.page(9, 0)

    assert [("dev_1", 2, NOW, 0), ("dev_2", 0, None, 0), ("dev_3", 0, None, 0)] == [
        (each.device.id, each.unfinished, each.oldest_at, each.broken) for each in found
    ]


async def test_the_fleet_tells_what_arrived_damaged(devices):
    """It is unfinished, too."""
    await record(devices, "rec_1")
    medium = await sound(devices)
    await devices.recordings.finish_medium(medium, size_bytes=1, sha256=SHA)
    await devices.recordings.reopen_medium(medium.id, blame=True)
    found = await devices.fleet.page(1, 0)

    assert [(1, 1)] == [(each.unfinished, each.broken) for each in found]


async def test_fleet_and_devices_come_in_pages(devices):
    """Oldest first, whatever page is asked for."""
    fleet = [[each.device.id for each in await devices.fleet.page(2, at)] for at in (0, 2, 4)]
    plain = [[each.id for each in await devices.devices.page(2, at)] for at in (0, 2, 4)]

    assert [["dev_1", "dev_2"], ["dev_3"], []] == fleet == plain


async def test_devices_that_were_heard_are_told(devices):
    """At first the last one alone, to know the time; then those of after it."""
    await heard(devices, "dev_1", NOW)
    await heard(devices, "dev_2", LATER)
    first = await devices.changes.look(None)
    quiet = await devices.changes.look(LATER)
    both = await devices.changes.look(NOW - timedelta(seconds=1))

    assert [{"dev_2": LATER}, {}, {"dev_1": NOW, "dev_2": LATER}] == [
        each.heard for each in (first, quiet, both)
    ]


async def test_a_fleet_nobody_heard_of_has_no_time(devices):
    """Nothing to go on from."""
    assert (await devices.changes.look(None)).heard_at is None


@pytest_asyncio.fixture
async def audio(devices):
    await record(devices, "rec_1")
    await sound(devices)
    return devices


@pytest.mark.parametrize(
    "waves",
    [
        Waves(sha256=SHA, duration_ms=1500, peaks=(0.0, 0.5, 1.0)),
        Waves(sha256=SHA, duration_ms=1500, reason="undecodable"),
        Waves(sha256=SHA, reason="undecodable"),
    ],
)
async def test_a_waveform_is_given_as_it_was_kept(audio, waves):
    """With its peaks, or why there are none."""
    await audio.waveforms.keep("med_1", waves, NOW)

    assert {"med_1": waves} == await audio.waveforms.known(["med_1", "med_2"], LONG_AGO)


async def test_the_last_waveform_counts(audio):
    """Two processes may decode the same at once; a medium may be replaced."""
    for digest in ("a" * 64, "b" * 64):
        await audio.waveforms.keep("med_1", Waves(sha256=digest, peaks=(1.0,)), NOW)
    found = await audio.waveforms.known(["med_1"], LONG_AGO)

    assert "b" * 64 == found["med_1"].sha256


async def test_a_failure_is_forgotten_after_a_while(audio):
    """What could not be decoded is worth another try; what could stays."""
    await audio.waveforms.keep("med_1", Waves(sha256=SHA, reason="undecodable"), NOW)
    old = await audio.waveforms.known(["med_1"], NOW)
    await audio.waveforms.keep("med_1", Waves(sha256=SHA, peaks=(1.0,)), NOW)

    assert ({}, {"med_1"}) == (old, set(await audio.waveforms.known(["med_1"], LATER)))


async def test_a_waveform_goes_with_its_recording(audio):
    """How something sounded is as private as the sound, also if it is decoded just then."""
    await audio.waveforms.keep("med_1", Waves(sha256=SHA, peaks=(1.0,)), NOW)
    await audio.recordings.delete("rec_1", LATER)
    await audio.recordings.purged("rec_1", LATER)
    await audio.waveforms.keep("med_1", Waves(sha256=SHA, peaks=(1.0,)), NOW)

    assert {} == await audio.waveforms.known(["med_1"], LONG_AGO)
