"""Kill the gateway at every operation of its recordings' lives, and look at what is left.

Run as a program: `crash_life.py FOLDER LOSS EVERY FIRST`. It has no threads, so it may fork: a
child lives and dies, another judges. Prints one JSON line per crash point.
"""

import asyncio
import hashlib
import json
import os
import shutil
import sys
import threading
import traceback
from collections import Counter
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path

from gateway.access import Access
from gateway.answering import GATEWAY
from gateway.app import create_app
from gateway.config import GatewayConfig
from gateway.core.brought import Append, Begin, Chunk, Query, Whole
from gateway.core.tokens import credential_hash
from gateway.errors import DigestConflict, DigestRefused, MediaPending, RecordingDeleted
from gateway.model import (
    Device,
    DeviceToken,
    Intent,
    KeyCaller,
    MediaStatus,
    MediaType,
    Medium,
    Recording,
    RecordingFilter,
    RecordingStatus,
    Scope,
)
from gateway.objects import ObjectRef
from gateway.receiving import Received
from gateway.store import Asked
from gateway.store.sqlite import SqliteDatabase
from tests.fakes.clock import FakeClock

AUDIO = bytes(range(256)) * 20
IMAGE = b"\xff\xd8jpeg" * 100
TOKEN = "dtok_crash"
OPERATOR = KeyCaller("key_1", frozenset(Scope))


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class Disk:
    """Counts what is done to a folder and dies at number `at`; a power cut undoes what is unsynced.

    The strictest disk that POSIX allows: only fsynced bytes and fsynced names survive. The
    database is beyond it: its commits count as durable.
    """

    def __init__(self, root, at, power_cut):
        self.root, self.at, self.power_cut = root, at, power_cut
        self.count = 0
        self.content = {}
        self.names = {}
        self.folders = set()
        self.kept = []
        for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
            self.names[folder] = self._listing(folder)
        for path in root.rglob("*"):
            if path.is_file() and "gateway.db" not in path.name:
                self.content[path.stat().st_ino] = path.read_bytes()

    def _listing(self, folder):
        listing = {p.name: p.stat().st_ino for p in folder.iterdir() if "gateway.db" not in p.name}
        for name, inode in listing.items():
            path = folder / name
            # Kept open, so that no number is used again.
            self.kept.append(self.real_open(path, os.O_RDONLY))
            if path.is_dir():
                self.folders.add(inode)
        return listing

    real_open = staticmethod(os.open)

    def point(self):
        self.count += 1
        if self.count == self.at:
            self.die()

    def die(self):
        if self.power_cut:
            self.forget()
        os._exit(9)

    def forget(self):
        """Leave what the disk would still have after a power cut."""
        for path in sorted(self.root.rglob("*"), reverse=True):
            if path.is_dir():
                self.real["rmdir"](path)
            elif "gateway.db" not in path.name:
                self.real["unlink"](path)
        self._restore(self.root)

    def _restore(self, folder):
        for name, inode in self.names.get(folder, {}).items():
            path = folder / name
            if inode in self.folders:
                self.real["mkdir"](path)
                self._restore(path)
            else:
                path.write_bytes(self.content.get(inode, b""))

    def patch(self):
        names = ("open", "pwrite", "pwritev", "fsync", "fdatasync", "ftruncate", "rename", "unlink")
        self.real = {name: getattr(os, name) for name in (*names, "mkdir", "rmdir")}
        for name in self.real:
            setattr(os, name, getattr(self, f"_{name}", self._counted(self.real[name])))
        real = SqliteDatabase.writing

        async def writing(database, work, *args, **more):
            def pointed(connection):
                result = work(connection, *args, **more)
                self.point()  # all is said, nothing is committed
                return result

            result = await real(database, pointed)
            self.point()  # committed, and nobody has heard of it
            return result

        SqliteDatabase.writing = writing

    def _counted(self, function):
        def counted(*args, **more):
            self.point()
            return function(*args, **more)

        return counted

    def _open(self, path, flags, *args, **more):
        if flags & os.O_CREAT and "gateway.db" not in str(path):
            self.point()
        return self.real["open"](path, flags, *args, **more)

    def _sync(self, fd):
        path = Path(f"/proc/self/fd/{fd}").readlink()
        if path.is_dir():
            self.names[path] = self._listing(path)
        else:
            self.content[os.fstat(fd).st_ino] = os.pread(fd, 1 << 20, 0)

    def _fsync(self, fd):
        self.point()
        self.real["fsync"](fd)
        self._sync(fd)

    def _fdatasync(self, fd):
        self.point()
        self.real["fdatasync"](fd)
        self._sync(fd)


class Bytes:
    """A request body that comes in pieces."""

    def __init__(self, content):
        self.content = content

    async def next(self):
        piece, self.content = self.content[:700], self.content[700:]
        return piece

    def rest(self):
        return b""


@asynccontextmanager
async def opened(folder):
    config = GatewayConfig(data=folder, secret=b"s" * 32)
    async with create_app(config, FakeClock()) as app:
        yield app[GATEWAY]


class Life:
    """One agent's doings; each is repeated until the gateway has promised it."""

    def __init__(self, gateway, promise):
        self.gateway, self.promise = gateway, promise
        self.clock = gateway.clock

    async def live(self):
        gateway = self.gateway
        access = Access(gateway.store, gateway.clock, own_key="")
        self.caller = await access.caller(f"Bearer {TOKEN}")
        with suppress(RecordingDeleted):
            await self.verified()
        await self.unverified()

    def intent(self, operation, key):
        return Intent(
            owner=self.caller.owner,
            operation=operation,
            key=key,
            fingerprint="f" * 64,
            at=self.clock.now(),
        )

    async def recording(self, key):
        now = self.clock.now()
        wanted = Recording(id="", created_at=now)
        made = await self.gateway.recordings.create(self.caller, wanted, self.intent("create", key))
        self.promise("created", key, made.value.id)
        return made.value

    async def medium(self, recording, key, content, *, kind=MediaType.AUDIO, declare=True):
        wanted = Medium(
            id="",
            recording_id=recording.id,
            type=kind,
            content_type=f"{kind}/x",
            created_at=self.clock.now(),
            file_size_bytes=len(content),
            declared_sha256=sha256(content) if declare else None,
        )
        asked = Asked(wanted, self.intent("upload-url", key))
        [handed] = await self.gateway.recordings.upload_urls(
            self.caller, recording.id, [asked], base_url="http://x"
        )
        return handed.made.value.id

    async def put(self, medium_id, brought, content=b""):
        got = await self.gateway.receiving.receive(medium_id, brought, Bytes(content))
        if isinstance(got, Received):
            self.promise("whole", medium_id, got.medium.content_sha256)
            return None
        self.promise("held", medium_id, got.size_bytes)
        return got.size_bytes

    async def chunks(self, medium_id, content):
        """Go on where the gateway is, in chunks."""
        size = len(content)
        held = await self.put(medium_id, Query(size))
        while held is not None:
            end = min(size, held + 2000)
            held = await self.put(medium_id, Chunk(held, end - 1, size), content[held:end])

    async def appends(self, medium_id, content):
        """Begin as tus and IETF do, then append from where the gateway is."""
        size = len(content)
        held = await self.put(medium_id, Begin(total=size, size_bytes=200), content[:200])
        while held is not None:
            brought = Append(first=held, size_bytes=min(2000, size - held))
            held = await self.put(medium_id, brought, content[held : held + 2000])

    async def verified(self):
        """Image first, audio with a damaged first attempt, complete twice, delete."""
        recording = await self.recording("one")
        if recording.status is not RecordingStatus.UPLOADED:
            image = await self.medium(recording, "i", IMAGE, kind=MediaType.IMAGE)
            await self.appends(image, IMAGE)
            audio = await self.medium(recording, "a", AUDIO)
            with suppress(DigestRefused):
                self.promise("reset", audio, 0)
                await self.put(audio, Whole(len(AUDIO)), AUDIO[::-1])
            await self.chunks(audio, AUDIO)
        for _ in range(2):
            await self.complete(recording, AUDIO)
        self.promise("deleting", recording.id, 0)
        await self.gateway.recordings.delete(OPERATOR, recording.id)
        self.promise("deleted", recording.id, 0)

    async def unverified(self):
        """Nobody declares a digest: complete finds the damage, and the medium comes again."""
        recording = await self.recording("two")
        audio = await self.medium(recording, "u", AUDIO, declare=False)
        self.promise("reset", audio, 0)
        if recording.status is RecordingStatus.PENDING:
            await self.put(audio, Whole(len(AUDIO)), b"?" * len(AUDIO))
        self.promise("reset", audio, 0)
        with suppress(DigestConflict, MediaPending):
            await self.complete(recording, AUDIO)
            return
        await self.chunks(audio, AUDIO)
        await self.complete(recording, AUDIO)

    async def complete(self, recording, content):
        done = await self.gateway.recordings.complete(
            self.caller, recording.id, sha256(content), self.intent("complete", recording.id)
        )
        assert done.status is RecordingStatus.UPLOADED
        self.promise("complete", recording.id, done.content_sha256)


def promised(path):
    """Fold what the dead gateway had promised: the last word about each thing counts."""
    said = {}
    for line in path.read_text().splitlines():
        what, about, value = json.loads(line)
        if what == "reset":
            said.pop(("held", about), None)
            said.pop(("whole", about), None)
        elif what == "deleting":
            said = {key: word for key, word in said.items() if key[0] == "created"}
        else:
            said[what, about] = value
    return said


async def judge(folder, said):
    """Check what was promised, then live on to the same end.

    Raises:
        AssertionError: A promise is broken.
    """
    async with opened(folder) as gateway:
        store = gateway.store.recordings
        for (what, about), value in said.items():
            if what == "held":
                medium = await store.medium(about)
                assert medium is not None, f"medium {about} is gone"
                got = await gateway.receiving.receive(about, Query(None), Bytes(b""))
                held = got.medium.file_size_bytes if isinstance(got, Received) else got.size_bytes
                assert held >= value, f"acknowledged {value}, holds {held}"
            elif what == "whole":
                medium = await store.medium(about)
                assert medium is not None
                assert medium.status is MediaStatus.UPLOADED
            elif what == "complete":
                recording = await store.recording(about)
                assert recording is not None
                assert recording.status is RecordingStatus.UPLOADED
                assert recording.content_sha256 == value
            elif what == "deleted":
                assert await store.recording(about) is None
        await consistent(gateway)
        life = Life(gateway, lambda *_: None)
        await life.live()
        await consistent(gateway)
        listed = await life.gateway.recordings.page(
            life.caller, RecordingFilter(), limit=10, offset=0
        )
        assert [r.status for r in listed[0]] == [RecordingStatus.UPLOADED]
        await told_once(gateway)
    async with opened(folder) as gateway:
        await consistent(gateway)
    left = sorted(p.name for p in (folder / "parts").iterdir())
    assert left == [], f"left behind: {left}"
    assert len(list((folder / "objects").iterdir())) == 1, "objects are left behind"


async def consistent(gateway):
    """Every medium that counts as uploaded is on the disk, byte for byte."""
    access = Access(gateway.store, gateway.clock, own_key="")
    caller = await access.caller(f"Bearer {TOKEN}")
    listed, _ = await gateway.recordings.page(caller, RecordingFilter(), limit=10, offset=0)
    for recording in listed:
        for medium in recording.media:
            if medium.status is MediaStatus.UPLOADED:
                path = gateway.objects.path(ObjectRef(recording.id, medium.id))
                assert path.exists(), f"{medium.id} counts as uploaded and is not there"
                assert sha256(path.read_bytes()) == medium.content_sha256


async def told_once(gateway):
    """Each change is an event, once, however often it was asked for and wherever that was cut."""
    events = gateway.store.events
    while await events.fan_out(gateway.clock.now(), 100):
        pass
    told = await events.after(0, 100)
    assert Counter(str(event.type) for event in told) == {
        "recording.created": 2,
        "recording.uploaded": 2,
        "recording.deleted": 1,
    }
    assert [event.position for event in told] == list(range(1, len(told) + 1))


async def prepare(folder):
    async with opened(folder) as gateway:
        now = gateway.clock.now()
        made = await gateway.store.devices.create(
            Device(id="dev_1", serial_number="AM-07", created_at=now, updated_at=now)
        )
        await gateway.store.devices.issue(
            DeviceToken(
                id="tok_1",
                device_id=made.value.id,
                token_hash=credential_hash(TOKEN),
                created_at=now,
                first_used_at=now,
            )
        )


async def live_once(template, folder):
    """Live to the end once, without a crash."""
    shutil.copytree(template, folder)
    await live(folder, folder / "promises")


async def live(folder, promises):
    with promises.open("ab", buffering=0) as file:

        def promise(*words):
            file.write(json.dumps(words).encode() + b"\n")

        async with opened(folder) as gateway:
            await Life(gateway, promise).live()


def forked(work):
    """Run `work` in a child; answers its exit status, and what it said if it failed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            work()
        except BaseException:  # noqa: BLE001 - the parent is told, whatever it was
            os.write(writing, traceback.format_exc()[-2000:].encode())
            os._exit(1)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), said


def main(root, loss, every, first):
    template = root / "template"
    # Here, once, and not in a child: what is looked up and compiled first is inherited by all.
    asyncio.run(prepare(template))
    asyncio.run(live_once(template, root / "warm"))
    assert threading.active_count() == 1, "whoever forks has no threads"
    folder, promises = root / "data", root / "promises"

    def judged():
        asyncio.run(judge(folder, promised(promises)))

    for at in count(first, every):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(template, folder)
        promises.write_bytes(b"")

        def run(at=at):
            Disk(folder, at, loss == "power").patch()
            asyncio.run(live(folder, promises))

        status, said = forked(run)
        problem = said if status == 1 else None
        if problem is None:
            _, problem = forked(judged)
        print(json.dumps({"at": at, "died": status == 9, "problem": problem or None}), flush=True)
        if status == 0:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
