"""The packets of a transfer, each one notification of RECORDING_TRANSFER (§6.2)."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from device.core.bota_ble.commands import COMMAND_ID_BYTES, ENDINGS
from device.errors import ProtocolViolation

DATA = 0x01
EOF = 0x02
PAUSED = 0x03
SHA256 = 0x04
RELAY_START = 0x05
RELAY_DATA = 0x81
RELAY_EOF = 0x82
ERROR = 0xFF

DATA_HEADER_BYTES = 5
SHA256_BYTES = 32
_LEAST_BYTES = 3
_HEAD = struct.Struct("<BHH")
_EOF = struct.Struct("<BHI")
_PAUSED_BYTES = (3, 7)
_RELAY_START_BYTES = 37
_NO_CODE = 0xFF


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPacket:
    """The next bytes of the file; `sequence` counts packets modulo 65,536."""

    sequence: int
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EofPacket:
    """The file is at its end; the CRC-32 covers all of it. Its sequence number means nothing."""

    crc32: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedPacket:
    """The recording is still being made, and all there is of it has been sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HashPacket:
    """The SHA-256 of a file, and of which one where the firmware says so (16 bytes)."""

    sha256: bytes
    recording: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayPacket:
    """Ciphertext of the old relay profile (§7), which only the maker's cloud can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPacket:
    """The recorder gives up; `code` is 0xFF where it does not say why."""

    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoPacket:
    """Our own ACK, NACK or ABORT, sent back by some firmware."""


Packet = DataPacket | EofPacket | PausedPacket | HashPacket | RelayPacket | ErrorPacket | EchoPacket


def parse_packet(value: bytes) -> Packet:
    """Read one notification, strictly: every length must be the packet's own.

    Raises:
        ProtocolViolation: It is no packet, or not a whole one.
    """
    if len(value) < _LEAST_BYTES:
        raise ProtocolViolation(f"a transfer packet of {len(value)} bytes")
    parse = _PARSERS.get(value[0])
    packet = parse(value) if parse else None
    if packet is None:
        raise ProtocolViolation(f"a packet of type 0x{value[0]:02X} and {len(value)} bytes")
    return packet


def encode_data(sequence: int, payload: bytes) -> bytes:
    """Write DATA; `sequence` wraps at 65,536."""
    return _HEAD.pack(DATA, sequence & 0xFFFF, len(payload)) + payload


def encode_eof(sequence: int, crc32: int) -> bytes:
    """Write EOF."""
    return _EOF.pack(EOF, sequence & 0xFFFF, crc32)


def encode_paused(sequence: int, sent_bytes: int) -> bytes:
    """Write PAUSED in its longer form."""
    return _EOF.pack(PAUSED, sequence & 0xFFFF, sent_bytes)


def encode_hash(sha256: bytes, recording: bytes | None) -> bytes:
    """Write SHA256, with the 16 bytes that say of which recording if there are any."""
    return bytes((SHA256,)) + sha256 + (recording or b"")


def encode_error(code: int | None) -> bytes:
    """Write ERROR; None leaves the code out, as some firmware does."""
    return bytes((ERROR, 0, 0)) + (b"" if code is None else bytes((code,)))


def _data(value: bytes) -> DataPacket | None:
    if len(value) <= DATA_HEADER_BYTES:
        return None
    _, sequence, size = _HEAD.unpack_from(value)
    if size != len(value) - DATA_HEADER_BYTES:
        return None
    return DataPacket(sequence=sequence, payload=value[DATA_HEADER_BYTES:])


def _eof(value: bytes) -> EofPacket | None:
    return EofPacket(crc32=_EOF.unpack(value)[2]) if len(value) == _EOF.size else None


def _paused(value: bytes) -> PausedPacket | None:
    return PausedPacket() if len(value) in _PAUSED_BYTES else None


def _hash(value: bytes) -> HashPacket | None:
    recording = value[1 + SHA256_BYTES :]
    if len(value) < 1 + SHA256_BYTES or len(recording) not in (0, COMMAND_ID_BYTES):
        return None
    return HashPacket(sha256=value[1 : 1 + SHA256_BYTES], recording=recording or None)


def _error(value: bytes) -> ErrorPacket:
    return ErrorPacket(code=value[_LEAST_BYTES] if len(value) > _LEAST_BYTES else _NO_CODE)


_PARSERS: dict[int, Callable[[bytes], Packet | None]] = {
    DATA: _data,
    EOF: _eof,
    PAUSED: _paused,
    SHA256: _hash,
    RELAY_START: lambda value: RelayPacket() if len(value) == _RELAY_START_BYTES else None,
    RELAY_DATA: lambda _: RelayPacket(),
    RELAY_EOF: lambda _: RelayPacket(),
    ERROR: _error,
    **dict.fromkeys(ENDINGS, lambda _: EchoPacket()),
}
