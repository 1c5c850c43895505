"""Uploads under faults: cuts, stalls, rival writers, restarts, crashes between steps, bad disks."""

import asyncio
import errno
import os

import pytest

from gateway.objects import ObjectRef
from tests.gateway.raw_put import RawPut
from tests.gateway.serving import digest, serving

AUDIO = bytes(range(256)) * 8192
TOTAL = len(AUDIO)

pytestmark = pytest.mark.asyncio


async def held_after_cut(api, url):
    return (await api.ask(url, TOTAL)).held


@pytest.fixture
def target(api):
    async def make(**more):
        return await api.target(await api.recording(), AUDIO, **more)

    return make


@pytest.mark.parametrize("sent", [1, 70_000, 1_500_000, TOTAL - 1])
async def test_what_arrived_before_a_cut_is_kept(api, target, arrived, sent):
    """A connection cut mid-chunk loses no byte that reached the gateway."""
    where = (await target())["upload_url"]
    put = await RawPut.open(where, f"bytes 0-{TOTAL - 1}/{TOTAL}", TOTAL)
    await put.send(AUDIO[:1])
    await arrived(1)
    await put.send(AUDIO[1:sent])
    await put.cut()
    await api.gateway.metrics.idle()
    held = await held_after_cut(api, where)
    done = await api.put(where, AUDIO[sent:], sent, TOTAL)

    assert held == sent
    assert done.json["content_sha256"] == digest(AUDIO)


async def test_a_cut_within_an_overlap_keeps_the_offset(api, target):
    """A re-sent prefix that is cut neither adds nor takes away."""
    where = (await target())["upload_url"]
    await api.put(where, AUDIO[:100_000], 0, TOTAL)
    put = await RawPut.open(where, f"bytes 0-{TOTAL - 1}/{TOTAL}", TOTAL)
    await put.send(AUDIO[:50_000])
    await put.cut()

    assert await held_after_cut(api, where) == 100_000


async def test_a_newer_request_evicts_a_stale_writer(api, target, arrived):
    """A half-open connection does not hold the session: asking takes it over at once."""
    made = await target()
    where = made["upload_url"]
    stale = await RawPut.open(where, f"bytes 0-{TOTAL - 1}/{TOTAL}", TOTAL)
    await stale.send(AUDIO[:200_000])
    await arrived(200_000)
    held = await held_after_cut(api, where)
    done = await api.put(where, AUDIO[held:], held, TOTAL)
    status = await stale.status()
    await stale.cut()

    assert held == 200_000
    assert done.json["content_sha256"] == digest(AUDIO)
    assert status == 409


async def test_bytes_on_the_way_count_although_the_client_asks_first(api, target, arrived):
    """Asking right after a cut does not throw away what the kernel still holds."""
    where = (await target())["upload_url"]
    put = await RawPut.open(where, f"bytes 0-{TOTAL - 1}/{TOTAL}", TOTAL)
    await put.send(AUDIO[:1])
    await arrived(1)
    asked = asyncio.ensure_future(held_after_cut(api, where))
    await put.send(AUDIO[1:1_900_000])
    await put.cut()

    assert await asked == 1_900_000


async def test_a_cut_is_no_error_in_the_log(api, target, arrived, caplog):
    """Cuts are everyday: one access line with 499, no traceback."""
    caplog.set_level("INFO")
    where = (await target())["upload_url"]
    put = await RawPut.open(where, f"bytes 0-{TOTAL - 1}/{TOTAL}", TOTAL)
    await put.send(AUDIO[:1])
    await arrived(1)
    await put.cut()
    await api.gateway.metrics.idle()

    assert [r.status for r in caplog.records if r.name == "gateway.access"][-1] == 499
    assert [r for r in caplog.records if r.levelname == "ERROR"] == []


async def test_many_rivals_end_in_one_whole_medium(api, target):
    """Whoever writes at the same time, the object is right."""
    where = (await target())["upload_url"]
    await asyncio.gather(*(api.put(where, AUDIO, 0, TOTAL) for _ in range(6)))
    held = await api.ask(where, TOTAL)
    if held.status == 308:
        held = await api.put(where, AUDIO[held.held :], held.held, TOTAL)

    assert held.json["content_sha256"] == digest(AUDIO)


async def test_a_stalled_body_is_given_up_and_kept(tmp_path, clock):
    """A client that stops sending is answered 408; what it sent counts."""
    async with serving(tmp_path / "data", clock, idle_s=0.05) as api:
        _, api.token = await api.device()
        where = (await api.target(await api.recording(), AUDIO))["upload_url"]
        put = await RawPut.open(where, f"bytes 0-{TOTAL - 1}/{TOTAL}", TOTAL)
        await put.send(AUDIO[:1000])
        status = await put.status()
        held = await held_after_cut(api, where)
        await put.cut()

    assert (status, held) == (408, 1000)


async def drip(api, target, clock, arrived, pieces):
    """Send pieces, each after a pause in seconds; gives where to, and the PUT."""
    where = (await target())["upload_url"]
    put = await RawPut.open(where, f"bytes 0-{TOTAL - 1}/{TOTAL}", TOTAL)
    await put.send(AUDIO[:1])
    await arrived(1)
    sent = 1
    for pause_s, size in pieces:
        clock.advance(pause_s)
        await put.send(AUDIO[sent : sent + size])
        sent += size
        await arrived(sent)
    return where, put


async def test_a_body_that_drips_is_given_up_and_kept(api, target, clock, arrived):
    """A byte now and then, each within the idle limit, does not hold a place for ever."""
    where, put = await drip(api, target, clock, arrived, [(50, 1), (50, 1)])
    status = await put.status()
    held = await held_after_cut(api, where)
    await put.cut()

    assert (408, 3) == (status, held)


async def test_a_slow_link_and_one_that_stalls_go_on(api, target, clock, arrived):
    """100 B/s are enough, and so is a stall of most of a minute that a burst makes up for."""
    slow, stalling = [(10, 1000)] * 18, [(59, 2), (1, 5998)]
    where, put = await drip(api, target, clock, arrived, slow + stalling)
    await put.cut()
    await api.gateway.metrics.idle()

    assert 1 + 18_000 + 6000 == await held_after_cut(api, where)


async def test_a_refused_upload_costs_no_body(api, target, clock):
    """With Expect: 100-continue a dead URL is answered before any byte of the body."""
    where = (await target())["upload_url"]
    clock.advance(3601)
    put = await RawPut.open(where, None, TOTAL, "Expect: 100-continue")
    status = await put.status()
    await put.cut()

    assert status == 403


async def test_a_good_upload_is_asked_to_continue(api, target):
    """With Expect: 100-continue a good URL is told to go on."""
    where = (await target())["upload_url"]
    put = await RawPut.open(where, None, TOTAL, "Expect: 100-continue")
    first = await put.status()
    await put.send(AUDIO)
    last = await put.status()
    await put.cut()

    assert (first, last) == (100, 200)


async def test_a_restart_keeps_the_offset(tmp_path, clock):
    """After a restart the prefix is re-hashed and the upload goes on."""
    folder = tmp_path / "data"
    async with serving(folder, clock) as api:
        _, api.token = await api.device()
        recording = await api.recording()
        first = await api.target(recording, AUDIO, key="m-0")
        await api.put(first["upload_url"], AUDIO[:1_100_000], 0, TOTAL)
        token = api.token
    async with serving(folder, clock) as api:
        api.token = token
        where = (await api.target(recording, AUDIO, key="m-0"))["upload_url"]
        held = await held_after_cut(api, where)
        done = await api.put(where, AUDIO[held:], held, TOTAL)

    assert held == 1_100_000
    assert done.json["content_sha256"] == digest(AUDIO)


async def test_draining_stops_writers_and_keeps_their_bytes(api, target, arrived):
    """A gateway that must stop answers 503 to a long PUT; what arrived is durable."""
    made = await target()
    put = await RawPut.open(made["upload_url"], f"bytes 0-{TOTAL - 1}/{TOTAL}", TOTAL)
    await put.send(AUDIO[:200_000])
    await arrived(200_000)
    api.gateway.receiving.drain()
    status = await put.status()
    await put.cut()
    later = await api.ask(made["upload_url"], TOTAL)
    kept = await asyncio.to_thread(_held_on_disk, api, made["media_id"])

    assert (status, later.status) == (503, 503)
    assert later.headers["Retry-After"] == "1"
    assert kept == 200_000


async def test_an_object_sealed_before_a_crash_is_found_by_asking(api, target):
    """Renamed into place but not noted: the next question finds it whole."""
    made = await target()
    medium = await api.gateway.store.recordings.medium(made["media_id"])
    path = api.gateway.objects.path(ObjectRef(medium.recording_id, medium.id))
    await asyncio.to_thread(_place, path, AUDIO)
    found = await api.ask(made["upload_url"], TOTAL)

    assert (found.status, found.json["content_sha256"]) == (200, digest(AUDIO))


async def test_an_object_sealed_before_a_crash_is_found_by_complete(api, target):
    """A client that completes at once after the crash is not told that the medium is pending."""
    made = await target()
    medium = await api.gateway.store.recordings.medium(made["media_id"])
    path = api.gateway.objects.path(ObjectRef(medium.recording_id, medium.id))
    await asyncio.to_thread(_place, path, AUDIO)
    done = await api.complete(medium.recording_id, AUDIO)

    assert (done.status, done.json["status"]) == (200, "uploaded")


async def test_complete_does_not_disturb_a_writer(api, target, arrived):
    """Completing too early names the medium and leaves its upload alone."""
    made = await target()
    medium = await api.gateway.store.recordings.medium(made["media_id"])
    put = await RawPut.open(made["upload_url"], f"bytes 0-{TOTAL - 1}/{TOTAL}", TOTAL)
    await put.send(AUDIO[:1000])
    await arrived(1000)
    early = await api.complete(medium.recording_id, AUDIO)
    await put.send(AUDIO[1000:])
    status = await put.status()
    await put.cut()

    assert (early.status, status) == (409, 200)


async def test_a_full_disk_is_a_clear_answer_and_loses_nothing(api, target, monkeypatch):
    """No room is 503 with Retry-After; the upload goes on when there is room again."""
    where = (await target())["upload_url"]
    await api.put(where, AUDIO[:1000], 0, TOTAL)
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwritev", _failing(errno.ENOSPC))
        refused = await api.put(where, AUDIO[1000:], 1000, TOTAL)
    held = await held_after_cut(api, where)
    done = await api.put(where, AUDIO[1000:], 1000, TOTAL)

    assert (refused.status, refused.code) == (503, "storage_full")
    assert refused.headers["Retry-After"] == "60"
    assert held == 1000
    assert done.json["content_sha256"] == digest(AUDIO)


@pytest.mark.parametrize("call", ["fdatasync", "fsync", "pwritev"])
async def test_a_disk_error_is_never_acknowledged(api, target, monkeypatch, call):
    """After an I/O error the medium starts again in a fresh file."""
    where = (await target())["upload_url"]
    await api.put(where, AUDIO[:1000], 0, TOTAL)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, _failing(errno.EIO))
        rest = AUDIO[1000:] if call == "fsync" else AUDIO[1000:2000]
        refused = await api.put(where, rest, 1000, TOTAL)
    held = await held_after_cut(api, where)
    done = await api.put(where, AUDIO, 0, TOTAL)

    assert (refused.status, refused.code) == (503, "storage_failed")
    assert held == 0
    assert done.json["content_sha256"] == digest(AUDIO)


def _held_on_disk(api, medium_id):
    part = api.gateway.objects.part(ObjectRef("rec_x", medium_id))
    try:
        return part.held_bytes
    finally:
        part.close()


def _failing(number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    return fail


def _place(path, content):
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
