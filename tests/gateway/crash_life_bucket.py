"""Kill a gateway in front of a bucket at every step of its recordings' lives; see what is left.

Run as a program: `crash_life_bucket.py FOLDER EVERY FIRST`. A step is anything the gateway does to
the bucket or commits to its database, before and after. The bucket outlives the gateway. Prints
one JSON line per crash point.
"""

import asyncio
import json
import os
import pickle
import shutil
import sys
import threading
from contextlib import suppress
from itertools import count
from pathlib import Path

from gateway.errors import DigestConflict, GatewayError, MediaPending, UploadGone
from gateway.model import MediaStatus, RecordingFilter, RecordingStatus
from gateway.objects import ObjectRef
from gateway.store.sqlite import SqliteDatabase
from tests.fakes.bucket import Bucket
from tests.fakes.clock import FakeClock
from tests.gateway.crash_life import forked
from tests.gateway.on_bucket import Client, gateway_on
from tests.gateway.serving import SECRET, digest

SHORT = b"\xff\xd8jpeg" * 100
LONG = bytes(range(256)) * 9
DAY_S = 24 * 3600
AGE_S = 30 * DAY_S


class World:
    """A bucket on a disk beside the gateway's folder, and what was promised to agents."""

    def __init__(self, root, at=0):
        self.root, self.at, self.steps = root, at, 0
        self.clock = FakeClock()
        self.bucket = Bucket(self.clock.now, secret=SECRET)
        with suppress(FileNotFoundError):
            kept = (root / "bucket").read_bytes()
            self.bucket.state, passed = pickle.loads(kept)  # noqa: S301 - written below
            self.clock.advance(passed)
        self.bucket.before = self.bucket.after = self.step

    async def step(self, _what):
        self.count()

    def count(self):
        self.save()
        self.steps += 1
        if self.steps == self.at:
            os._exit(9)

    def save(self):
        """The bucket and the time, as they are now: a dead gateway changes neither."""
        kept = pickle.dumps((self.bucket.state, self.clock.monotonic()))
        # The database's writer is a thread of its own: it dies while this one writes.
        fresh = self.root / f"bucket-{threading.get_ident()}"
        fresh.write_bytes(kept)
        fresh.replace(self.root / "bucket")

    def promise(self, what, about, value):
        with (self.root / "promises").open("a") as file:
            file.write(json.dumps([what, about, value]) + "\n")

    def promised(self):
        lines = (self.root / "promises").read_text().splitlines()
        return {(what, about): value for what, about, value in map(json.loads, lines)}

    def patch(self):
        real = SqliteDatabase.writing

        async def writing(database, work, *args, **more):
            def stepped(connection):
                result = work(connection, *args, **more)
                self.count()
                return result

            result = await real(database, stepped)
            self.count()
            return result

        SqliteDatabase.writing = writing

    def pass_time(self, seconds):
        self.clock.advance(seconds)
        self.save()


class Life:
    """What agents do, each step repeated until the gateway has promised it."""

    def __init__(self, found, world):
        self.world, self.bucket = world, world.bucket
        self.client, self.sweeper = Client(found, world.bucket), found.sweeper

    async def live(self):
        await self.long_and_short()
        await self.wrong_then_right()
        await self.deleted()
        await self.abandoned()
        await self.sweeper.sweep()

    async def send(self, medium, content):
        """Do as an agent: parts by the document, else one PUT."""
        ref = ObjectRef(medium.recording_id, medium.id)
        if len(content) <= 1000:
            self.bucket.put(ref, content)
            return
        for _ in range(3):
            with suppress(UploadGone):
                told = await self.client.parts(medium)
                handle = told.complete_url.rpartition("/")[2]
                number = 0
                for number, at in enumerate(range(0, len(content), told.part_bytes), start=1):
                    self.bucket.put_part(handle, number, content[at : at + told.part_bytes])
                self.bucket.complete(handle, number)
                return

    async def bring(self, recording, contents, claim):
        """Upload what is missing until upload-complete says yes."""
        for _ in range(3):
            try:
                done = await self.client.complete(recording, claim)
            except GatewayError:
                for key, content in contents.items():
                    medium, _ = await self.client.medium(
                        recording, content, key=f"{recording.id}-{key}"
                    )
                    if medium.status is MediaStatus.PENDING:
                        await self.send(medium, content)
            else:
                assert done.status is RecordingStatus.UPLOADED
                self.world.promise("complete", recording.id, done.content_sha256)
                return
        raise AssertionError("never completed")

    async def long_and_short(self):
        recording = await self.client.recording("one")
        self.world.promise("created", recording.id, "")
        await self.bring(recording, {"a": LONG, "i": SHORT}, LONG)

    async def wrong_then_right(self):
        """Nobody declares a digest: complete finds the damage, and the medium comes again."""
        recording = await self.client.recording("two")
        if recording.status is RecordingStatus.UPLOADED:
            return
        medium, ref = await self.client.medium(recording, SHORT, declare=False, key="w")
        if medium.status is MediaStatus.PENDING:
            self.bucket.put(ref, SHORT[::-1])
        with suppress(DigestConflict, MediaPending):
            await self.client.complete(recording, SHORT)
        self.bucket.put(ref, SHORT)
        done = await self.client.complete(recording, SHORT)
        self.world.promise("complete", recording.id, done.content_sha256)

    async def deleted(self):
        """Deleted with an object and half an upload in the bucket."""
        with suppress(GatewayError):
            recording = await self.client.recording("three")
            _, ref = await self.client.medium(recording, SHORT, key="d")
            self.bucket.put(ref, SHORT)
            half, _ = await self.client.medium(recording, LONG, key="e")
            await self.client.parts(half)
            await self.client.desk.delete(self.client.caller, recording.id)
            self.world.promise("deleted", recording.id, "")

    async def abandoned(self):
        """An agent that never comes back after its first part."""
        recording = await self.client.recording("four")
        medium, _ = await self.client.medium(recording, LONG, key="f")
        told = await self.client.parts(medium)
        self.bucket.put_part(told.complete_url.rpartition("/")[2], 1, LONG[:1000])
        self.world.pass_time(AGE_S + 1)


async def judge(root):
    """Check what was promised, live on to the same end, and let the sweeper tidy up.

    Raises:
        AssertionError: A promise is broken, or something is left for ever.
    """
    world = World(root)
    async with gateway_on(world.bucket, root / "data", world.clock) as found:
        store = found.gateway.store
        for (what, about), value in world.promised().items():
            recording = await store.recordings.recording(about)
            if what == "complete":
                assert recording.status is RecordingStatus.UPLOADED
                assert recording.content_sha256 == value
            elif what == "deleted":
                assert recording is None
        await consistent(store, world.bucket)
        await Life(found, world).live()
        await consistent(store, world.bucket)
        # The objects of a bucket are listed once a day.
        for _ in range(2):
            world.pass_time(AGE_S + DAY_S)
            await found.sweeper.sweep()
        await consistent(store, world.bucket)
        assert world.bucket.state.uploads == {}, "uploads are left for ever"
        assert await store.uploads.all() == {}, "rows of uploads are left for ever"
        known = {ref.recording_id for ref in world.bucket.state.objects}
        for recording_id in known:
            assert await store.recordings.recording(recording_id), "a deleted object is left"


async def consistent(store, bucket):
    """Every medium of a completed recording is in the bucket, byte for byte."""
    for recording in await store.recordings.page(RecordingFilter(), 20, 0):
        for medium in recording.media:
            if recording.status is RecordingStatus.UPLOADED:
                content = bucket.content(ObjectRef(recording.id, medium.id))
                assert content is not None, f"{medium.id} is completed and not there"
                assert digest(content) == medium.content_sha256


async def prepare(root):
    """Make an empty gateway, with nothing in its bucket."""
    root.mkdir()
    (root / "promises").touch()
    world = World(root)
    async with gateway_on(world.bucket, root / "data", world.clock):
        world.save()


async def live(root, at=0):
    world = World(root, at)
    if at:
        world.patch()
    async with gateway_on(world.bucket, root / "data", world.clock) as found:
        await found.gateway.recordings.purge_deleted()
        await Life(found, world).live()


def main(root, every, first):
    template, warm = root / "template", root / "warm"
    # Here, once, and not in a child: what is looked up and compiled first is inherited by all.
    asyncio.run(prepare(template))
    shutil.copytree(template, warm)
    asyncio.run(live(warm))
    assert threading.active_count() == 1, "whoever forks has no threads"
    for at in count(first, every):
        shutil.rmtree(root / "life", ignore_errors=True)
        shutil.copytree(template, root / "life")
        status, said = forked(lambda at=at: asyncio.run(live(root / "life", at)))
        problem = said if status == 1 else None
        if problem is None:
            _, problem = forked(lambda: asyncio.run(judge(root / "life")))
        print(json.dumps({"at": at, "died": status == 9, "problem": problem or None}), flush=True)
        if status == 0:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
