"""The items of listings and manifests on the wire, and the digests that bind them (§6.3, §6.4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Annotated, TypeVar

from device.core.link.codec import decode_map, encode_map, pack, unpack
from device.core.link.wire import BOOT, DIGEST, ID, U8, U16, U32, U64, At, i64, labels, text

T = TypeVar("T", "RecordingItem", "MediumItem")


class Holding(IntEnum):
    """What a recorder has of a recording."""

    GONE = 0
    OPEN = 1
    COMPLETE = 2
    KEPT = 3
    """Released, and kept by the recorder's own policy; it is not pulled again."""


class Kind(IntEnum):
    """What a medium is."""

    AUDIO = 1
    IMAGE = 2
    VIDEO = 3


class Timebase(IntEnum):
    """What the times of a recording count from."""

    UTC = 0
    """Milliseconds since 1970, from a clock that had been set."""
    UNTRUSTED = 1
    """Milliseconds since 1970, from a clock that nobody had set."""
    UPTIME = 2
    """Milliseconds since the start that `boot` names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingItem:
    """One recording in a listing. `manifest` is the digest of its manifest's items."""

    recording: Annotated[bytes, At(1, ID)]
    generation: Annotated[int, At(2, U32)]
    state: Annotated[int, At(3, U8)]
    media: Annotated[int, At(4, U16)]
    size_bytes: Annotated[int, At(5, U64)]
    manifest: Annotated[bytes, At(6, DIGEST)]
    timebase: Annotated[int, At(7, U8)]
    started_ms: Annotated[int | None, At(8, U64)] = None
    ended_ms: Annotated[int | None, At(9, U64)] = None
    boot: Annotated[bytes | None, At(10, BOOT)] = None
    metadata: Annotated[Mapping[str, str] | None, At(11, labels(16))] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MediumItem:
    """One medium in a manifest. `captured_ms` is in its recording's timebase."""

    index: Annotated[int, At(1, U16)]
    kind: Annotated[int, At(2, U8)]
    content_type: Annotated[str, At(3, text(64))]
    size_bytes: Annotated[int, At(4, U64)]
    sha256: Annotated[bytes, At(5, DIGEST)]
    name: Annotated[str | None, At(6, text(128))] = None
    captured_ms: Annotated[int | None, At(7, U64)] = None
    t_offset_ms: Annotated[int | None, At(8, i64)] = None


def encode_item(item: RecordingItem | MediumItem) -> bytes:
    """Return an item's bytes, as they stand in a page and go into a digest."""
    return encode_map(pack(item))


def decode_item(kind: type[T], encoded: bytes) -> T:
    """Read an item.

    Raises:
        ProtocolViolation: It is not what the specification says.
    """
    return unpack(kind, decode_map(encoded))


def items_digest(items: Iterable[bytes]) -> bytes:
    """Digest items as they stood in their pages: binds a listing, or a manifest, to its content."""
    return sha256(b"".join(items)).digest()


def media_digest(digests: Iterable[bytes]) -> bytes:
    """Digest the digests of all media in index order: what RELEASE carries."""
    return sha256(b"".join(digests)).digest()
