"""Recordings for a simulated recorder from real files: each sub-folder is one recording."""

import hashlib
import mimetypes
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from device.errors import UsageInvalid
from device.model import MediaKind
from device.simulate.holding import HeldMedium, HeldRecording

_AUDIO_TYPES = {".opus": "audio/ogg", ".ogg": "audio/ogg"}
"""What the system's table of types may not know."""


def read_folder(folder: Path) -> tuple[HeldRecording, ...]:
    """Read every sub-folder of `folder` as a recording; times are the files' own.

    Raises:
        UsageInvalid: No such folder, or nothing in it that is audio, image or video.
    """
    if not folder.is_dir():
        raise UsageInvalid(f"{folder} is not a folder")
    found = tuple(
        _recording(sub.name, media)
        for sub in sorted(folder.iterdir())
        if sub.is_dir() and (media := tuple(_media(sub)))
    )
    if not found:
        raise UsageInvalid(f"no sub-folder of {folder} holds audio, images or video")
    return found


def _recording(name: str, media: tuple[HeldMedium, ...]) -> HeldRecording:
    times = [medium.captured_at for medium in media]
    return HeldRecording(
        id=hashlib.sha256(name.encode()).digest()[:16],
        generation=1,
        started_at=min(times),
        ended_at=max(times),
        media=media,
    )


def _media(folder: Path) -> Iterator[HeldMedium]:
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and _type(file)]
    files.sort(key=lambda file: not _type(file).startswith("audio/"))
    if not files:
        return
    started = min(file.stat().st_mtime for file in files)
    for file in files:
        content_type, changed = _type(file), file.stat().st_mtime
        yield HeldMedium(
            name=file.name,
            kind=MediaKind(content_type.partition("/")[0]),
            content_type=content_type,
            content=file.read_bytes(),
            captured_at=datetime.fromtimestamp(changed, UTC),
            t_offset_ms=int((changed - started) * 1000),
        )


def _type(file: Path) -> str:
    """Return the content type by suffix; empty for what is no medium."""
    suffix = file.suffix.lower()
    known = _AUDIO_TYPES.get(suffix) or mimetypes.guess_type(file.name)[0] or ""
    return known if known.partition("/")[0] in set(MediaKind) else ""
