"""From what a recorder lists to recordings we can pull: strict about content, kind about labels."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from device.core.link.listing import (
    Holding,
    Kind,
    MediumItem,
    RecordingItem,
    Timebase,
    decode_item,
    items_digest,
)
from device.errors import ProtocolViolation
from device.model import MediaKind, Medium, RecorderId, Recording, RecordingKey, Rejected

ABSURD_BYTES = 1 << 46
"""64 TiB: no recorder holds a medium of this size."""

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CONTENT_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+( *; *[a-z0-9_-]+=[a-z0-9_.-]+)*")
_KINDS = {Kind.AUDIO: MediaKind.AUDIO, Kind.IMAGE: MediaKind.IMAGE, Kind.VIDEO: MediaKind.VIDEO}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """When the recorder's present up-time began, by our clock."""

    boot: bytes
    at: datetime


def sort_items(encoded: Sequence[bytes]) -> tuple[tuple[RecordingItem, ...], tuple[Rejected, ...]]:
    """Separate a listing into complete recordings and what cannot be pulled.

    Recordings that a recorder keeps after their release are in neither; an open one is no failure.
    Two different items under one key are both rejected: nothing says which of them a release would
    delete.
    """
    items: list[RecordingItem] = []
    rejected: list[Rejected] = []
    for place, raw in enumerate(dict.fromkeys(encoded)):
        try:
            item = decode_item(RecordingItem, raw)
        except ProtocolViolation as violation:
            rejected.append(Rejected(recording=f"item {place}", reason=str(violation)))
            continue
        if item.state == Holding.COMPLETE:
            items.append(item)
        elif item.state == Holding.OPEN:
            rejected.append(replace(_rejected(item, "still being recorded"), failed=False))
        elif item.state != Holding.KEPT:
            rejected.append(_rejected(item, f"it is in a state ({item.state}) nobody has defined"))
    rejected += (
        Rejected(recording=raw_key(raw), reason="it is listed more than once")
        for raw, times in Counter(encoded).items()
        if times > 1
    )
    keys = Counter((item.recording, item.generation) for item in items)
    twice = {key for key, times in keys.items() if times > 1}
    rejected += (
        _rejected(item, "two different recordings have this id and generation")
        for item in items
        if (item.recording, item.generation) in twice
    )
    kept = (item for item in items if (item.recording, item.generation) not in twice)
    return tuple(kept), tuple(rejected)


def recording_of(
    item: RecordingItem, media: Sequence[bytes], recorder: RecorderId, start: Start | None
) -> Recording | Rejected:
    """Join an item and its manifest to a recording, or say why that is impossible."""
    if items_digest(media) != item.manifest:
        return _rejected(item, "its manifest does not have the digest that was listed")
    try:
        found = [decode_item(MediumItem, encoded) for encoded in media]
        _check(item, found)
    except ProtocolViolation as violation:
        return _rejected(item, str(violation))
    trusted = item.timebase == Timebase.UTC
    started = _moment(item.started_ms, item, start)
    return Recording(
        key=RecordingKey(
            recorder=recorder, recording=item.recording.hex(), generation=item.generation
        ),
        media=tuple(
            Medium(
                index=medium.index,
                name=safe_label(medium.name) or f"medium-{medium.index}",
                kind=_KINDS[Kind(medium.kind)],
                content_type=_content_type(medium.content_type),
                size_bytes=medium.size_bytes,
                sha256=medium.sha256.hex(),
                captured_at=_captured(medium, item, start, started),
                captured_at_trusted=trusted,
                t_offset_ms=medium.t_offset_ms,
            )
            for medium in found
        ),
        started_at=started,
        ended_at=_moment(item.ended_ms, item, start),
        times_trusted=trusted,
        metadata=_metadata(item.metadata or {}),
    )


def safe_label(name: str | None) -> str:
    """Return a name fit for a table or a log: no separators, control characters, leading dots."""
    printable = "".join(c if c.isprintable() and c not in "/\\:" else "_" for c in name or "")
    return printable.strip().lstrip(".")[:128]


def raw_key(encoded: bytes) -> str:
    """Name an item for people: its id if it has one."""
    try:
        return decode_item(RecordingItem, encoded).recording.hex()
    except ProtocolViolation:
        return "an unreadable item"


def _check(item: RecordingItem, media: Sequence[MediumItem]) -> None:
    if not media:
        raise ProtocolViolation("it has no media")
    if [medium.index for medium in media] != list(range(item.media)):
        raise ProtocolViolation("its media are not numbered from 0 to the count that was listed")
    if any(medium.kind not in tuple(Kind) for medium in media):
        raise ProtocolViolation("a medium is of a kind nobody has defined")
    if any(medium.size_bytes > ABSURD_BYTES for medium in media):
        raise ProtocolViolation("a medium has a size that is not possible")
    if sum(medium.size_bytes for medium in media) != item.size_bytes:
        raise ProtocolViolation("its media do not add up to the size that was listed")


def _rejected(item: RecordingItem, reason: str) -> Rejected:
    return Rejected(recording=item.recording.hex(), reason=reason)


def _content_type(listed: str) -> str:
    wanted = listed.lower()
    return wanted if _CONTENT_TYPE.fullmatch(wanted) else "application/octet-stream"


def _metadata(listed: Mapping[str, str]) -> dict[str, str]:
    return {
        safe_label(key): "".join(c for c in value if c.isprintable())
        for key, value in listed.items()
        if safe_label(key)
    }


def _moment(ms: int | None, item: RecordingItem, start: Start | None) -> datetime | None:
    """Turn a time of the recorder into UTC; None when that is not possible or not sane."""
    if ms is None:
        return None
    base = _EPOCH
    if item.timebase == Timebase.UPTIME:
        if start is None or item.boot != start.boot:
            return None
        base = start.at
    elif item.timebase not in tuple(Timebase):
        return None
    try:
        moment = base + timedelta(milliseconds=ms)
    except OverflowError:
        return None
    return moment if _EARLIEST <= moment < _LATEST else None


def _captured(
    medium: MediumItem, item: RecordingItem, start: Start | None, started: datetime | None
) -> datetime | None:
    if medium.captured_ms is not None:
        return _moment(medium.captured_ms, item, start)
    if started is None or medium.t_offset_ms is None:
        return None
    try:
        moment = started + timedelta(milliseconds=medium.t_offset_ms)
    except OverflowError:
        return None
    return moment if _EARLIEST <= moment < _LATEST else None
