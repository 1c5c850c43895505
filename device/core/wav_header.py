"""How long a WAV file plays, from its first bytes: what can be told without decoding anything."""

from dataclasses import dataclass

HEAD_BYTES = 65_536
"""Recorders put notes before the samples; more of them than this is not looked through."""

_RIFFS = (b"RIFF", b"RF64")
_UNKNOWN = frozenset({0, 0xFFFF_FFFF})
"""Sizes of a writer that did not know, or could not write, how long the samples are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    name: bytes
    start: int
    size_bytes: int


def wav_duration_ms(head: bytes, size_bytes: int) -> int | None:
    """Return the playing time; None if this is no WAV, or one whose header does not tell.

    Args:
        head: The first `HEAD_BYTES` of the file, or all of it.
        size_bytes: The size of the file. A header that promises more than there is, is not
            believed: a recorder that lost power never came back to correct it.
    """
    if head[:4] not in _RIFFS or head[8:12] != b"WAVE":
        return None
    bytes_per_s = 0
    for chunk in _chunks(head):
        if chunk.name == b"fmt ":
            bytes_per_s = int.from_bytes(head[chunk.start + 8 : chunk.start + 12], "little")
        elif chunk.name == b"data" and bytes_per_s > 0:
            there = max(0, size_bytes - chunk.start)
            stated = there if chunk.size_bytes in _UNKNOWN else chunk.size_bytes
            return round(min(stated, there) * 1000 / bytes_per_s)
    return None


def _chunks(head: bytes) -> list[_Chunk]:
    """List the chunks whose names lie within `head`."""
    found: list[_Chunk] = []
    at = 12
    while at + 8 <= len(head):
        size_bytes = int.from_bytes(head[at + 4 : at + 8], "little")
        found.append(_Chunk(name=head[at : at + 4], start=at + 8, size_bytes=size_bytes))
        at += 8 + size_bytes + size_bytes % 2
    return found
