"""The media that are being pulled right now, and what makes one of them finished."""

import threading
from contextlib import suppress
from dataclasses import replace

from device.core.medium_name import called
from device.errors import DigestMismatch, SpoolError, SpoolStorageFailed
from device.model import EntryId, MediumState
from device.spool.partial import Partial


class OpenMedia:
    """Every open `Partial` of a spool, one per medium. Safe from any thread."""

    def __init__(self) -> None:
        self._open: dict[tuple[EntryId, int], Partial] = {}
        self._lock = threading.RLock()

    def add(self, entry: EntryId, index: int, partial: Partial) -> None:
        """Remember a medium that was opened."""
        with self._lock:
            self._open[entry, index] = partial

    def close(self, entry: EntryId, index: int) -> None:
        """Close an earlier `Partial` of this medium, if there is one.

        Raises:
            SpoolFull: Its last checkpoint did not fit.
            SpoolStorageFailed: Its last checkpoint failed.
        """
        with self._lock:
            stale = self._open.pop((entry, index), None)
        if stale is not None:
            stale.close()

    def finish(self, entry: EntryId, index: int, partial: Partial) -> None:
        """Let go of a medium whose row says all there is."""
        with self._lock:
            partial.drop()
            if self._open.get((entry, index)) is partial:
                del self._open[entry, index]

    def close_entry(self, entry: EntryId) -> None:
        """Close every medium of an entry; its bytes are checked again wherever they are used."""
        with self._lock:
            for key in [key for key in self._open if key[0] == entry]:
                with suppress(SpoolStorageFailed):
                    self._open.pop(key).close()

    def close_all(self) -> None:
        """Close everything; what cannot be made durable now is pulled again."""
        with self._lock:
            for partial in self._open.values():
                # The index never claimed it.
                with suppress(SpoolError):
                    partial.close()
            self._open.clear()


def finished(held: MediumState, partial: Partial) -> MediumState:
    """Check a medium against its announcement; return it with true size and digests.

    Raises:
        DigestMismatch: Size or digest is not what was announced.
    """
    medium = held.medium
    sha256 = partial.sha256()
    if not medium.size_exact:
        medium = replace(medium, size_bytes=partial.size_bytes, size_exact=True)
    if partial.size_bytes != medium.size_bytes:
        raise DigestMismatch(
            f"{called(medium)} has {partial.size_bytes} bytes, {medium.size_bytes} were announced"
        )
    if medium.sha256 is not None and sha256 != medium.sha256:
        raise DigestMismatch(
            f"{called(medium)} has the digest {sha256}, {medium.sha256} was announced"
        )
    return replace(
        held,
        medium=medium,
        pulled_bytes=partial.size_bytes,
        sha256=sha256,
        md5=partial.md5(),
    )
