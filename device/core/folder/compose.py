"""From what was found in a folder to a `Recording`, or to the reason why it is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from device.core.folder.captured import captured, time_in_name, time_of_change
from device.core.folder.content_types import content_type, kind_of
from device.core.folder.names import SIDECAR, generation, label
from device.core.folder.sidecar import Sidecar, SidecarMedium
from device.model import MediaKind, Medium, RecorderId, Recording, RecordingKey, Rejected

UNSEALED = f"not sealed yet: {SIDECAR} is missing"

_ORDER = (MediaKind.AUDIO, MediaKind.VIDEO, MediaKind.IMAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """One file as it was read: its content is exactly `size_bytes` with this sha256."""

    name: str
    size_bytes: int
    mtime_ns: int
    sha256: str
    sniffed: str | None = None
    exif_at: datetime | None = None


def compose_file(recorder: RecorderId, file: FoundFile) -> Recording | Rejected:
    """Make a recording of a single closed audio file."""
    kind_problem = not_audio(file.name, file.sniffed)
    if kind_problem is not None:
        return Rejected(recording=label(file.name), reason=kind_problem)
    if not file.size_bytes:
        return Rejected(recording=label(file.name), reason="it is empty")
    medium = _medium(0, file, None)
    named = time_in_name(file.name)
    return Recording(
        key=_key(recorder, file.name, [file], None),
        media=() if medium is None else (medium,),
        started_at=named[0] if named else None,
        times_trusted=bool(named and named[1]),
    )


def not_audio(name: str, sniffed: str | None) -> str | None:
    """Say why a file on its own cannot be a recording, or None where it is audio."""
    found = content_type(name, sniffed)
    if found is not None and kind_of(found) is MediaKind.AUDIO:
        return None
    return f"not audio, so no recording on its own: put it into a folder with {SIDECAR}"


def compose_folder(
    recorder: RecorderId,
    name: str,
    sidecar: Sidecar,
    sidecar_sha256: str,
    files: Mapping[str, FoundFile],
) -> Recording | Rejected:
    """Make a recording of a sealed sub-folder.

    Args:
        recorder: Whose folder it is.
        name: The sub-folder's name.
        sidecar: What its recording.json says.
        sidecar_sha256: The digest of those bytes: other words are another recording.
        files: Every medium by name: those the sidecar lists, else all that count.
    """
    described = _described(sidecar, files)
    media = [_medium(i, files[d.file], d) for i, d in enumerate(described)]
    unknown = [d.file for d, m in zip(described, media, strict=True) if m is None]
    empty = [f.name for f in files.values() if not f.size_bytes]
    reason = None
    if not media:
        reason = "it is sealed but holds no medium"
    elif empty:
        reason = f"{_some(empty)} is empty"
    elif unknown:
        reason = f"{_some(unknown)} is neither audio, image nor video: list the media in {SIDECAR}"
    if reason is not None:
        return Rejected(recording=label(name), reason=reason)
    ordered = [files[d.file] for d in described]
    started_at, trusted = sidecar.started_at, sidecar.started_at is not None
    if started_at is None and (named := time_in_name(name)) is not None:
        started_at, trusted = named
    return Recording(
        key=_key(recorder, name, ordered, sidecar_sha256),
        media=tuple(
            _placed(_begun(m, file.mtime_ns, started_at), started_at if trusted else None)
            for m, file in zip(media, ordered, strict=True)
            if m is not None
        ),
        started_at=started_at,
        ended_at=sidecar.ended_at,
        times_trusted=trusted,
        metadata=dict(sidecar.metadata),
    )


def _described(sidecar: Sidecar, files: Mapping[str, FoundFile]) -> Sequence[SidecarMedium]:
    """The media in their order: as listed, else audio first and then by name."""
    if sidecar.media is not None:
        return sidecar.media

    def place(file: FoundFile) -> tuple[int, str]:
        kind = kind_of(content_type(file.name, file.sniffed) or "")
        return (_ORDER.index(kind) if kind else len(_ORDER), file.name)

    return [SidecarMedium(file=f.name) for f in sorted(files.values(), key=place)]


def _medium(index: int, file: FoundFile, said: SidecarMedium | None) -> Medium | None:
    found = content_type(file.name, file.sniffed)
    kind = (said.kind if said else None) or (kind_of(found) if found else None)
    if kind is None:
        return None
    at, trusted = captured(
        sidecar=said.captured_at if said else None,
        exif=file.exif_at,
        name=file.name,
        mtime_ns=file.mtime_ns,
    )
    return Medium(
        index=index,
        name=label(file.name),
        kind=kind,
        content_type=(said.content_type if said else None) or found or "application/octet-stream",
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        captured_at=at,
        captured_at_trusted=trusted,
    )


def _begun(medium: Medium, mtime_ns: int, started_at: datetime | None) -> Medium:
    """Take an mtime from audio of a recording whose begin is known.

    It is when the file was closed, and so where the sound ends: a timeline that laid it there would
    begin every recording with as much silence as it has sound.
    """
    guessed = not medium.captured_at_trusted and medium.captured_at == time_of_change(mtime_ns)
    if medium.kind is not MediaKind.AUDIO or started_at is None or not guessed:
        return medium
    return replace(medium, captured_at=None)


def _placed(medium: Medium, started_at: datetime | None) -> Medium:
    """Add where in the recording a medium belongs, where both times are worth it."""
    if started_at is None or medium.captured_at is None or not medium.captured_at_trusted:
        return medium
    offset_ms = (medium.captured_at - started_at) // timedelta(milliseconds=1)
    if offset_ms < 0:
        return medium
    return replace(medium, t_offset_ms=offset_ms)


def _key(
    recorder: RecorderId, name: str, files: Sequence[FoundFile], sidecar_sha256: str | None
) -> RecordingKey:
    content = [(f.name, f.size_bytes, f.sha256) for f in files]
    return RecordingKey(
        recorder=recorder, recording=label(name), generation=generation(content, sidecar_sha256)
    )


def _some(names: Sequence[str]) -> str:
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return label(names[0]) + more
