"""What people call a medium: its file's name, as the recorder told it."""

from collections.abc import Iterable

from device.core.http_answer import plain
from device.model import Medium, SealedMedium

_CHARS = 80


def called(medium: Medium | SealedMedium) -> str:
    """Return a medium's name, safe to print; where its recorder gave none, its number."""
    return plain(medium.name).strip()[:_CHARS] or f"medium {medium.index}"


def all_called(media: Iterable[Medium | SealedMedium]) -> str:
    """Return the names of several, by commas."""
    return ", ".join(map(called, media))
