"""What a Bota recorder holds, as recordings: counted against its own figures, and listed twice."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from device.core.bota_ble import commands
from device.core.bota_ble.gathering import Gathered, Gathering
from device.core.bota_ble.listing import Listed
from device.core.bota_ble.status import KIB
from device.drivers.bota_session import PLAUSIBLE, Making, Session
from device.model import (
    Listing,
    MediaKind,
    Medium,
    RecorderId,
    Recording,
    RecordingKey,
    Rejected,
)

LONGEST_S = 0xFFFF
"""A duration that stops here says only "at least"."""


async def gather(session: Session) -> Gathered:
    """List once, and once more if the count does not agree. The caller holds the session's turn.

    Raises:
        LinkLost: The recorder went away.
        ProtocolViolation: It does not say how much it holds.
    """
    found = await _once(session)
    return found if found.complete else await _once(session)


async def _once(session: Session) -> Gathered:
    storage = await session.storage()
    session.listed.clear()
    await session.command(commands.LIST)
    now_s = session.clock.monotonic()
    gathering = Gathering(storage, now_s)
    while (wait_s := gathering.wait_s(now_s)) > 0:
        value = await session.listed.next(wait_s)
        if value is None:
            break
        now_s = session.clock.monotonic()
        gathering.received(value, now_s)
    return gathering.result()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """One look at a recorder: what it lists, and which of that is still being made."""

    found: Gathered
    live: frozenset[bytes]
    """Ids. More than one only where a recording ended, or began, while we looked."""
    guessed: bool
    """The recorder does not say which: it is the latest, for all we know."""


async def look(session: Session) -> Shelf:
    """List, between two looks at what is being recorded. The caller holds the session's turn.

    A listing says nothing of that by itself, and takes seconds: who began meanwhile is listed like
    one that is finished, and who ended meanwhile is listed as it was before its end. Both would get
    an identity that the next listing does not know.

    Raises:
        RecorderBusy: The recorder owns its recordings for now.
        LinkLost: It went away.
        ProtocolViolation: Its answers make no sense.
    """
    before = await session.making()
    found = await gather(session)
    after = await session.making()
    making = [each for each in (before, after) if each.recording]
    return Shelf(
        found=found,
        live=frozenset().union(*(_live(found, each) for each in making)),
        guessed=any(each.file_id is None for each in making),
    )


def _live(found: Gathered, making: Making) -> frozenset[bytes]:
    """Return which entry is, or may be, the recording that is being made."""
    if making.file_id is not None:
        return frozenset({making.file_id})
    # Nobody says which: the latest has to wait, finished or not.
    latest = max(found.entries, key=lambda e: e.started_s or LATEST_S, default=None)
    return frozenset({latest.file_id} if latest is not None else ())


LATEST_S = 1 << 32
"""Of a recording that has no start: none is later."""


def listing(
    shelf: Shelf,
    recorder: RecorderId,
    *,
    refused: Callable[[bytes], str | None],
    live: bool,
) -> Listing:
    """Tell what can be pulled.

    Args:
        shelf: What the recorder lists.
        recorder: Who it is.
        refused: Why it has refused a recording on this connection, if it has.
        live: Offer the one that is still being made too. It comes last: it ends when somebody
            stops it, and until then nothing else can be pulled.
    """
    recordings: list[Recording] = []
    earlier: dict[RecordingKey, RecordingKey] = {}
    growing: list[Recording] = []
    rejected = [
        Rejected(recording=file_id.hex(), reason="listed twice with different content")
        for file_id in shelf.found.contradicted
    ]
    for entry in shelf.found.entries:
        recording = _recording(entry, recorder)
        key = _live_key(entry, recorder)
        if (refusal := refused(entry.file_id)) is not None:
            rejected.append(Rejected(recording=entry.file_id.hex(), reason=refusal))
        elif entry.file_id not in shelf.live:
            recordings.append(recording)
            if key is not None:
                earlier[recording.key] = key
        elif live and key is not None and shelf.live == {entry.file_id}:
            growing.append(replace(recording, key=key, ended_at=None))
        else:
            rejected.append(
                Rejected(recording=entry.file_id.hex(), reason="still being recorded", failed=False)
            )
    return Listing(
        recordings=(*recordings, *growing),
        rejected=tuple(rejected),
        complete=shelf.found.complete,
        live=frozenset(each.key for each in growing),
        earlier=earlier,
    )


def finished(shelf: Shelf, file_id: bytes, generation: int) -> Listed | None:
    """Find the entry of a recording that is not being made any more; None if there is none."""
    for entry in shelf.found.entries:
        known_as = (entry.generation, entry.live_generation)
        if entry.file_id == file_id and generation in known_as and file_id not in shelf.live:
            return entry
    return None


def _live_key(entry: Listed, recorder: RecorderId) -> RecordingKey | None:
    """Return what a recording is known as while it is made, and by who began to pull it then."""
    if entry.live_generation is None:
        return None
    return RecordingKey(
        recorder=recorder, recording=entry.file_id.hex(), generation=entry.live_generation
    )


def _recording(entry: Listed, recorder: RecorderId) -> Recording:
    name = entry.file_id.hex()
    started = datetime.fromtimestamp(entry.started_s, UTC) if entry.started_s else None
    trusted = started is not None and started >= PLAUSIBLE
    ended = None
    if started is not None and entry.duration_s < LONGEST_S:
        ended = started + timedelta(seconds=entry.duration_s)
    medium = Medium(
        index=0,
        name=f"{name}.ogg",
        kind=MediaKind.AUDIO,
        content_type="audio/ogg",
        size_bytes=entry.size_kib * KIB,
        size_exact=False,
        captured_at=started,
        captured_at_trusted=trusted,
    )
    return Recording(
        key=RecordingKey(recorder=recorder, recording=name, generation=entry.generation),
        media=(medium,),
        started_at=started,
        ended_at=ended,
        times_trusted=trusted,
    )
