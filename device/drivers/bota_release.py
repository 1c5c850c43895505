"""Let a Bota recorder delete: only what the cloud has, only by its digest, and seen to be gone."""

from contextlib import aclosing

from device.core.bota_ble import commands
from device.drivers.bota_listing import gather
from device.drivers.bota_read import Running
from device.drivers.bota_session import Session
from device.errors import DigestMismatch, ProtocolViolation

TRIES = 3
"""CONFIRM is not answered and may get lost."""


async def release(
    session: Session, file_id: bytes, generation: int, sha256: str, known: str | None
) -> None:
    """Confirm a recording until it is not listed any more. The caller holds the session's turn.

    Args:
        session: The open recorder.
        file_id: What its commands call the recording.
        generation: Another one under the same id is not touched.
        sha256: What the cloud has.
        known: The digest of what this connection has read and acknowledged; None makes it read the
            recording again, since v1 tells no digest by itself and may delete only what it sent.

    Raises:
        DigestMismatch: The recorder holds something else; nothing is deleted.
        RecorderBusy: The recorder owns its recordings for now.
        ProtocolViolation: It keeps the recording, or nobody can tell.
        LinkLost: It went away.
    """
    for _ in range(TRIES):
        await session.owned()
        if not await _listed(session, file_id, generation):
            return
        if known is None:
            known = await whole_digest(session, file_id)
        if known != sha256:
            raise DigestMismatch("the recorder holds other bytes than the cloud has")
        await session.command(commands.confirm(file_id))
        if not await _listed(session, file_id, generation):
            return
        known = None
    raise ProtocolViolation("the recorder still lists what it was allowed to delete")


async def whole_digest(session: Session, file_id: bytes) -> str:
    """Read a recording only for its digest, and acknowledge it.

    Raises:
        LinkLost: The recorder went away.
        RecorderError: It cannot send the recording.
    """
    running = Running(session, file_id)
    try:
        await running.begin()
        async with aclosing(running.chunks()) as chunks:
            async for _ in chunks:
                pass
    finally:
        await running.leave()
    return running.digest or ""


async def _listed(session: Session, file_id: bytes, generation: int) -> bool:
    """Whether the recorder lists the recording; absence counts only in a listing that is whole."""
    found = await gather(session)
    if file_id in found.contradicted:
        raise ProtocolViolation("the recorder lists this id twice with different content")
    for entry in found.entries:
        if entry.file_id == file_id:
            return entry.generation == generation
    if not found.complete:
        raise ProtocolViolation("the recorder's listing does not agree with its own count")
    return False
