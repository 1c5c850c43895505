"""One transfer of a Bota recorder as a stream of bytes that a prefix check can hand on."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from hashlib import sha256

from device.core.bota_ble import commands
from device.core.bota_ble.transfer import DRAIN_S, QUIET_S, Transfer
from device.drivers.bota_session import Session
from device.errors import LinkError, LinkLost
from device.model import BlockHashes

BLOCK_BYTES = 4096
"""A prefix is compared in blocks of this much: less than one is read twice after a cut."""

WHOLE = "this recorder sends a recording in one piece, from its first byte after each cut"
"""Bytes that are held spare nothing on the air: a line that is cut again before it comes beyond
them makes no progress, and its reason says what would help."""


class Running:
    """A transfer under way. The recorder sends without being asked: somebody must read, or leave.

    `position` is the offset of the byte that `chunks` yields next.
    """

    def __init__(self, session: Session, file_id: bytes, *, live: bool = False) -> None:
        """Prepare; `begin` makes the recorder send. `live`: it may still be recording this."""
        self.file_id = file_id
        self._live = live
        self.position = 0
        self.claimed = False
        """Somebody reads it, or has."""
        self._session = session
        self._held = b""
        self._transfer: Transfer | None = None
        self._left = False
        self._leaving = asyncio.Lock()

    @property
    def digest(self) -> str | None:
        """The SHA-256 of the whole recording, once its end was checked."""
        transfer = self._transfer
        return transfer.sha256 if transfer is not None and transfer.done else None

    @property
    def disputed(self) -> bool:
        """Whether the recorder told another hash, and not whose hash it is."""
        return self._transfer is not None and self._transfer.disputed

    def leads_to(self, file_id: bytes, offset: int) -> bool:
        """Whether a read of this recording from `offset` can go on with this transfer."""
        free = not self.claimed and not self._left
        return free and self.file_id == file_id and self.position <= offset

    async def begin(self) -> None:
        """Ask for the recording, after a fresh look at whose it is.

        Raises:
            RecorderBusy: The recorder owns its recordings for now.
            LinkLost: It went away.
        """
        await self._session.owned()
        self._session.packets.clear()
        self._transfer = Transfer(self.file_id, self._session.clock.monotonic(), live=self._live)
        await self._write()

    async def hashes(self, upto: int) -> BlockHashes:
        """Hash the whole blocks within the first `upto` bytes; the stream then goes on from there.

        Raises:
            LinkLost: The recorder went away.
            RecorderError: It cannot send the recording.
        """
        hashes: list[bytes] = []
        gathered = bytearray()
        wanted = upto // BLOCK_BYTES
        if wanted:
            async with aclosing(self.chunks()) as chunks:
                async for chunk in chunks:
                    gathered += chunk
                    while len(gathered) >= BLOCK_BYTES and len(hashes) < wanted:
                        hashes.append(sha256(gathered[:BLOCK_BYTES]).digest())
                        del gathered[:BLOCK_BYTES]
                    if len(hashes) == wanted:
                        break
        self._held = bytes(gathered)
        self.position = len(hashes) * BLOCK_BYTES
        return BlockHashes(block_bytes=BLOCK_BYTES, hashes=tuple(hashes))

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield what comes next, to the end that the recorder's checksum vouches for.

        Raises:
            LinkLost: The recorder went away.
            RecorderBusy: It makes a long pause in what it still records, or owns its recordings.
            RecorderError: It cannot send the recording.
        """
        session, transfer = self._session, self._transfer
        if held := self._take():
            yield held
        while transfer is not None and not transfer.done and not self._left:
            try:
                value = await session.packets.next(transfer.wait_s(session.clock.monotonic()))
            except LinkLost as lost:
                raise LinkLost(f"{lost}; {WHOLE}", hint=lost.hint) from lost
            now_s = session.clock.monotonic()
            chunk = b""
            if value is None and transfer.paused:
                making = await session.making()
                recording = making.recording and making.file_id in (None, self.file_id)
                transfer.looked(session.clock.monotonic(), recording=recording)
            elif value is None:
                transfer.idle(now_s)
            else:
                chunk = transfer.received(value, now_s)
            await self._write()
            if chunk:
                self.position += len(chunk)
                yield chunk
        if self.digest is None:
            raise LinkLost("something else took the recorder's attention")

    async def leave(self, *, drain: bool = True) -> None:
        """Let the recorder go: an ABORT if it still sends, and silence after it. Never raises.

        Args:
            drain: Wait for that silence; not needed where the connection ends anyway.
        """
        if self._left and not drain:
            return
        # A read that nobody closed is left by the event loop, some time: while that still drains,
        # it would take the packets of whatever began in between.
        async with self._leaving:
            if self._left or self._transfer is None:
                return
            self._left = True
            if self._transfer.done:
                return
            self._transfer.leave()
            with suppress(LinkError):
                await self._write()
                if drain:
                    await self._drain()

    async def _drain(self) -> None:
        """Throw away what is still on its way, not to be taken for a part of the next transfer."""
        clock, packets = self._session.clock, self._session.packets
        until_s = clock.monotonic() + DRAIN_S
        while clock.monotonic() < until_s and await packets.next(QUIET_S) is not None:
            pass

    def _take(self) -> bytes:
        held, self._held = self._held, b""
        self.position += len(held)
        return held

    async def _write(self) -> None:
        transfer = self._transfer
        if transfer is None:
            return
        for value in transfer.to_write():
            if value == commands.ACK:
                # The bytes are whole and checked: a line that breaks now takes nothing from them.
                with suppress(LinkError):
                    await self._session.command(value)
            else:
                await self._session.command(value)
        transfer.written(self._session.clock.monotonic())
