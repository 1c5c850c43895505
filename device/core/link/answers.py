"""What a recorder says to a host (PROTOCOL.md §7).

Key 0 is the message's number, key 1 the id of the request it answers.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from device.core.link.wire import (
    BOOT,
    DIGEST,
    ID,
    U8,
    U16,
    U32,
    U64,
    At,
    flag,
    items,
    octets,
    text,
)

HASH_BYTES = 16
"""Block hashes are SHA-256 cut to this."""

MAX_PAGE = 256
"""Most items of one page that a host accepts."""

EVENT_CHANGED = 1
"""The listing is not what it was."""

EVENT_STARTED = 2
"""The recorder has just started: there is no session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """Answer to HELLO: who the recorder is, the limits that hold, and its counters."""

    TYPE: ClassVar[int] = 33
    request: Annotated[int, At(1, U32)]
    version: Annotated[int, At(2, U8)]
    max_frame_bytes: Annotated[int, At(3, U32)]
    serial: Annotated[str, At(4, text(48))]
    boot: Annotated[bytes, At(5, BOOT)]
    model: Annotated[str | None, At(6, text(32))] = None
    firmware: Annotated[str | None, At(7, text(32))] = None
    capacity_bytes: Annotated[int | None, At(8, U64)] = None
    used_bytes: Annotated[int | None, At(9, U64)] = None
    dropped_recordings: Annotated[int | None, At(10, U32)] = None
    times_full: Annotated[int | None, At(11, U32)] = None
    idle_ms: Annotated[int | None, At(12, U32)] = None
    revision: Annotated[int | None, At(13, U32)] = None
    battery_percent: Annotated[int | None, At(14, U8)] = None
    charging: Annotated[bool | None, At(15, flag)] = None
    records: Annotated[bool | None, At(16, flag)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeIs:
    """The recorder's clock. `utc_ms` is absent when it never had one; up-time always counts."""

    TYPE: ClassVar[int] = 34
    request: Annotated[int, At(1, U32)]
    uptime_ms: Annotated[int, At(2, U64)]
    boot: Annotated[bytes, At(3, BOOT)]
    trusted: Annotated[bool, At(4, flag)]
    utc_ms: Annotated[int | None, At(5, U64)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some items of the listing, each a CBOR map in a byte string (`listing.RecordingItem`).

    The page with `end` carries the digest of all items' bytes in order.
    """

    TYPE: ClassVar[int] = 36
    request: Annotated[int, At(1, U32)]
    revision: Annotated[int, At(2, U32)]
    total: Annotated[int, At(3, U32)]
    first: Annotated[int, At(4, U32)]
    items: Annotated[tuple[bytes, ...], At(5, items(MAX_PAGE))]
    end: Annotated[bool, At(6, flag)]
    sha256: Annotated[bytes | None, At(7, DIGEST)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestPage:
    """Some media of a manifest, each a CBOR map in a byte string (`listing.MediumItem`)."""

    TYPE: ClassVar[int] = 37
    request: Annotated[int, At(1, U32)]
    total: Annotated[int, At(2, U16)]
    first: Annotated[int, At(3, U16)]
    items: Annotated[tuple[bytes, ...], At(4, items(MAX_PAGE))]
    end: Annotated[bool, At(5, flag)]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Answer to READ, behind the medium's last data frame."""

    TYPE: ClassVar[int] = 38
    request: Annotated[int, At(1, U32)]
    stream: Annotated[int, At(2, U8)]
    size_bytes: Annotated[int, At(3, U64)]
    sha256: Annotated[bytes, At(4, DIGEST)]


@dataclass(frozen=True, slots=True, kw_only=True)
class HashesAre:
    """Hashes of whole consecutive blocks, `HASH_BYTES` each, joined; empty: no such block."""

    TYPE: ClassVar[int] = 41
    request: Annotated[int, At(1, U32)]
    block_bytes: Annotated[int, At(2, U32)]
    first: Annotated[int, At(3, U32)]
    hashes: Annotated[bytes, At(4, octets(0, 4096))]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateIs:
    """Answer to RELEASE and STATE: one of `listing.Holding`."""

    TYPE: ClassVar[int] = 42
    request: Annotated[int, At(1, U32)]
    state: Annotated[int, At(2, U8)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Answer to ABORT and PING; tells the listing's revision along the way."""

    TYPE: ClassVar[int] = 44
    request: Annotated[int, At(1, U32)]
    revision: Annotated[int | None, At(2, U32)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordIs:
    """Answer to RECORD: which recording it started or stopped, and whether that goes on now."""

    TYPE: ClassVar[int] = 45
    request: Annotated[int, At(1, U32)]
    recording: Annotated[bytes, At(2, ID)]
    generation: Annotated[int, At(3, U32)]
    going_on: Annotated[bool, At(4, flag)]
    since_ms: Annotated[int | None, At(5, U64)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """The request is being worked on; its answer comes within so many milliseconds."""

    TYPE: ClassVar[int] = 60
    request: Annotated[int, At(1, U32)]
    for_ms: Annotated[int, At(2, U32)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """The request was dropped; ask again after so many milliseconds."""

    TYPE: ClassVar[int] = 61
    request: Annotated[int, At(1, U32)]
    retry_after_ms: Annotated[int, At(2, U32)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """The request failed. `request` is absent where the recorder could not tell it."""

    TYPE: ClassVar[int] = 62
    code: Annotated[int, At(2, U16)]
    retryable: Annotated[bool, At(3, flag)]
    request: Annotated[int | None, At(1, U32)] = None
    stream: Annotated[int | None, At(4, U8)] = None
    detail: Annotated[str | None, At(5, text(128))] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened on the recorder: one of `EVENT_…`. Never answered."""

    TYPE: ClassVar[int] = 63
    event: Annotated[int, At(2, U8)]
    revision: Annotated[int | None, At(3, U32)] = None
