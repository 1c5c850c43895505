"""Copying local files into the spool: what `fieldpost upload` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from device.errors import UsageInvalid
from device.model import Entry, Recording, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from device.spool.pulling import Pulling

_COPY_BYTES = 1 << 20


def copy_in(spool: Pulling, recording: Recording, files: Sequence[Path]) -> Entry:
    """Copy, check and seal; see `Spool.ingest`."""
    if len(files) != len(recording.media):
        raise UsageInvalid(f"{len(recording.media)} media need as many files, not {len(files)}")
    return take_in(spool, recording, [_chunks(file) for file in files])


def take_in(spool: Pulling, recording: Recording, contents: Sequence[Iterable[bytes]]) -> Entry:
    """Take in what is at hand as a whole, one content per medium in order; see `copy_in`."""
    entry = spool.begin(recording)
    if entry.state is not State.PULLING:
        return entry
    spool.room_for(entry.size_bytes)
    for medium, content in zip(recording.media, contents, strict=True):
        partial = spool.partial(entry.id, medium.index)
        try:
            # A local file is quickly copied again; what an earlier try left is not trusted.
            partial.truncate(0)
            for chunk in content:
                partial.append(chunk)
            spool.finish_medium(entry.id, medium.index, partial)
        finally:
            partial.close()
    return spool.seal(entry.id)


def _chunks(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as source:
            while chunk := source.read(_COPY_BYTES):
                yield chunk
    except OSError as error:
        raise UsageInvalid(f"cannot read {file}: {error.strerror}") from error
