"""Where everything lies in the spool's folder, and what the files are called."""

from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from device.model import EntryId, MediaKind, Medium, State

FOLDER_MODE = 0o700
FILE_MODE = 0o600

MANIFEST = "manifest.cbor"
RECEIPT = "receipt.cbor"

_SUFFIX = {
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/mp4": "m4a",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/opus": "opus",
    "audio/wav": "wav",
    "audio/webm": "webm",
    "audio/x-wav": "wav",
    "image/heic": "heic",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one spool. Pure paths; nothing is touched."""

    root: Path

    @property
    def database(self) -> Path:
        """The index of the spool: a cache over the folders."""
        return self.root / "spool.db"

    @property
    def lock(self) -> Path:
        """Held with flock for the life of an agent; its content names the pid."""
        return self.root / "lock"

    @property
    def incoming(self) -> Path:
        """Entries that are being pulled."""
        return self.root / "incoming"

    @property
    def sealed(self) -> Path:
        """Entries that are complete and digest-checked."""
        return self.root / "sealed"

    @property
    def quarantine(self) -> Path:
        """Entries that cannot go on, with their bytes."""
        return self.root / "quarantine"

    @property
    def tombstones(self) -> Path:
        """Logs of released entries; they outlive the index."""
        return self.root / "tombstones"

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder a spool consists of, the root first."""
        return (self.root, self.incoming, self.sealed, self.quarantine, self.tombstones)

    def folder(self, state: State, entry: EntryId) -> Path:
        """Say where an entry of that state lies (a released one: where it lay)."""
        match state:
            case State.PULLING:
                return self.incoming / entry
            case State.SEALED | State.STORED | State.RELEASED:
                return self.sealed / entry
            case State.QUARANTINED:
                return self.quarantine / entry
            case _:
                assert_never(state)


def media_files(media: tuple[Medium, ...]) -> dict[int, str]:
    """Name the file of each medium, by index: `audio.opus`, `audio-2.opus`, `0001.jpg`.

    Names follow from index, kind and content type alone, so that nothing a recorder says becomes
    a path and the same recording always gets the same names.
    """
    count = dict.fromkeys(MediaKind, 0)
    names = {}
    for medium in sorted(media, key=lambda medium: medium.index):
        count[medium.kind] += 1
        number = count[medium.kind]
        suffix = _suffix(medium.content_type)
        if medium.kind is MediaKind.IMAGE:
            names[medium.index] = f"{number:04}.{suffix}"
        else:
            place = "" if number == 1 else f"-{number}"
            names[medium.index] = f"{medium.kind.value}{place}.{suffix}"
    return names


def _suffix(content_type: str) -> str:
    """Choose a suffix for people; the content type itself is kept in the manifest."""
    plain, _, parameters = content_type.lower().partition(";")
    if plain.strip() == "audio/ogg" and "opus" in parameters:
        return "opus"
    return _SUFFIX.get(plain.strip(), "bin")
