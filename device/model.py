"""The words of the straight line as frozen values, from recorder to receipt."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

RecorderId = NewType("RecorderId", str)
"""Stable identity of a recorder: `native:<serial>`, `folder:<path>`, `cli`. Never an address."""

EntryId = NewType("EntryId", str)
"""Identity of one recording in the spool: 32 hex characters derived from its `RecordingKey`."""


class MediaKind(StrEnum):
    """What a medium is, in the words of the Bota API."""

    AUDIO = "audio"
    IMAGE = "image"
    VIDEO = "video"


class State(StrEnum):
    """The life of a spool entry; the legal moves are in core/lifecycle.py."""

    PULLING = "pulling"
    SEALED = "sealed"
    STORED = "stored"
    RELEASED = "released"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class RecordingKey:
    """What makes a recording the same recording, whatever its time or name.

    `recording` is the recorder's own id (native: 32 hex characters); `generation` tells apart two
    recordings that a recorder gave the same id.
    """

    recorder: RecorderId
    recording: str
    generation: int

    def entry_id(self) -> EntryId:
        """Derive the spool's id: the same key always gives the same entry."""
        parts = (self.recorder, self.recording, str(self.generation))
        blob = b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in parts)
        return EntryId(hashlib.sha256(blob).hexdigest()[:32])


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """One audio, image or video file of a recording, as its recorder announces it.

    `index` is its place in the recording (0-based, stable); `name` is the recorder's label,
    untrusted and never used as a path. `sha256` is None where a recorder cannot tell it early.
    Without `size_exact` the size is only about right: the true one is known when all is pulled.
    """

    index: int
    name: str
    kind: MediaKind
    content_type: str
    size_bytes: int
    sha256: str | None = None
    captured_at: datetime | None = None
    captured_at_trusted: bool = False
    t_offset_ms: int | None = None
    size_exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A complete recording as its recorder announces it."""

    key: RecordingKey
    media: tuple[Medium, ...]
    started_at: datetime | None = None
    ended_at: datetime | None = None
    times_trusted: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Something a recorder lists that cannot be pulled, and why: shown to people, never dropped.

    `failed` is False for what is no recording, or none yet (still being written): nothing is wrong.
    """

    recording: str
    reason: str
    failed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a recorder holds; `complete` is False when absence proves nothing (a dead mount).

    A recording that is still being made may be listed where that was asked for: its key is in
    `live`. What is announced of it changes until it ends, and its key may then be another one:
    `earlier` leads from the keys of finished recordings to those that they had, or would have had.
    """

    recordings: tuple[Recording, ...]
    rejected: tuple[Rejected, ...] = ()
    complete: bool = True
    live: frozenset[RecordingKey] = frozenset()
    earlier: Mapping[RecordingKey, RecordingKey] = field(default_factory=dict)


class Condition(StrEnum):
    """What a recorder says of itself at the moment, beyond figures."""

    RECORDING = "recording"
    UPLOADING = "uploading by itself"
    LOW_BATTERY = "low battery"
    STORAGE_FULL = "storage full"
    FAULT = "fault"


_FULL_PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOrder:
    """A start, or else a stop, of a recording. `id` (16 bytes) is the order's own.

    `max_duration_s` is after how long a start ends by itself; None: not before it is stopped.
    """

    id: bytes
    start: bool
    max_duration_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """What an order started or stopped; `started_at` None where the recorder cannot tell."""

    key: RecordingKey
    going_on: bool
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderInfo:
    """Who a recorder is, and how it fares, as far as its kind can tell.

    `clock_offset_s` is recorder minus agent, measured before any set. `battery_percent` is 0 to
    100. `pending` counts recordings that the recorder holds for us, by its own account. Figures
    are the recorder's: it may tell more used than there is.
    """

    recorder: RecorderId
    driver: str
    model: str | None = None
    serial: str | None = None
    firmware: str | None = None
    capacity_bytes: int | None = None
    used_bytes: int | None = None
    dropped_recordings: int | None = None
    clock_offset_s: float | None = None
    battery_percent: int | None = None
    charging: bool | None = None
    pending: int | None = None
    conditions: tuple[Condition, ...] = ()

    @property
    def used_percent(self) -> int | None:
        """How full its storage is, 0 to 100; None where it does not tell."""
        if not self.capacity_bytes or self.used_bytes is None:
            return None
        return min(_FULL_PERCENT, _FULL_PERCENT * self.used_bytes // self.capacity_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSeen:
    """The last a recorder was heard of: what it told, where, and when."""

    info: RecorderInfo
    url: str
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreached:
    """Why visits to a URL fail now, in a sentence, and since when; `hint` says what helps."""

    url: str
    since: datetime
    problem: str
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Why something that a recorder lists needs a person, and what that person can do."""

    recorder: RecorderId
    recording: str
    """By the recorder's own name for it."""
    problem: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """All that needs a person at a URL, and since when it is so; of many only the first."""

    url: str
    since: datetime
    total: int
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockHashes:
    """SHA-256 of consecutive blocks from offset 0, truncated to `len(hashes[0])` bytes each.

    Only whole blocks of `block_bytes` are covered: `len(hashes) * block_bytes` bytes in all.
    """

    block_bytes: int
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedMedium:
    """A medium on our disk, complete and digest-checked; `file` is a plain name in the entry."""

    index: int
    file: str
    name: str
    kind: MediaKind
    content_type: str
    size_bytes: int
    sha256: str
    md5: str
    captured_at: datetime | None = None
    captured_at_trusted: bool = False
    t_offset_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The self-describing file of a sealed entry: everything `spool rebuild` needs."""

    schema_version: int
    key: RecordingKey
    media: tuple[SealedMedium, ...]
    sealed_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    times_trusted: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where and how one medium goes up. Headers are sent exactly as handed.

    `expires_in_s` is the remaining life by the server's own Date header, None if unknown.
    `protocol` is the API's hint (`chunked_put`, …). `ref` is the cloud's own name for the medium.
    The URL is a bearer secret: never logged with its query.
    """

    url: str
    method: str = "PUT"
    headers: tuple[tuple[str, str], ...] = ()
    expires_in_s: float | None = None
    protocol: str | None = None
    ref: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSession:
    """What a medium needs to go on where it stopped after a restart; saved before byte 0."""

    target: Target
    protocol: str
    state: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the object store said when the last byte was in. Not yet a receipt.

    `sha256` and `md5` are the store's own digests of the whole medium, as lowercase hex.
    """

    status: int
    etag: str | None = None
    sha256: str | None = None
    md5: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The cloud's shape-checked acknowledgement of upload-complete: the only leave to release.

    Of a cloud that has no such call (cryomix) it is what comes nearest: the store named the digest
    of every medium, and each is ours. `cloud` therefore tells which of the two a receipt is.
    """

    cloud: str
    cloud_recording: str
    acknowledged_at: datetime
    sha256: str | None = None
    media: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Why an entry waits, in a sentence, and when it is tried next (None: on a change)."""

    code: str
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt of an entry that failed. `code` and `reason` as of a `Wait`."""

    at: datetime
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Bytes that left on one day over one kind of network.

    `kind` is a `NetworkKind`, or `unknown`; `costs` is whether they count against a data limit.
    """

    kind: str
    costs: bool
    sent_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A small fact: any JSON value, and when it was kept."""

    at: datetime
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Recordings that came so far, and what their media take."""

    recordings: int = 0
    media_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lately:
    """What was done from a moment on; `failures` are attempts to send."""

    since: datetime
    pulled: Done = field(default_factory=Done)
    stored: Done = field(default_factory=Done)
    released: Done = field(default_factory=Done)
    failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How a medium is sent in parts, and why; without parts, why it is not.

    `sha256` is that of the medium. The limits are those it was cut by (core/ogg/cutter.py): they
    make the same parts again, byte for byte. The first part has the index of the medium.
    """

    schema_version: int = 1
    index: int
    sha256: str
    reason: str
    part_bytes: int | None = None
    part_s: float | None = None
    parts: tuple[SealedMedium, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MediumState:
    """Where one medium of an entry stands."""

    medium: Medium
    file: str
    pulled_bytes: int = 0
    sha256: str | None = None
    md5: str | None = None
    session: UploadSession | None = None
    evidence: Evidence | None = None
    cut: Cut | None = None
    parts: "tuple[MediumState, ...]" = ()
    """What is sent in its place; its own session and evidence then stay empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One recording in the spool: what `status` and `spool show` print."""

    id: EntryId
    recording: Recording
    state: State
    media: tuple[MediumState, ...]
    begun_at: datetime
    sealed_at: datetime | None = None
    stored_at: datetime | None = None
    released_at: datetime | None = None
    cloud_ref: Mapping[str, str] = field(default_factory=dict)
    receipt: Receipt | None = None
    wait: Wait | None = None
    quarantine_reason: str | None = None
    purged: bool = False
    attempts: int = 0
    reread_bytes: int = 0
    resent_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        """Bytes of all media, as announced."""
        return sum(m.medium.size_bytes for m in self.media)

    @property
    def outgoing(self) -> tuple[MediumState, ...]:
        """What is sent: each medium, or the parts in its place. No two have the same index."""
        return tuple(each for m in self.media for each in (m.parts or (m,)))
