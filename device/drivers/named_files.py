"""Files named on a command line, described as one recording of the recorder called `cli`."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from device.core.folder.compose import FoundFile, compose_folder
from device.core.folder.content_types import sniff
from device.core.folder.exif import HEAD_BYTES, taken_at
from device.core.folder.sidecar import Sidecar, SidecarMedium
from device.errors import UsageInvalid
from device.model import RecorderId, Recording, Rejected

CLI_RECORDER = RecorderId("cli")


def describe(
    paths: Sequence[Path], *, started_at: datetime | None, metadata: Mapping[str, str]
) -> Recording:
    """Read the files once and make them one recording, media in the order given.

    The same content makes the same recording, whatever the files are called today.

    Raises:
        UsageInvalid: A file cannot be read, or is no medium that any cloud takes.
    """
    found: dict[str, FoundFile] = {}
    for index, path in enumerate(paths):
        # Two folders may hold files of one name; the number tells them apart.
        name = path.name if path.name not in found else f"{index}-{path.name}"
        found[name] = _read(path, name)
    content = hashlib.sha256("".join(f.sha256 for f in found.values()).encode()).hexdigest()
    sidecar = Sidecar(
        started_at=started_at,
        metadata=metadata,
        media=tuple(SidecarMedium(file=name) for name in found),
    )
    recording = compose_folder(CLI_RECORDER, content[:32], sidecar, content, found)
    if isinstance(recording, Rejected):
        reason = recording.reason.split(": list the media in")[0]
        raise UsageInvalid(reason, hint="fieldpost upload AUDIO [IMAGE…]")
    return recording


def _read(path: Path, name: str) -> FoundFile:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        status = path.stat()
    except OSError as error:
        raise UsageInvalid(f"cannot read {path}: {error.strerror}") from error
    return FoundFile(
        name=name,
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
        sha256=sha256,
        sniffed=sniff(head),
        exif_at=taken_at(head),
    )
