"""What a Bota recorder holds, as recordings: counted against its own figures, and listed twice."""

from datetime import UTC, datetime, timedelta

from device.core.bota_ble import commands
from device.core.bota_ble.gathering import Gathered, Gathering
from device.core.bota_ble.listing import Listed
from device.core.bota_ble.status import KIB, Activity
from device.drivers.bota_session import PLAUSIBLE, Session
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


async def listing(session: Session, recorder: RecorderId, refusal: str | None) -> Listing:
    """List what can be pulled; `refusal` is why nothing can, if that is known already.

    Raises:
        RecorderBusy: The recorder owns its recordings for now.
        LinkLost: It went away.
        ProtocolViolation: Its answers make no sense.
    """
    status = await session.owned()
    live = await session.live(status)
    found = await gather(session)
    recordings: list[Recording] = []
    rejected = [
        Rejected(recording=file_id.hex(), reason="listed twice with different content")
        for file_id in found.contradicted
    ]
    for entry in found.entries:
        if refusal is not None:
            rejected.append(Rejected(recording=entry.file_id.hex(), reason=refusal))
        elif _is_live(entry, found, status.activity, live):
            rejected.append(
                Rejected(recording=entry.file_id.hex(), reason="still being recorded", failed=False)
            )
        else:
            recordings.append(_recording(entry, recorder))
    return Listing(recordings=tuple(recordings), rejected=tuple(rejected), complete=found.complete)


def _is_live(entry: Listed, found: Gathered, activity: Activity, live: bytes | None) -> bool:
    """Whether an entry is, or may be, the recording that is being made."""
    if activity is not Activity.RECORDING:
        return False
    if live is not None:
        return entry.file_id == live
    # Nobody says which: the latest has to wait, finished or not.
    return entry == max(found.entries, key=lambda e: e.started_s or LATEST_S)


LATEST_S = 1 << 32
"""Of a recording that has no start: none is later."""


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
