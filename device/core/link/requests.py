"""What a host says to a recorder (PROTOCOL.md §6).

Key 0 is the message's number, key 1 its request id; the other keys are what `At` says.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from device.core.link.wire import DIGEST, ID, U8, U16, U32, U64, At, between, text

ACTION_START = 1
ACTION_STOP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Begin a session: ends every stream, negotiates version and limits."""

    TYPE: ClassVar[int] = 1
    request: Annotated[int, At(1, U32)]
    min_version: Annotated[int, At(2, U8)]
    max_version: Annotated[int, At(3, U8)]
    max_frame_bytes: Annotated[int, At(4, U32)]
    agent: Annotated[str | None, At(5, text(64))] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """Ask what the recorder's clock says, before anything sets it."""

    TYPE: ClassVar[int] = 2
    request: Annotated[int, At(1, U32)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTime:
    """Set the recorder's clock; answered with TIME_IS, as read after the change."""

    TYPE: ClassVar[int] = 3
    request: Annotated[int, At(1, U32)]
    utc_ms: Annotated[int, At(2, U64)]


@dataclass(frozen=True, slots=True, kw_only=True)
class List:
    """Ask for the page of the listing that begins at item `first`."""

    TYPE: ClassVar[int] = 4
    request: Annotated[int, At(1, U32)]
    first: Annotated[int, At(2, U32)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadManifest:
    """Ask for the page of a recording's manifest that begins at medium `first`."""

    TYPE: ClassVar[int] = 5
    request: Annotated[int, At(1, U32)]
    recording: Annotated[bytes, At(2, ID)]
    generation: Annotated[int, At(3, U32)]
    first: Annotated[int, At(4, U16)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Stream a medium from `offset`, never beyond the absolute `limit`; ends any other stream."""

    TYPE: ClassVar[int] = 6
    request: Annotated[int, At(1, U32)]
    recording: Annotated[bytes, At(2, ID)]
    generation: Annotated[int, At(3, U32)]
    index: Annotated[int, At(4, U16)]
    offset: Annotated[int, At(5, U64)]
    stream: Annotated[int, At(6, U8)]
    limit: Annotated[int, At(7, U64)]
    sha256: Annotated[bytes | None, At(8, DIGEST)] = None
    payload_bytes: Annotated[int | None, At(9, U16)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Raise a stream's limit. Not answered, and so without a request id."""

    TYPE: ClassVar[int] = 7
    stream: Annotated[int, At(2, U8)]
    limit: Annotated[int, At(3, U64)]
    payload_bytes: Annotated[int | None, At(4, U16)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """End a stream; idempotent, answered with DONE."""

    TYPE: ClassVar[int] = 8
    request: Annotated[int, At(1, U32)]
    stream: Annotated[int, At(2, U8)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashes:
    """Ask for block hashes of a medium from block `first`, at most `count` of them."""

    TYPE: ClassVar[int] = 9
    request: Annotated[int, At(1, U32)]
    recording: Annotated[bytes, At(2, ID)]
    generation: Annotated[int, At(3, U32)]
    index: Annotated[int, At(4, U16)]
    first: Annotated[int, At(5, U32)]
    count: Annotated[int, At(6, U16)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Permit a recording's deletion. `sha256` is over its media's digests, joined by index."""

    TYPE: ClassVar[int] = 10
    request: Annotated[int, At(1, U32)]
    recording: Annotated[bytes, At(2, ID)]
    generation: Annotated[int, At(3, U32)]
    sha256: Annotated[bytes, At(4, DIGEST)]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Ask what became of one recording."""

    TYPE: ClassVar[int] = 11
    request: Annotated[int, At(1, U32)]
    recording: Annotated[bytes, At(2, ID)]
    generation: Annotated[int, At(3, U32)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """Keep the session alive; answered with DONE."""

    TYPE: ClassVar[int] = 12
    request: Annotated[int, At(1, U32)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Start or stop a recording (`ACTION_…`); `order` makes it one start, however often it is said.

    `max_duration_s` is for a start: after so long the recorder stops by itself.
    """

    TYPE: ClassVar[int] = 13
    request: Annotated[int, At(1, U32)]
    order: Annotated[bytes, At(2, ID)]
    action: Annotated[int, At(3, between(ACTION_START, ACTION_STOP))]
    max_duration_s: Annotated[int | None, At(4, between(1, (1 << 32) - 1))] = None
