"""What a Bota recorder lists: entries of 24 bytes, and no word about the end (§6.1)."""

import struct
from dataclasses import dataclass
from zlib import crc32

from device.core.bota_ble.commands import FILE_ID_BYTES
from device.errors import ProtocolViolation

ENTRY_BYTES = 24
_ENCRYPTED = 0x01
_RESERVED = slice(5, 16)
_TAIL_AT = 16
_TAIL = struct.Struct("<IHH")
_START_END = 20
_LIVE = b"live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One entry. `size_kib` and `duration_s` stop at 65,535 and are rounded somehow: for display.

    `generation` tells apart two recordings that drew the same four random bytes: it is taken from
    all that the entry says of a recording that is finished.

    `live_generation` is taken from what stands while it is being made already: its start. A clock
    that was not set then may still be, so that without a start there is none.
    """

    file_id: bytes
    encrypted: bool
    started_s: int | None
    duration_s: int
    size_kib: int
    generation: int
    live_generation: int | None


def parse_entries(value: bytes) -> tuple[Listed, ...]:
    """Read one notification of whole entries, with or without a leading count byte.

    Raises:
        ProtocolViolation: It was cut, or is no list.
    """
    extra = len(value) % ENTRY_BYTES
    if extra > 1:
        raise ProtocolViolation(f"a listing of {len(value)} bytes")
    entries = [value[at : at + ENTRY_BYTES] for at in range(extra, len(value), ENTRY_BYTES)]
    # One byte over may also be what is left of a cut one: then zeros do not fall where they must.
    if extra and any(any(entry[_RESERVED]) for entry in entries):
        raise ProtocolViolation("a listing that was cut")
    return tuple(_entry(entry) for entry in entries)


def encode_entry(
    file_id: bytes, *, started_s: int, duration_s: int, size_kib: int, encrypted: bool = False
) -> bytes:
    """Write one entry: the simulator's side."""
    head = file_id[:FILE_ID_BYTES] + bytes((_ENCRYPTED * encrypted,))
    tail = _TAIL.pack(started_s, min(duration_s, 0xFFFF), min(size_kib, 0xFFFF))
    return head.ljust(_TAIL_AT, b"\0") + tail


def _entry(entry: bytes) -> Listed:
    started_s, duration_s, size_kib = _TAIL.unpack_from(entry, _TAIL_AT)
    return Listed(
        file_id=entry[:FILE_ID_BYTES],
        encrypted=bool(entry[FILE_ID_BYTES] & _ENCRYPTED),
        started_s=started_s or None,
        duration_s=duration_s,
        size_kib=size_kib,
        generation=crc32(entry[_TAIL_AT:]),
        live_generation=crc32(_LIVE + entry[_TAIL_AT:_START_END]) if started_s else None,
    )
