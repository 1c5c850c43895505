"""Small media that come whole, kept in one step: the same promises as by parts."""

import asyncio
import dataclasses
import errno
import os
from pathlib import Path

import pytest

from gateway.errors import NotFound, StorageFailed, StorageFull
from gateway.metrics import Metrics
from gateway.model import MediaStatus
from gateway.objects import Arrived, ObjectRef
from gateway.objects.filesystem import FilesystemObjects
from gateway.pumping import Pump
from gateway.receiving import Receiving
from gateway.store.recordings import SqlRecordings
from gateway.turns import Turns
from tests.gateway.raw_put import RawPut
from tests.gateway.serving import digest, serving

IMAGE = bytes(range(256)) * 400
TOTAL = len(IMAGE)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def target(api):
    async def make(**more):
        return await api.target(await api.recording(), IMAGE, **more)

    return make


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def arrived_whole(ref):
    return Arrived(ref, [IMAGE], None, is_new=False)


async def files(folder):
    return await asyncio.to_thread(
        lambda: sorted(path.name for path in folder.rglob("*") if path.is_file())
    )


def name_of(where):
    return (Path(f"/proc/self/fd/{where}").readlink() if isinstance(where, int) else where).name


@pytest.fixture
def steps(monkeypatch):
    """What is done to the disk."""
    seen = []

    def watched(name, real):
        def watch(first, *more, **named):
            seen.append((name, name_of(first)))
            return real(first, *more, **named)

        return watch

    for name in ("pwrite", "fdatasync", "fsync", "rename", "unlink"):
        monkeypatch.setattr(os, name, watched(name, getattr(os, name)))
    return seen


@pytest.mark.parametrize("span", [True, False])
async def test_it_is_on_disk_before_it_is_whole(api, target, data, steps, span):
    """Bytes, then the name, synced before the answer, and no part is left."""
    where = await target()
    folder = api.gateway.objects.path(ObjectRef("rec", "med")).parent.parent.name
    headers = {"Content-Range": f"bytes 0-{TOTAL - 1}/{TOTAL}"} if span else {}
    put = await api.call("PUT", where["upload_url"], body=IMAGE, headers=headers)
    recording = (await api.call("GET", "/v1/recordings")).json["data"][0]["id"]
    whole = f"{where['media_id']}.whole"

    assert (200, digest(IMAGE)) == (put.status, put.json["content_sha256"])
    assert [
        ("pwrite", whole),
        ("fdatasync", whole),
        ("fsync", folder),
        ("rename", whole),
        ("fsync", recording),
    ] == steps
    assert [] == await files(data / "parts")


@pytest.mark.parametrize("sent", [1, 70_000, TOTAL - 1])
async def test_what_arrived_before_a_cut_is_kept(api, target, arrived, sent):
    """A connection cut within a small body loses no byte that reached the gateway."""
    where = (await target())["upload_url"]
    put = await RawPut.open(where, f"bytes 0-{TOTAL - 1}/{TOTAL}", TOTAL)
    await put.send(IMAGE[:sent])
    await arrived(sent)
    await put.cut()
    await api.gateway.metrics.idle()
    held = (await api.ask(where, TOTAL)).held
    done = await api.put(where, IMAGE[sent:], sent, TOTAL)

    assert sent == held
    assert digest(IMAGE) == done.json["content_sha256"]


async def test_a_body_in_tiny_pieces_is_not_gathered_in_memory(clock):
    """A byte that came by itself takes far more memory than a byte: only so many are held."""

    class Drip:
        async def next(self):
            return b"x"

        def rest(self):
            return b""

    pump = Pump(Metrics(), clock, idle_s=60)
    async with Turns().claim("med_a") as turn:
        ahead = await pump.ahead(turn, Drip(), 1024 * 1024)

    assert 512 == len(ahead.blocks)


async def test_a_newer_request_evicts_a_stale_one(api, target, arrived):
    """Asking takes a half-sent small body over at once, with what had come of it."""
    where = (await target())["upload_url"]
    stale = await RawPut.open(where, f"bytes 0-{TOTAL - 1}/{TOTAL}", TOTAL)
    await stale.send(IMAGE[:5000])
    await arrived(5000)
    held = (await api.ask(where, TOTAL)).held
    status = await stale.status()
    await stale.cut()
    done = await api.put(where, IMAGE, 0, TOTAL)

    assert (5000, 409) == (held, status)
    assert digest(IMAGE) == done.json["content_sha256"]


async def test_a_wrong_digest_keeps_nothing(api, target, data):
    """Bytes of another digest are refused, and the right ones are taken afterwards."""
    where = (await target())["upload_url"]
    refused = await api.put(where, IMAGE[::-1], 0, TOTAL)
    left = await files(data / "objects") + await files(data / "parts")
    done = await api.put(where, IMAGE, 0, TOTAL)

    assert (422, []) == (refused.status, left)
    assert digest(IMAGE) == done.json["content_sha256"]


async def test_bytes_held_since_a_restart_do_not_hinder(data, clock):
    """A whole body for a medium of which a part is on disk makes it whole, and the part goes."""
    async with serving(data, clock) as api:
        _, token = await api.device()
        api.token = token
        where = await api.target(await api.recording(), IMAGE)
        await api.put(where["upload_url"], IMAGE[:1000], 0, TOTAL)
    async with serving(data, clock) as api:
        path = where["upload_url"].partition("/v1/")[2]
        done = await api.put(f"{api.url}/v1/{path}", IMAGE, 0, TOTAL)

    assert digest(IMAGE) == done.json["content_sha256"]
    assert [] == await files(data / "parts")


@pytest.mark.parametrize("how", ["cut", "refused"])
async def test_a_failed_replacement_leaves_nothing(api, target, data, arrived, how):
    """A whole body that failed to replace a whole medium takes no room, and the old one stays."""
    where = await target()
    await api.put(where["upload_url"], IMAGE, 0, TOTAL)
    if how == "cut":
        put = await RawPut.open(where["upload_url"], None, TOTAL)
        await put.send(IMAGE[: TOTAL // 2])
        await arrived(TOTAL + TOTAL // 2)
        await put.cut()
    else:
        await api.call("PUT", where["upload_url"], body=IMAGE[::-1])
    await api.gateway.metrics.idle()
    done = await api.put(where["upload_url"], IMAGE, 0, TOTAL)

    assert [] == await files(data / "parts")
    assert digest(IMAGE) == done.json["content_sha256"]


async def test_what_a_crash_left_is_gone_on_without(api, target, data):
    """A file that a dead gateway was writing neither counts nor stands in the way, and goes."""
    where = await target()
    left = data / "parts" / f"{where['media_id']}.whole"
    await asyncio.to_thread(left.write_bytes, IMAGE[::-1] + b"longer")
    done = await api.put(where["upload_url"], IMAGE, 0, TOTAL)
    await api.gateway.intake.tidy()
    recording = (await api.call("GET", "/v1/recordings")).json["data"][0]["id"]
    stored = api.gateway.objects.path(ObjectRef(recording, where["media_id"]))

    assert digest(IMAGE) == done.json["content_sha256"]
    assert IMAGE == await asyncio.to_thread(stored.read_bytes)
    assert [] == await files(data / "parts")


async def test_a_crash_before_the_note_loses_nothing_that_was_answered(data, clock, monkeypatch):
    """Dead before the row says so, the next gateway notes it as it starts, by the object."""

    async def never(_self, medium, *, size_bytes, sha256):
        return dataclasses.replace(
            medium,
            status=MediaStatus.UPLOADED,
            file_size_bytes=size_bytes,
            content_sha256=sha256,
        )

    async with serving(data, clock) as api:
        _, token = await api.device()
        api.token = token
        recording = await api.recording()
        where = await api.target(recording, IMAGE)
        with monkeypatch.context() as patched:
            patched.setattr(SqlRecordings, "finish_soon", never)
            put = await api.put(where["upload_url"], IMAGE, 0, TOTAL)
    async with serving(data, clock) as api:
        api.token = token
        before = await api.gateway.store.recordings.medium(where["media_id"])
        done = await api.complete(recording, IMAGE)

    assert (200, MediaStatus.UPLOADED, 200) == (put.status, before.status, done.status)


@pytest.mark.parametrize("fault", [StorageFailed("it cannot be read"), NotFound("it is gone")])
async def test_an_object_that_cannot_be_noted_keeps_no_gateway_from_starting(
    data, clock, monkeypatch, fault
):
    """One bad file at the start concerns its own recording alone."""
    async with serving(data, clock) as api:
        _, token = await api.device()
        api.token = token
        where = await api.target(await api.recording(), IMAGE)
        finishing = api.gateway.store.recordings._finishing
        with monkeypatch.context() as patched:
            patched.setattr(finishing, "finish_soon", lambda _: None)
            await api.put(where["upload_url"], IMAGE, 0, TOTAL)

    async def failing(_self, _medium):
        raise fault

    monkeypatch.setattr(Receiving, "recover", failing)
    async with serving(data, clock) as api:
        medium = await api.gateway.store.recordings.medium(where["media_id"])

    assert MediaStatus.PENDING is medium.status


async def test_a_device_at_its_limit_may_go_on(data, clock):
    """What was answered counts no more among the unfinished, whether it is noted yet or not."""
    async with serving(data, clock, max_sessions=1) as api:
        _, api.token = await api.device()
        recording = await api.recording()
        told = []
        for _ in range(5):
            where = await api.target(recording, IMAGE)
            told.append((await api.put(where["upload_url"], IMAGE, 0, TOTAL)).status)

    assert [200] * 5 == told


async def test_a_cut_after_a_note_that_failed_does_not_hide_the_object(api, target, arrived):
    """Sent once more and cut, a medium whose row does not say so yet is whole all the same."""
    where = await target()
    finishing = api.gateway.store.recordings._finishing
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(finishing, "finish_soon", lambda _: None)
        await api.put(where["upload_url"], IMAGE, 0, TOTAL)
    put = await RawPut.open(where["upload_url"], None, TOTAL)
    await put.send(IMAGE[:300])
    await arrived(TOTAL + 300)
    await put.cut()
    await api.gateway.metrics.idle()
    recording = (await api.call("GET", "/v1/recordings")).json["data"][0]["id"]
    done = await api.complete(recording, IMAGE)

    assert done.status == 200


async def test_an_object_named_before_a_crash_is_found(api, target):
    """A medium that was named when the gateway died, its row not yet noted, is whole when sent."""
    where = await target()
    recording = (await api.call("GET", "/v1/recordings")).json["data"][0]["id"]
    ref = ObjectRef(recording, where["media_id"])
    await asyncio.to_thread(api.gateway.objects.keep_whole, [arrived_whole(ref)])
    done = await api.put(where["upload_url"], IMAGE, 0, TOTAL)

    assert digest(IMAGE) == done.json["content_sha256"]


@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "rename", "fsync"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
async def test_a_disk_error_is_never_acknowledged(api, target, monkeypatch, call, number):
    """Whatever the disk reports, nothing of it stays, and the medium can be sent again."""
    where = (await target())["upload_url"]

    def failing(*_args, **_more):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, failing)
        refused = await api.put(where, IMAGE, 0, TOTAL)
    folder = api.gateway.config.data
    left = await files(folder / "objects") + await files(folder / "parts")
    done = await api.put(where, IMAGE, 0, TOTAL)

    assert refused.status in {500, 503, 507}
    assert [] == left
    assert digest(IMAGE) == done.json["content_sha256"]


async def test_a_name_that_may_be_lost_is_taken_back(data, monkeypatch):
    """An object whose new name cannot be made durable is no object: a power cut could take it."""
    objects = await asyncio.to_thread(FilesystemObjects, data, secret=b"s" * 32)
    await asyncio.to_thread(objects.keep_whole, [arrived_whole(ObjectRef("rec", "a"))])
    real = os.fsync

    def failing(fd):
        if name_of(fd) == "rec":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(fd)

    monkeypatch.setattr(os, "fsync", failing)
    (kept,) = await asyncio.to_thread(objects.keep_whole, [arrived_whole(ObjectRef("rec", "b"))])

    assert isinstance(kept, StorageFailed)
    assert ["a"] == await files(data / "objects")


async def test_a_deletion_takes_what_a_crash_left(api, target, data):
    """Nothing of a deleted recording stays on the disk until the next start."""
    where = await target()
    left = data / "parts" / f"{where['media_id']}.whole"
    await asyncio.to_thread(left.write_bytes, IMAGE)
    recording = (await api.call("GET", "/v1/recordings")).json["data"][0]["id"]
    await api.call("DELETE", f"/v1/recordings/{recording}", token=await api.api_key())

    assert [] == await files(data / "parts")


async def test_a_folder_is_named_durably_for_each_who_needs_it(data, monkeypatch):
    """Two media of a new recording at once: none counts before the folder's name is on disk."""
    objects = await asyncio.to_thread(FilesystemObjects, data, secret=b"s" * 32)
    order = []
    real = os.fsync

    def watched(fd):
        order.append(name_of(fd))
        return real(fd)

    await asyncio.to_thread((data / "objects" / "rec").mkdir)
    monkeypatch.setattr(os, "fsync", watched)
    await asyncio.to_thread(objects.keep_whole, [arrived_whole(ObjectRef("rec", "a"))])
    await asyncio.to_thread(objects.keep_whole, [arrived_whole(ObjectRef("rec", "b"))])

    assert ["objects", "rec", "rec"] == order


async def test_one_bad_file_of_a_round_spoils_no_other(data, monkeypatch):
    """A disk error, a wrong digest and a file that is held already concern nobody else."""
    objects = await asyncio.to_thread(FilesystemObjects, data, secret=b"s" * 32)
    refs = [ObjectRef("rec", name) for name in "abcd"]
    real = os.fdatasync

    def failing(fd):
        if name_of(fd) == "a.whole":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd)

    monkeypatch.setattr(os, "fdatasync", failing)
    await asyncio.to_thread((data / "parts" / "b.whole").write_bytes, b"somebody writes")
    round_ = [
        *(arrived_whole(ref) for ref in refs[:2]),
        Arrived(refs[2], [IMAGE], "0" * 64, is_new=True),
        Arrived(refs[3], [IMAGE[:100], IMAGE[100:]], digest(IMAGE), is_new=True),
    ]
    full, held, other, kept = await asyncio.to_thread(objects.keep_whole, round_)

    assert (StorageFull, None) == (type(full), held)
    assert digest(IMAGE) == other.sha256 == kept.sha256
    assert (["d"], ["b.whole"]) == (await files(data / "objects"), await files(data / "parts"))


async def test_names_of_a_round_are_made_durable_once(data, monkeypatch):
    """Ten media of two recordings: each folder is synced once, after all its names are there."""
    objects = await asyncio.to_thread(FilesystemObjects, data, secret=b"s" * 32)
    there = []
    real = os.fsync

    def watched(fd):
        there.append((name_of(fd), len(os.listdir(fd))))  # noqa: PTH208 - by descriptor
        return real(fd)

    monkeypatch.setattr(os, "fsync", watched)
    refs = [ObjectRef(f"rec{n % 2}", f"med{n}") for n in range(10)]
    await asyncio.to_thread(objects.keep_whole, [arrived_whole(ref) for ref in refs])

    assert [("objects", 1), ("objects", 2), ("rec0", 5), ("rec1", 5)] == there
