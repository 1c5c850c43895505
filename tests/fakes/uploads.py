"""A spool with one sealed recording, and what it takes to upload it."""

import hashlib
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from device.clock import Clock
from device.config import SpoolConfig
from device.model import (
    Entry,
    EntryId,
    Manifest,
    MediaKind,
    Medium,
    RecorderId,
    Recording,
    RecordingKey,
    SealedMedium,
)
from device.spool.spool import Spool

CHUNK_BYTES = 262_144


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def recording_of(
    *media: bytes, name: str = "ab" * 16, types: Sequence[str] = ()
) -> tuple[Recording, list[bytes]]:
    """Without `types` the first medium is audio, the others are images."""
    types = types or ("audio/opus", *("image/jpeg" for _ in media[1:]))
    announced = tuple(
        Medium(
            index=index,
            name=f"{index}.{'jpg' if content_type == 'image/jpeg' else content_type[6:]}",
            kind=MediaKind(content_type.partition("/")[0]),
            content_type=content_type,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            captured_at=datetime(2026, 3, 1, 9, 5, 30, tzinfo=UTC) if index else None,
        )
        for index, (content, content_type) in enumerate(zip(media, types, strict=True))
    )
    recording = Recording(
        key=RecordingKey(recorder=RecorderId("native:AM-07"), recording=name, generation=1),
        media=announced,
        started_at=datetime(2026, 3, 1, 9, 0, tzinfo=UTC),
        metadata={"site": "Glen"},
    )
    return recording, list(media)


def manifest_of(*media: bytes, types: Sequence[str] = ()) -> Manifest:
    recording, contents = recording_of(*media, types=types)
    sealed = tuple(
        SealedMedium(
            index=m.index,
            file=f"{m.index:04d}",
            name=m.name,
            kind=m.kind,
            content_type=m.content_type,
            size_bytes=m.size_bytes,
            sha256=str(m.sha256),
            md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
            captured_at=m.captured_at,
        )
        for m, content in zip(recording.media, contents, strict=True)
    )
    return Manifest(
        schema_version=1,
        key=recording.key,
        media=sealed,
        sealed_at=datetime(2026, 3, 1, 10, 0, tzinfo=UTC),
        started_at=recording.started_at,
        metadata=recording.metadata,
    )


@contextmanager
def spool_in(folder: Path, clock: Clock) -> Iterator[Spool]:
    spool = Spool.open(SpoolConfig(path=folder, min_free_bytes=0), clock)
    try:
        yield spool
    finally:
        spool.close()


def sealed_entry(spool: Spool, folder: Path, *media: bytes, types: Sequence[str] = ()) -> Entry:
    recording, contents = recording_of(*media, types=types)
    files = []
    for medium, content in zip(recording.media, contents, strict=True):
        file = folder / medium.name
        file.write_bytes(content)
        files.append(file)
    return spool.ingest(recording, files)


def no_media(entry: EntryId, index: int) -> Path:
    """Stand for the spool where an API has no business with the bytes."""
    raise AssertionError(f"medium {index} of {entry} was looked at")
