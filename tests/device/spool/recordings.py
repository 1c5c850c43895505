"""Recordings to spool, and an agent in miniature that takes one through its whole life."""

import hashlib
import random
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime

from device.errors import SpoolFull
from device.model import (
    MediaKind,
    Medium,
    Receipt,
    RecorderId,
    Recording,
    RecordingKey,
    State,
)
from device.spool.spool import Spool

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AUDIO = random.Random(1).randbytes(40_000)
IMAGE = random.Random(2).randbytes(3_000)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def recording(name: str = "ab" * 16, audio: bytes = AUDIO, image: bytes = IMAGE) -> Recording:
    return Recording(
        key=RecordingKey(recorder=RecorderId("native:AM-07"), recording=name, generation=1),
        media=(
            Medium(
                index=0,
                name="../../x",
                kind=MediaKind.AUDIO,
                content_type="audio/ogg; codecs=opus",
                size_bytes=len(audio),
                sha256=sha256(audio),
            ),
            Medium(
                index=1,
                name="photo",
                kind=MediaKind.IMAGE,
                content_type="image/jpeg",
                size_bytes=len(image),
                captured_at=NOON,
                captured_at_trusted=True,
                t_offset_ms=1500,
            ),
        ),
        started_at=NOON,
        metadata={"site": "north"},
    )


def receipt(name: str = "rec_1") -> Receipt:
    return Receipt(cloud="bota", cloud_recording=name, acknowledged_at=NOON, media=2)


def nothing(_: str) -> None:
    pass


def pull(spool: Spool, wanted: Recording, promise: Callable[[str], None] = nothing) -> None:
    """Bring every medium in that is not finished, going on at what is durable."""
    entry = spool.begin(wanted)
    for held, content in zip(entry.media, (AUDIO, IMAGE), strict=True):
        if held.sha256 is not None:
            continue
        index = held.medium.index
        partial = spool.partial(entry.id, index)
        try:
            partial.truncate(partial.durable_bytes)
            while partial.size_bytes < len(content):
                partial.append(content[partial.size_bytes :][:16_000])
                partial.checkpoint()
                promise(f"durable {index} {partial.durable_bytes}")
            spool.finish_medium(entry.id, index, partial)
        finally:
            partial.close()


def sealed(spool: Spool, wanted: Recording | None = None):
    wanted = wanted or recording()
    pull(spool, wanted)
    return spool.seal(wanted.key.entry_id())


def stored(spool: Spool, wanted: Recording | None = None):
    return spool.store(sealed(spool, wanted).id, receipt())


def live(spool: Spool, promise: Callable[[str], None] = nothing, *, upto: State | None = None):
    """Take the recording from wherever it stands to its release, as the agent does.

    `promise` hears of everything that the spool announced by returning.
    """
    wanted = recording()
    entry = spool.known(wanted.key) or spool.begin(wanted)
    if entry.state is State.PULLING:
        pull(spool, wanted, promise)
        entry = spool.seal(entry.id)
    if entry.state is State.QUARANTINED:
        entry = spool.requeue(entry.id)
        return live(spool, promise, upto=upto)
    promise(entry.state)
    if entry.state is State.SEALED:
        check_media(spool, entry.id)
        if upto is State.SEALED:
            return entry
        spool.save_cloud_ref(entry.id, {"recording_id": "rec_1"})
        entry = spool.store(entry.id, receipt())
        promise(entry.state)
    if entry.state is State.STORED and upto is not State.STORED:
        entry = spool.release(entry.id)
        promise(entry.state)
    return entry


def live_with_detours(spool: Spool, promise: Callable[[str], None]) -> None:
    """Take the recording through quarantine, twice, and through a purge, to its release."""
    wanted = recording()
    entry = spool.begin(wanted)
    with closing(spool.partial(entry.id, 0)) as partial:
        partial.append(AUDIO[:20_000])
    spool.quarantine(entry.id, "a person must look")
    spool.requeue(entry.id)
    pull(spool, wanted, promise)
    spool.seal(entry.id)
    spool.quarantine(entry.id, "the cloud does not want it")
    spool.requeue(entry.id)
    promise(State.SEALED)
    live(spool, promise, upto=State.STORED)
    with suppress(SpoolFull):
        spool.room_for(1 << 60)
    live(spool, promise)


def check_media(spool: Spool, entry_id) -> None:
    for index, content in enumerate((AUDIO, IMAGE)):
        if spool.media_path(entry_id, index).read_bytes() != content:
            raise AssertionError(f"medium {index} of a sealed entry is not what was recorded")
