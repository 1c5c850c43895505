"""The frames of the phone's tunnel (gateway/phone/TUNNEL.md): text and bytes in, values out."""

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Annotated, Any, Literal

import msgspec

from gateway.errors import InvalidRequest

VERSION = 1
SUBPROTOCOL = "fieldpost.gatt.v1"
MAX_FRAME_BYTES = 64 * 1024
MAX_VALUE_BYTES = 512
"""The longest value of any GATT characteristic."""
MOST_HEARD_BYTES = 1024
"""Of a value that a phone brings: recorders notify all that a packet carries, 514 bytes at an ATT
MTU of 517, whatever a characteristic may hold."""
MIN_VALUE_BYTES = 20
"""What every connection carries: an ATT MTU of 23."""

_CALL = struct.Struct(">BHIB")
_SUCCEEDED = struct.Struct(">BHI")
_NOTIFIED = struct.Struct(">BHB")
_SUCCEEDED_TYPE, _NOTIFIED_TYPE = 0x81, 0x84

Channel = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
CallId = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)]
Said = Annotated[str, msgspec.Meta(max_length=255)]
Uuid = Annotated[
    str, msgspec.Meta(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
]


class Kind(IntEnum):
    """What a call does."""

    READ = 0x01
    WRITE = 0x02
    SEND = 0x03
    """Write without response."""
    SUBSCRIBE = 0x04


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway asks for one GATT operation; `characteristic` is an index."""

    kind: Kind
    channel: int
    call: int
    characteristic: int
    value: bytes = b""


class Succeeded(msgspec.Struct, frozen=True, kw_only=True):
    """A call succeeded; `value` is that of a read."""

    channel: int
    call: int
    value: bytes = b""


class Notified(msgspec.Struct, frozen=True, kw_only=True):
    """The recorder notified a value."""

    channel: int
    characteristic: int
    value: bytes


class _Text(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    pass


class Hello(_Text, frozen=True, kw_only=True):
    """The phone's first word."""

    version: int
    client: Said = ""


class Characteristic(msgspec.Struct, frozen=True, kw_only=True):
    """One that the phone discovered."""

    service: Uuid
    uuid: Uuid
    properties: Annotated[tuple[Said, ...], msgspec.Meta(max_length=16)] = ()


class Open(_Text, frozen=True, kw_only=True):
    """A recorder is connected."""

    channel: Channel
    browser_id: Said = ""
    name: Said = ""
    kind: Literal["native", "bota"]
    characteristics: Annotated[tuple[Characteristic, ...], msgspec.Meta(max_length=64)]


class Lost(_Text, frozen=True, kw_only=True):
    """A recorder's connection is gone."""

    channel: Channel
    reason: Said = ""


class Failed(_Text, frozen=True, kw_only=True):
    """A call failed; the connection is there still."""

    channel: Channel
    call: CallId
    error: Said = ""
    message: Annotated[str, msgspec.Meta(max_length=1024)] = ""


class Bye(_Text, frozen=True, kw_only=True):
    """The person leaves the page."""


Spoken = Hello | Open | Lost | Failed | Bye
_SPOKEN: msgspec.json.Decoder[Spoken] = msgspec.json.Decoder(Spoken)


class Welcome(_Text, frozen=True, kw_only=True):
    """The tunnel is open."""

    version: int = VERSION
    ping_s: float
    phone: str


class Refused(_Text, frozen=True, kw_only=True):
    """There can be no such channel."""

    channel: int
    message: str
    hint: str = ""


class Close(_Text, frozen=True, kw_only=True):
    """The gateway is done with a channel; `retry_s` is when coming back makes sense, if at all."""

    channel: int
    message: str
    retry_s: float | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One recording as the phone shows it."""

    id: str
    label: str
    state: Literal["waiting", "pulling", "sending", "stored", "released", "problem"]
    done_bytes: int | None = None
    size_bytes: int | None = None
    message: str = ""


class Standing(_Text, frozen=True, kw_only=True):
    """How one recorder's recordings stand, the whole of it."""

    channel: int | None
    recorder: str
    battery_percent: int | None = None
    recordings: Sequence[Row] = ()
    more: int = 0
    message: str = ""


class Error(_Text, frozen=True, kw_only=True):
    """Why the tunnel ends now."""

    code: int
    message: str


Told = Welcome | Refused | Close | Standing | Error


def parse_text(text: str | bytes) -> Spoken:
    """Read what a phone says.

    Raises:
        InvalidRequest: It is too long, no JSON, of no known type, or a field is missing or wrong.
    """
    if len(text) > MAX_FRAME_BYTES:
        raise InvalidRequest("a text frame is longer than 64 KiB")
    try:
        return _SPOKEN.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"a text frame cannot be read: {error}") from error


def parse_binary(frame: bytes) -> Succeeded | Notified:
    """Read what a phone answers or passes on.

    Raises:
        InvalidRequest: It is too short, or of no known type, or its value is longer than any.
    """
    kind = frame[0] if frame else None
    head = _SUCCEEDED if kind == _SUCCEEDED_TYPE else _NOTIFIED
    if len(frame) > head.size + MOST_HEARD_BYTES:
        raise InvalidRequest(f"a value is longer than {MOST_HEARD_BYTES} bytes")
    try:
        if kind == _SUCCEEDED_TYPE:
            _, channel, call = _SUCCEEDED.unpack_from(frame)
            return Succeeded(channel=channel, call=call, value=frame[_SUCCEEDED.size :])
        if kind == _NOTIFIED_TYPE:
            _, channel, at = _NOTIFIED.unpack_from(frame)
            return Notified(channel=channel, characteristic=at, value=frame[_NOTIFIED.size :])
    except struct.error as error:
        raise InvalidRequest("a binary frame is cut short") from error
    raise InvalidRequest(f"a binary frame of no known type: {frame[:1].hex() or 'empty'}")


def encode_call(call: Call) -> bytes:
    """Write a call."""
    return _CALL.pack(call.kind, call.channel, call.call, call.characteristic) + call.value


def encode_text(told: Told) -> str:
    """Write what the gateway says."""
    return msgspec.json.encode(told).decode()


def parse_call(frame: bytes) -> Call:
    """Read a call, as a phone does.

    Raises:
        InvalidRequest: It is none.
    """
    try:
        kind, channel, call, at = _CALL.unpack_from(frame)
        return Call(
            kind=Kind(kind),
            channel=channel,
            call=call,
            characteristic=at,
            value=frame[_CALL.size :],
        )
    except (struct.error, ValueError) as error:
        raise InvalidRequest("this is no call") from error


def encode_answer(answer: Succeeded | Notified) -> bytes:
    """Write an answer or a notification, as a phone does."""
    if isinstance(answer, Succeeded):
        return _SUCCEEDED.pack(_SUCCEEDED_TYPE, answer.channel, answer.call) + answer.value
    head = _NOTIFIED.pack(_NOTIFIED_TYPE, answer.channel, answer.characteristic)
    return head + answer.value


def parse_told(text: str) -> Any:
    """Read what the gateway says, as a phone does."""
    return msgspec.json.decode(text, type=Told)
