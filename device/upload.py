"""Bring one sealed recording to the cloud: media first, then upload-complete, then the receipt.

Every step is repeatable. What must survive a crash is saved before the step that needs it: the
cloud's name for the recording, the upload session before byte 0, the evidence before the next
medium, the receipt before anybody hears of it. Retries with pauses are the dispatcher's; here only
questions that cost no bytes are repeated, a bounded number of times.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from device.ahead import Ahead
from device.clock import Clock
from device.cloud import Cloud, CloudRef
from device.config import UploadConfig
from device.core.uploads.classify import Stores
from device.core.uploads.order import digest_medium, sending_order
from device.errors import (
    CloudError,
    CloudUnreachable,
    FieldpostError,
    MediaMissing,
    SpoolFull,
    Uncarried,
)
from device.fan import fan_out
from device.medium_upload import MediumUpload
from device.model import (
    Entry,
    EntryId,
    Evidence,
    Manifest,
    MediaKind,
    Receipt,
    SealedMedium,
    State,
    Target,
)
from device.progress import Progress
from device.transport import Transport
from device.upload_slots import UploadSlots
from device.upload_targets import Way

if TYPE_CHECKING:
    from device.spool.spool import Spool

logger = logging.getLogger(__name__)

_CLOUD, _AT = "cloud", "cloud_at"
"""Keys of an entry's cloud reference: name and origin of the cloud that the rest of it is about."""


async def upload_entry(  # noqa: PLR0913 - each is a seam of the composition root
    entry_id: EntryId,
    *,
    spool: "Spool",
    cloud: Cloud,
    transport: Transport,
    clock: Clock,
    stores: Stores,
    settings: UploadConfig,
    progress: Progress,
    slots: UploadSlots,
) -> Entry:
    """Run one sealed entry to STORED and return it; any other entry is returned as it is.

    A medium takes one of `slots` while it goes up; pictures of one entry may take them all.

    Raises:
        CloudError: It could not be brought there now; `transient` says whether later may do.
        SpoolDamaged: The sealed bytes are not what was sealed.
        SpoolStorageFailed: The disk failed.
    """
    turn = slots.turn()  # before anything is waited for: a large entry takes longer to look up
    entry = await asyncio.to_thread(spool.entry, entry_id)
    if entry.state is not State.SEALED:
        return entry
    way = Way(
        spool=spool,
        cloud=cloud,
        transport=transport,
        clock=clock,
        stores=stores,
        settings=settings,
        progress=progress,
        slots=slots,
        turn=turn,
    )
    moved = entry.cloud_ref.get(_AT, cloud.origin) != cloud.origin
    if moved or entry.cloud_ref.get(_CLOUD, cloud.name) != cloud.name:
        # The configuration has changed: what went elsewhere is acknowledged by nobody here.
        await _forget(way, entry_id, ())
        if moved:
            # Nor does what the same API said at another address count at this one.
            await asyncio.to_thread(spool.save_cloud_ref, entry_id, {})
        entry = await asyncio.to_thread(spool.entry, entry_id)
    if any(medium.parts for medium in entry.media):
        await asyncio.to_thread(spool.make_parts, entry_id)
    whole: set[int] = set()
    while True:
        try:
            receipt = await _deliver(way, entry, whole)
        except Uncarried as uncarried:
            entry = await _cut(way, entry, uncarried, whole)
        else:
            return await asyncio.to_thread(spool.store, entry_id, receipt)


async def _deliver(way: Way, entry: Entry, whole: set[int]) -> Receipt:
    """Open the recording in the cloud, send all that is to be sent, and complete it."""
    manifest = await asyncio.to_thread(way.spool.manifest, entry.id)
    known = await way.cloud.open(manifest, entry.cloud_ref)
    ref = {**known, _CLOUD: way.cloud.name, _AT: way.cloud.origin}
    if ref != dict(entry.cloud_ref):
        await asyncio.to_thread(way.spool.save_cloud_ref, entry.id, ref)
    try:
        return await _send_and_complete(way, entry, manifest, ref, whole)
    except MediaMissing as missing:
        await _forget(way, entry.id, missing.refs)
        entry = await asyncio.to_thread(way.spool.entry, entry.id)
        return await _send_and_complete(way, entry, manifest, entry.cloud_ref, whole)


async def _cut(way: Way, entry: Entry, uncarried: Uncarried, whole: set[int]) -> Entry:
    """Cut a medium that the link cannot carry; where the disk is too full it goes whole."""
    try:
        cut = await asyncio.to_thread(
            way.spool.cut,
            entry.id,
            uncarried.index,
            reason=uncarried.reason,
            part_bytes=uncarried.part_bytes,
            part_s=uncarried.part_s,
        )
    except SpoolFull as full:
        whole.add(uncarried.index)
        logger.warning(
            "No room to cut audio into parts",
            extra={"recording_id": entry.id, "reason": str(full)},
        )
        return await asyncio.to_thread(way.spool.entry, entry.id)
    for medium in cut.media:
        if medium.cut is not None and medium.cut.index == uncarried.index:
            facts = {"recording_id": entry.id, "reason": medium.cut.reason}
            logger.info("Audio goes up as was decided", extra=facts)
    return cut


async def _send_and_complete(
    way: Way, entry: Entry, manifest: Manifest, ref: CloudRef, whole: set[int]
) -> Receipt:
    sent = {m.medium.index for m in entry.outgoing if m.evidence is not None}
    waiting = [m for m in sending_order(manifest) if m.index not in sent]
    last = digest_medium(manifest)
    pictures = [m for m in waiting if m.kind is MediaKind.IMAGE and m is not last]
    ref = await _send_pictures(way, entry, manifest, pictures, ref)
    sent |= {medium.index for medium in pictures}
    for medium in waiting:
        if medium.index in sent:
            continue
        upload = MediumUpload(way, entry, manifest, medium, whole=medium.index in whole)
        try:
            async with way.slots.held(way.turn):
                await upload.run(ref)
        except CloudUnreachable:
            # One lost answer must not cost a whole PUT again: if nothing else is outstanding and
            # the recording's digest is this medium's, the API can prove that it did arrive.
            alike = sum(m.sha256 == last.sha256 for m in manifest.media)
            provable = medium is last and alike == 1 and len(sent) == len(manifest.media) - 1
            if not (upload.may_be_whole and provable):
                raise
            receipt = await _proven(way, entry, manifest, ref, upload)
            if receipt is None:
                raise
            return receipt
        sent.add(medium.index)
        if upload.landed is not None:
            # At once: what an API is told of a medium may name a URL that lives for minutes only.
            ref = await _tell(way, entry.id, manifest, medium, upload.landed, ref)
    return await way.cloud.complete(manifest, await _report(way, entry.id, manifest, ref))


async def _send_pictures(
    way: Way,
    entry: Entry,
    manifest: Manifest,
    pictures: Sequence[SealedMedium],
    ref: CloudRef,
) -> CloudRef:
    """Send pictures together: what is small waits for answers and disks, not for the line.

    Twice as many as have a slot: those without wait for our own disk, or for a slot. A few of
    these are in memory by then, so that what gets a slot is on the line at once.
    """
    telling = asyncio.Lock()
    ahead = Ahead(way, entry, manifest, pictures)
    has_failed = False

    async def tell(upload: MediumUpload, medium: SealedMedium) -> None:
        nonlocal ref
        await upload.kept()
        if upload.landed is not None:
            async with telling:
                ref = await _tell(way, entry.id, manifest, medium, upload.landed, ref)

    async def send(medium: SealedMedium) -> None:
        async with way.transport.near.held(way.turn):
            # Not before its turn: an URL may live for a minute only.
            fresh = await ahead.session(medium, ref)
            upload = MediumUpload(way, entry, manifest, medium, fresh=fresh)
            await upload.load()
            if has_failed:
                return
            await way.slots.acquire(way.turn)
        try:
            await upload.carry(ref)
            if fresh is None:
                # The next one's URL may live for a minute only: not asked for before this is told.
                await tell(upload, medium)
        finally:
            way.slots.release()
        if fresh is not None:
            await tell(upload, medium)

    async def send_or_dismiss(medium: SealedMedium) -> None:
        nonlocal has_failed
        try:
            await send(medium)
        except FieldpostError:
            has_failed = True
            way.transport.near.dismiss(way.turn)
            way.slots.dismiss(way.turn)
            raise

    await fan_out(pictures, send_or_dismiss, at_once=2 * way.settings.workers)
    return ref


async def _proven(
    way: Way, entry: Entry, manifest: Manifest, ref: CloudRef, upload: MediumUpload
) -> Receipt | None:
    """Ask the API whether it has the one medium in doubt, the one of the recording's digest."""
    try:
        ref = await _report(way, entry.id, manifest, ref)
        receipt = await way.cloud.complete(manifest, ref)
    except MediaMissing:
        await upload.not_arrived()
        return None
    except CloudError:
        return None
    # Without the echoed digest, "complete" proves nothing about the medium in doubt.
    return receipt if receipt.sha256 == digest_medium(manifest).sha256 else None


async def _report(way: Way, entry_id: EntryId, manifest: Manifest, ref: CloudRef) -> CloudRef:
    """Tell the API of each medium, again after a restart; clouds leave out what they have kept."""
    entry = await asyncio.to_thread(way.spool.entry, entry_id)
    states = {m.medium.index: m for m in entry.outgoing}
    for medium in manifest.media:
        state = states[medium.index]
        if state.session is not None and state.evidence is not None:
            landed = state.session.target, state.evidence
            ref = await _tell(way, entry_id, manifest, medium, landed, ref)
    return ref


async def _tell(  # noqa: PLR0913, PLR0917 - each names a part of one fact
    way: Way,
    entry_id: EntryId,
    manifest: Manifest,
    medium: SealedMedium,
    landed: tuple[Target, Evidence],
    ref: CloudRef,
) -> CloudRef:
    """Tell the API of one medium, and keep what it says before anything else happens."""
    told = await way.cloud.stored(manifest, medium, *landed, ref)
    if dict(told) != dict(ref):
        await asyncio.to_thread(way.spool.save_cloud_ref, entry_id, told)
    return told


async def _forget(way: Way, entry_id: EntryId, refs: tuple[str, ...]) -> None:
    """Drop the evidence of media that the cloud does not have; of all if it names none of ours."""
    entry = await asyncio.to_thread(way.spool.entry, entry_id)
    named = [
        m.medium.index
        for m in entry.outgoing
        if m.session is not None and not _names(m.session.target).isdisjoint(refs)
    ]
    sizes = {m.medium.index: m.medium.size_bytes for m in entry.outgoing if m.evidence is not None}
    for index in named or [m.medium.index for m in entry.outgoing]:
        await asyncio.to_thread(way.spool.count_resent, entry_id, sizes.get(index, 0))
        await asyncio.to_thread(way.spool.save_session, entry_id, index, None)
        await asyncio.to_thread(way.spool.save_evidence, entry_id, index, None)


def _names(target: Target) -> set[str]:
    """Return what a cloud may call a medium by: its own name, or that of the part it is in."""
    return {target.ref[key] for key in ("media_id", "part") if key in target.ref}
