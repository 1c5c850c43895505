"""What a recorder lists, held against what the spool has of it already."""

from dataclasses import replace

from device.model import Entry, Listing, Recording
from device.spool.spool import Spool


def as_begun(spool: Spool, listing: Listing) -> list[Recording]:
    """Return the recordings of a listing under the keys that their pulls were begun with. Blocks.

    A recording that was pulled while it was being made keeps its one entry, however it is listed
    from its beginning to its end: a second one would be a second recording in the cloud. And what
    its recorder says of its size only grows with it: taken for another medium, it would start over
    at 0.
    """
    return [_as_begun(spool, listing, recording) for recording in listing.recordings]


def contradiction(entry: Entry, recording: Recording) -> str | None:
    """Say why a listed recording is not the one we hold under the same key, or None if it is."""
    ours = {m.medium.index: (m.medium.size_bytes, m.sha256) for m in entry.media}
    theirs = {m.index: m for m in recording.media}
    same = ours.keys() == theirs.keys() and all(
        (medium.size_bytes == ours[index][0] or not medium.size_exact)
        and medium.sha256 in (None, ours[index][1])
        for index, medium in theirs.items()
    )
    if same:
        return None
    return (
        "the recorder lists other content under the id and generation of a recording that is"
        f" already {entry.state}"
    )


def _as_begun(spool: Spool, listing: Listing, recording: Recording) -> Recording:
    key = listing.earlier.get(recording.key, recording.key)
    if key == recording.key and key not in listing.live:
        return recording
    held = spool.known(key)
    return recording if held is None else replace(recording, key=key, media=held.recording.media)
