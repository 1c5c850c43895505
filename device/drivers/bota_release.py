"""Let a Bota recorder delete: only what the cloud has, only by its digest, and seen to be gone."""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from device.core.bota_ble import commands
from device.core.bota_ble.listing import Listed
from device.core.bota_ble.transfer import LIVE_S
from device.drivers.bota_listing import look
from device.drivers.bota_read import Running
from device.drivers.bota_session import Session
from device.errors import DigestMismatch, ProtocolViolation, RecorderBusy

TRIES = 3
"""CONFIRM is not answered and may get lost."""


@dataclass(kw_only=True)
class Proof:
    """What is known of a recording's bytes: in this connection, and from earlier ones."""

    remembered: Callable[[Listed], str | None]
    """The digest that a recording listed so had when it was read last."""
    digest: str | None = None
    """Of what this connection has read whole and acknowledged."""


async def release(
    session: Session, file_id: bytes, generation: int, sha256: str, proof: Proof
) -> None:
    """Confirm a recording until it is not listed any more. The caller holds the session's turn.

    A digest from an earlier connection spares reading the recording again, where the recorder
    deletes without more ado. Some firmware may delete only what was acknowledged since it was
    connected: it keeps the recording, which is then read and acknowledged, once per connection.

    Args:
        session: The open recorder.
        file_id: What its commands call the recording.
        generation: Another one under the same id is not touched.
        sha256: What the cloud has.
        proof: Brought up to date, for the next time.

    Raises:
        DigestMismatch: The recorder holds something else; nothing is deleted.
        RecorderBusy: The recorder owns its recordings for now, or still makes this one.
        ProtocolViolation: It keeps the recording, or nobody can tell.
        LinkLost: It went away.
    """
    entry = await _listed(session, file_id, generation)
    for _ in range(TRIES):
        if entry is None:
            return
        trusted = proof.digest is None and proof.remembered(entry) == sha256
        if proof.digest is None and not trusted:
            proof.digest = await whole_digest(session, file_id)
        if not trusted and proof.digest != sha256:
            raise DigestMismatch("the recorder holds other bytes than the cloud has")
        await session.command(commands.confirm(file_id))
        entry = await _listed(session, file_id, generation)
        proof.remembered = _nothing  # what was tried and did not do
    if entry is not None:
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


async def _listed(session: Session, file_id: bytes, generation: int) -> Listed | None:
    """Find a recording in the listing; absence counts only in a listing that is whole."""
    shelf = await look(session)
    if file_id in shelf.found.contradicted:
        raise ProtocolViolation("the recorder lists this id twice with different content")
    for entry in shelf.found.entries:
        if entry.file_id != file_id:
            continue
        if generation not in (entry.generation, entry.live_generation):
            return None
        # Its end was seen, or it would not be released; the recorder has to say so as well. Where
        # that is a guess, a recording whose listing has not moved since it was read is no guess.
        settled = shelf.guessed and generation == entry.generation
        if file_id in shelf.live and not settled:
            raise RecorderBusy(
                "the recorder lists this recording as still being made", retry_after_s=LIVE_S
            )
        return entry
    if not shelf.found.complete:
        raise ProtocolViolation("the recorder's listing does not agree with its own count")
    return None


def _nothing(_entry: Listed) -> None:
    """Remember no recording."""
