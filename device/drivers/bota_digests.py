"""Digests of what a Bota recorder sent whole, remembered beyond the connection it sent them in."""

import json
from collections.abc import Iterable
from hashlib import sha256 as _sha256
from pathlib import Path

from device.core.bota_ble.listing import Listed

MAX_REMEMBERED = 10_000
_SCHEMA = 1


class Digests:
    """The memory of one recorder, in one rebuildable file. Synchronous, one thread at a time.

    v1 tells no digest that is certain to come, so that a release in a later connection had to read
    the recording once more. A remembered digest is as good as that reading, because it is asked for
    by all that the listing says: the recorder's serial number (the file's name), the id, the start
    to the second, the duration and the size. What could be another recording under all of these?

    - One that drew the same four random bytes: a recorder makes one recording at a time, so it has
      another start. Where the recorder does not know the start, nothing is remembered.
    - The same recording, grown: one that is still being made is never remembered, and one that has
      ended does not grow. A release in the connection of the reading relies on that as well.
    - The same recording, damaged on the card: the cloud then has the better copy.
    - Another recorder under this one's address, or its card in another recorder: another serial
      number, another file.

    And a remembered digest is only ever compared with the one that the cloud has: it can agree, or
    it is no help and the recording is read. A lost or damaged file costs that reading, no more.
    """

    def __init__(self, folder: Path, serial: str) -> None:
        """Load what is remembered of the recorder with this serial number (letters and digits)."""
        self._file = folder / f"bota-{serial}.json"
        self._known: dict[str, str] = {}
        self._unsaved = False
        self._load()

    def known(self, entry: Listed) -> str | None:
        """Tell the digest of a recording that is listed exactly so."""
        return self._known.get(_key(entry)) if entry.started_s is not None else None

    def remember(self, entry: Listed, sha256: str) -> None:
        """Keep the digest of what was read to its end, with the recorder's checksum agreeing."""
        if entry.started_s is None or len(self._known) >= MAX_REMEMBERED:
            return
        self._unsaved |= self._known.get(_key(entry)) != sha256
        self._known[_key(entry)] = sha256

    def forget(self, file_id: bytes) -> None:
        """After a release: what is listed so from now on is another one, or was not deleted."""
        gone = [key for key in self._known if key.startswith(f"{file_id.hex()} ")]
        self._unsaved |= bool(gone)
        for key in gone:
            del self._known[key]

    def keep_only(self, entries: Iterable[Listed]) -> None:
        """After a listing that is whole: forget what is not on the recorder any more."""
        listed = {_key(entry) for entry in entries}
        gone = self._known.keys() - listed
        self._unsaved |= bool(gone)
        for key in gone:
            del self._known[key]

    def save(self) -> None:
        """Write the memory if it changed. A disk that refuses costs reading again, no more."""
        if not self._unsaved:
            return
        temporary = self._file.with_suffix(".tmp")
        try:
            self._file.parent.mkdir(mode=0o700, exist_ok=True)
            document = {"schema": _SCHEMA, "recordings": self._known}
            temporary.write_text(json.dumps(document), encoding="utf-8")
            temporary.replace(self._file)
        except OSError:
            return
        self._unsaved = False

    def _load(self) -> None:
        try:
            document = json.loads(self._file.read_text(encoding="utf-8"))
            if document["schema"] == _SCHEMA:
                self._known = {str(k): _digest(v) for k, v in document["recordings"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self._known = {}


def _key(entry: Listed) -> str:
    return f"{entry.file_id.hex()} {entry.started_s} {entry.duration_s} {entry.size_kib}"


def _digest(text: str) -> str:
    if len(bytes.fromhex(text)) != _sha256().digest_size:
        raise ValueError(text)
    return text
