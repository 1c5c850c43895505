"""What a recorder answers about the content it keeps: block hashes, release, state (§6.6-§6.8)."""

from hashlib import sha256

from device.core.link.answers import HASH_BYTES, HashesAre, StateIs
from device.core.link.codes import ErrorCode
from device.core.link.listing import Holding, media_digest
from device.core.link.requests import Hashes, Read, Release, State
from device.core.link.shelf import Shelf
from device.core.link.store import Store, Stored
from device.errors import RecorderRefused

BLOCK_BYTES = 65_536
HASHES_PER_ANSWER = 8
"""Half a MiB is read for one answer at most, so that it comes soon and fits any frame."""


def complete(shelf: Shelf, recording: bytes, generation: int) -> Stored:
    """Return a recording that is there and closed.

    Raises:
        RecorderRefused: NOT_FOUND or STILL_OPEN, to be sent as an ERROR.
    """
    stored = shelf.find(recording, generation)
    if stored is None:
        raise RecorderRefused("no such recording", wire_code=ErrorCode.NOT_FOUND)
    if stored.state is Holding.OPEN:
        raise RecorderRefused("still being recorded", wire_code=ErrorCode.STILL_OPEN)
    return stored


def readable(shelf: Shelf, read: Read) -> Stored:
    """Return the recording that a READ may stream from.

    Raises:
        RecorderRefused: Why it may not.
    """
    stored = complete(shelf, read.recording, read.generation)
    if read.index >= len(stored.media):
        raise RecorderRefused("no such medium", wire_code=ErrorCode.NOT_FOUND)
    medium = stored.media[read.index]
    if read.sha256 is not None and read.sha256 != medium.sha256:
        raise RecorderRefused("the medium has another digest", wire_code=ErrorCode.CHANGED)
    if read.offset > medium.size_bytes:
        raise RecorderRefused("offset beyond the end", wire_code=ErrorCode.RANGE)
    return stored


def block_hashes(shelf: Shelf, store: Store, asked: Hashes) -> HashesAre:
    """Hash whole blocks of a medium, as many as asked for and one answer may take.

    Raises:
        RecorderRefused: There is no such medium.
        OSError: It cannot be read.
    """
    stored = complete(shelf, asked.recording, asked.generation)
    if asked.index >= len(stored.media):
        raise RecorderRefused("no such medium", wire_code=ErrorCode.NOT_FOUND)
    whole = stored.media[asked.index].size_bytes // BLOCK_BYTES
    last = min(whole, asked.first + min(asked.count, HASHES_PER_ANSWER))
    hashes = (
        sha256(store.read(stored, asked.index, block * BLOCK_BYTES, BLOCK_BYTES)).digest()
        for block in range(asked.first, last)
    )
    return HashesAre(
        request=asked.request,
        block_bytes=BLOCK_BYTES,
        first=asked.first,
        hashes=b"".join(digest[:HASH_BYTES] for digest in hashes),
    )


def release(shelf: Shelf, store: Store, asked: Release) -> StateIs:
    """Delete a recording whose content is the one that was delivered; gone already is success.

    Raises:
        RecorderRefused: It is open, or the digests differ: nothing was deleted.
        OSError: It cannot be deleted.
    """
    stored = shelf.find(asked.recording, asked.generation)
    if stored is not None and stored.state is not Holding.KEPT:
        complete(shelf, asked.recording, asked.generation)
        if asked.sha256 != media_digest(medium.sha256 for medium in stored.media):
            raise RecorderRefused("the digests differ", wire_code=ErrorCode.DIGEST)
        store.remove(stored)
    return state(shelf, asked)


def state(shelf: Shelf, asked: State | Release) -> StateIs:
    """Tell what became of a recording."""
    stored = shelf.find(asked.recording, asked.generation)
    return StateIs(request=asked.request, state=stored.state if stored else Holding.GONE)
