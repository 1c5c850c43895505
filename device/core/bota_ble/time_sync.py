"""TIME_SYNC: set a Bota recorder's clock, which has no other way to know the time (§5.1)."""

import struct
from datetime import UTC, datetime, timedelta

_TIME = struct.Struct("<IHh")
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def encode_time(now: datetime) -> bytes:
    """Write the 8 bytes of TIME_SYNC: Unix time in UTC, and the offset east only for display.

    Raises:
        ValueError: The time does not fit in 32 bits of seconds.
    """
    milliseconds = (now - _EPOCH) // _MILLISECOND
    offset = now.utcoffset() or timedelta()
    try:
        return _TIME.pack(milliseconds // 1000, milliseconds % 1000, offset // timedelta(minutes=1))
    except struct.error as error:
        raise ValueError(f"a recorder cannot be told that it is {now.isoformat()}") from error


def decode_time(value: bytes) -> tuple[int, int] | None:
    """Read TIME_SYNC as (UTC milliseconds, minutes east); None if it is no 8 bytes of such."""
    if len(value) != _TIME.size:
        return None
    seconds, milliseconds, offset_minutes = _TIME.unpack(value)
    return seconds * 1000 + milliseconds, offset_minutes
