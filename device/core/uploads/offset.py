"""An offset that a store states: read strictly, and followed wherever it points."""

import re

from device.core.uploads import Advanced, Conflict, Response

_NUMBER = re.compile(r"[0-9]{1,15}")
_LEAST_BYTES = 65_536


def number(response: Response, header: str) -> int | None:
    """Read a header that is a whole number; None if it is absent or anything else."""
    stated = response.headers.get(header, "").strip()
    return int(stated) if _NUMBER.fullmatch(stated) else None


def followed(before: int, sent: int, held: int) -> Advanced | Conflict:
    """Say whether the store stands where what was `sent` from `before` can have brought it."""
    if before < held <= before + sent or (sent == 0 and held >= before):
        return Advanced(held)
    return Conflict(held)


def smaller_piece(sent: int, chunk_bytes: int) -> int | None:
    """Say what to send at a time when a body of `sent` bytes was too large; None: give up.

    Something between us and the store limits bodies (a proxy's default is often 1 MiB).
    """
    if sent > chunk_bytes:
        return max(chunk_bytes, 1)
    return sent // 2 if sent >= 2 * _LEAST_BYTES else None
