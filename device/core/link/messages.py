"""Frame bodies to and from messages and data, strictly: nothing hostile raises or is kept.

A body is one type byte and what follows: `CONTROL` a CBOR map, `DATA` and `DATA_LONG` a stream
number, an offset and payload (PROTOCOL.md §4 and §5).
"""

from dataclasses import dataclass

from device.core.link.answers import (
    Busy,
    Done,
    End,
    Error,
    Event,
    HashesAre,
    ManifestPage,
    Page,
    RecordIs,
    StateIs,
    TimeIs,
    Welcome,
    Working,
)
from device.core.link.codec import decode_map, encode_map, pack, unpack
from device.core.link.codes import RETRYABLE, ErrorCode
from device.core.link.framing import CONTROL
from device.core.link.requests import (
    Abort,
    Hashes,
    Hello,
    List,
    Ping,
    Read,
    ReadManifest,
    Record,
    Release,
    SetTime,
    State,
    Time,
    Window,
)
from device.errors import ProtocolViolation

PROTOCOL_VERSION = 1

MIN_FRAME_BYTES = 240
"""Every recorder and every link takes frames of this size; HELLO and its answer fit in it."""

DATA = 0x02
DATA_LONG = 0x03
DATA_HEADER_BYTES = 6
"""Type, stream, 32-bit offset."""
DATA_LONG_HEADER_BYTES = 10
"""Type, stream, 64-bit offset: for offsets of 4 GiB and above."""

Request = (
    Hello | Time | SetTime | List | ReadManifest | Read | Abort | Hashes | Release | State | Ping
    | Record
)  # fmt: skip
Answer = (
    Welcome | TimeIs | Page | ManifestPage | End | HashesAre | StateIs | Done
    | RecordIs | Working | Busy | Error
)  # fmt: skip
Message = Request | Window | Answer | Event

_KINDS: dict[int, type[Message]] = {
    kind.TYPE: kind
    for kind in (
        Hello, Time, SetTime, List, ReadManifest, Read, Window, Abort, Hashes, Release, State, Ping,
        Record, Welcome, TimeIs, Page, ManifestPage, End, HashesAre, StateIs, Done,
        RecordIs, Working, Busy, Error, Event,
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Some bytes of a medium, and where they belong in it."""

    stream: int
    offset: int
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A whole frame that says nothing we know: what to answer, and to which request."""

    code: ErrorCode
    request: int | None
    reason: str

    def answer(self) -> Error:
        """Return the error message that a recorder sends for it."""
        return failure(self.code, request=self.request, detail=self.reason)


def failure(
    code: ErrorCode,
    *,
    request: int | None = None,
    stream: int | None = None,
    detail: str | None = None,
) -> Error:
    """Make the error message of a code, with the retryable bit of its table."""
    return Error(
        code=code,
        retryable=code in RETRYABLE,
        request=request,
        stream=stream,
        detail=detail.encode()[:128].decode(errors="ignore") if detail else None,
    )


def encode_message(message: Message) -> bytes:
    """Return the frame body of a control message."""
    return bytes((CONTROL,)) + encode_map({0: message.TYPE, **pack(message)})


def encode_data(stream: int, offset: int, payload: bytes) -> bytes:
    """Return the frame body of a data frame, in its short form where the offset allows it."""
    if offset < 1 << 32:
        return bytes((DATA, stream)) + offset.to_bytes(4, "little") + payload
    return bytes((DATA_LONG, stream)) + offset.to_bytes(8, "little") + payload


def parse(frame: bytes) -> Data | Message | Broken:
    """Read one frame body. Never raises, whatever it holds."""
    match frame[:1]:
        case b"\x02" if len(frame) >= DATA_HEADER_BYTES:
            return _data(frame, DATA_HEADER_BYTES)
        case b"\x03" if len(frame) >= DATA_LONG_HEADER_BYTES:
            return _data(frame, DATA_LONG_HEADER_BYTES)
        case b"\x01":
            return _message(frame[1:])
        case _:
            return Broken(
                code=ErrorCode.UNKNOWN_MESSAGE, request=None, reason="a frame of no known type"
            )


def _data(frame: bytes, header_bytes: int) -> Data:
    offset = int.from_bytes(frame[2:header_bytes], "little")
    return Data(stream=frame[1], offset=offset, payload=frame[header_bytes:])


def _message(encoded: bytes) -> Message | Broken:
    request: int | None = None
    try:
        found = decode_map(encoded)
        number, asked = found.get(0), found.get(1)
        request = asked if type(asked) is int and 0 <= asked < 1 << 32 else None
        kind = _KINDS.get(number) if type(number) is int else None
        if kind is not None:
            return unpack(kind, found)
    except ProtocolViolation as violation:
        return Broken(code=ErrorCode.MALFORMED, request=request, reason=str(violation))
    return Broken(
        code=ErrorCode.UNKNOWN_MESSAGE,
        request=request,
        reason="a control message of no known number",
    )
