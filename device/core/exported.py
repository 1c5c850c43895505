"""What a rescued recording says of itself: the `recording.json` beside its media in an export.

It is read by people with a text editor and by `fieldpost spool import`, perhaps years later and by
another version: fields are only ever added, and unknown ones are passed over.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import msgspec

from device.core.medium_name import called
from device.errors import SpoolDamaged, SpoolTooNew
from device.model import (
    Entry,
    MediaKind,
    Medium,
    Receipt,
    RecorderId,
    Recording,
    RecordingKey,
    State,
)

SCHEMA = 1
FILE = "recording.json"
ABOUT = (
    "A recording that Fieldpost rescued to this folder. Its media are the files beside this one;"
    " to bring it into a box: fieldpost spool import."
)

_Time = Annotated[datetime, msgspec.Meta(tz=True)]
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedMedium:
    """One file of the folder: what it is, and the digest of the bytes that were written.

    `name` is the recorder's own label; `captured_at` and `offset_ms` say when it was taken.
    """

    file: str
    sha256: str
    size_bytes: int
    index: int
    name: str
    type: MediaKind
    content_type: str
    captured_at: _Time | None = None
    captured_at_trusted: bool = False
    offset_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedRecording:
    """A recording as it was when it was exported.

    Without `complete` a file may be cut short or have the wrong bytes: it was quarantined while it
    was pulled. `why` says why it waited. With a `receipt` the cloud has it already.
    """

    schema: int
    about: str
    entry: str
    recorder: str
    recording: str
    generation: int
    complete: bool
    state: State
    why: str | None
    receipt: Receipt | None
    attempts: int
    started_at: _Time | None
    ended_at: _Time | None
    times_trusted: bool
    metadata: dict[str, str]
    begun_at: _Time
    sealed_at: _Time | None
    exported_at: _Time
    size_bytes: int
    media: tuple[ExportedMedium, ...]

    @property
    def key(self) -> RecordingKey:
        """What the recording is known by, on every box."""
        return RecordingKey(
            recorder=RecorderId(self.recorder),
            recording=self.recording,
            generation=self.generation,
        )


def of_entry(
    entry: Entry, found: dict[int, tuple[int, str]], exported_at: datetime
) -> ExportedRecording:
    """Describe an entry.

    Args:
        entry: What the index says of it.
        found: The size in bytes and the SHA-256 of what lies on our disk, by the medium's index;
            what is quarantined may lack media.
        exported_at: Now.

    Raises:
        SpoolDamaged: Bytes do not have the digest that they were sealed with.
    """
    media = []
    for held in entry.media:
        if held.medium.index not in found:
            continue
        size_bytes, sha256 = found[held.medium.index]
        if held.sha256 is not None and held.sha256 != sha256:
            raise SpoolDamaged(
                f"{called(held.medium)} has not the bytes any more that it was pulled with"
            )
        media.append(
            ExportedMedium(
                file=held.file,
                sha256=sha256,
                size_bytes=size_bytes,
                index=held.medium.index,
                name=held.medium.name,
                type=held.medium.kind,
                content_type=held.medium.content_type,
                captured_at=held.medium.captured_at,
                captured_at_trusted=held.medium.captured_at_trusted,
                offset_ms=held.medium.t_offset_ms,
            )
        )
    recording = entry.recording
    return ExportedRecording(
        schema=SCHEMA,
        about=ABOUT,
        entry=entry.id,
        recorder=recording.key.recorder,
        recording=recording.key.recording,
        generation=recording.key.generation,
        complete=all(held.sha256 is not None for held in entry.media),
        state=entry.state,
        why=entry.quarantine_reason or (entry.wait.reason if entry.wait else None),
        receipt=entry.receipt,
        attempts=entry.attempts,
        started_at=recording.started_at,
        ended_at=recording.ended_at,
        times_trusted=recording.times_trusted,
        metadata=dict(recording.metadata),
        begun_at=entry.begun_at,
        sealed_at=entry.sealed_at,
        exported_at=exported_at,
        size_bytes=sum(medium.size_bytes for medium in media),
        media=tuple(media),
    )


def encode(exported: ExportedRecording) -> bytes:
    """Write it as JSON that a person can read too."""
    plain = msgspec.to_builtins(exported)
    return (json.dumps(plain, indent=2, ensure_ascii=False) + "\n").encode()


def decode(blob: bytes) -> ExportedRecording:
    """Read one, believing nothing that could do harm.

    Raises:
        SpoolTooNew: A later schema; only a newer Fieldpost understands it.
        SpoolDamaged: Anything else that `encode` would not have written.
    """
    try:
        head = msgspec.json.decode(blob)
        if isinstance(head, dict) and isinstance(head.get("schema"), int):
            version = head["schema"]
            if version > SCHEMA:
                raise SpoolTooNew(f"{FILE} has schema version {version}, known is {SCHEMA}")
        exported = msgspec.convert(head, ExportedRecording)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SpoolDamaged(f"{FILE} cannot be understood: {error}") from error
    _check(exported)
    return exported


def recording_of(exported: ExportedRecording) -> Recording:
    """Give back the recording, as its recorder would announce it with all digests."""
    return Recording(
        key=exported.key,
        media=tuple(
            Medium(
                index=medium.index,
                name=medium.name,
                kind=medium.type,
                content_type=medium.content_type,
                size_bytes=medium.size_bytes,
                sha256=medium.sha256,
                captured_at=medium.captured_at,
                captured_at_trusted=medium.captured_at_trusted,
                t_offset_ms=medium.offset_ms,
            )
            for medium in exported.media
        ),
        started_at=exported.started_at,
        ended_at=exported.ended_at,
        times_trusted=exported.times_trusted,
        metadata=exported.metadata,
    )


def _check(exported: ExportedRecording) -> None:
    if exported.schema != SCHEMA:
        raise SpoolDamaged(f"{FILE} has schema version {exported.schema}")
    if exported.key.entry_id() != exported.entry:
        raise SpoolDamaged(f"{FILE} names the entry {exported.entry}, which its recording has not")
    if not exported.media:
        raise SpoolDamaged(f"{FILE} names no media")
    if len({m.index for m in exported.media} | {m.file for m in exported.media}) != 2 * len(
        exported.media
    ):
        raise SpoolDamaged(f"{FILE} names a medium twice")
    for medium in exported.media:
        if medium.index < 0 or medium.size_bytes < 0 or not _SHA256.match(medium.sha256):
            raise SpoolDamaged(f"{FILE} has an impossible index, size or digest")
        if not _FILE.match(medium.file) or medium.file == FILE:
            raise SpoolDamaged(f"{FILE} names an impossible file: {medium.file!r}")
