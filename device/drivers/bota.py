"""The driver of Bota recorders: the v1 plain profile over Bluetooth (core/bota_ble)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, contextmanager
from pathlib import Path

from device.clock import Clock
from device.core.bota_ble import uuids
from device.core.bota_ble.codes import NEVER, V2_HINT, BotaError
from device.core.bota_ble.commands import FILE_ID_BYTES
from device.core.bota_ble.status import Activity, parse_status
from device.drivers import Opening
from device.drivers.bota_digests import Digests
from device.drivers.bota_errand import refusals
from device.drivers.bota_info import info_of
from device.drivers.bota_listing import Shelf, finished, listing, look
from device.drivers.bota_read import Running
from device.drivers.bota_release import Proof, release
from device.drivers.bota_session import NEEDED, Session
from device.errors import (
    ConfigInvalid,
    LinkLost,
    LinkReason,
    LinkUnavailable,
    MediumGone,
    ProtocolViolation,
    RecorderRefused,
)
from device.links.bluetooth_place import Place
from device.links.connection import Connection
from device.links.gatt import open_gatt
from device.model import (
    BlockHashes,
    Listing,
    Medium,
    RecorderId,
    RecorderInfo,
    Recording,
    RecordingKey,
)

logger = logging.getLogger(__name__)

OGG = b"OggS"
"""How every recording begins that these recorders are known to make (§9)."""


async def open_bota(opening: Opening) -> "BotaDriver":
    """Find the recorder that the URL names, connect, and greet it.

    Raises:
        LinkUnavailable: It cannot be reached, is not paired, or is no such recorder.
        ConfigInvalid: The URL is wrong, or `release` asks for something that only folders can do.
    """
    if opening.release not in ("delete", "keep"):
        raise ConfigInvalid([f"{opening.url}: release is delete or keep, not {opening.release!r}"])
    connection = await open_gatt(Place.parse(opening.url), *NEEDED)
    try:
        return await open_on(
            connection,
            opening.clock,
            release=opening.release,
            live=opening.live,
            cache=opening.cache,
        )
    except LinkLost as lost:
        raise LinkUnavailable(
            f"nothing answers at {opening.url}: {lost}", reason=LinkReason.NO_ANSWER
        ) from lost


async def open_on(
    connection: Connection,
    clock: Clock,
    *,
    release: str,
    live: bool = False,
    cache: Path,
) -> "BotaDriver":
    """Greet the recorder on an open connection; the connection is closed if that fails.

    Args:
        connection: Open, and taken over.
        clock: Sets the recorder's, and times its silences.
        release: delete or keep.
        live: Whether to pull what is still being recorded.
        cache: Where digests are remembered.

    Raises:
        LinkUnavailable: It wants to be paired.
        LinkLost: It went away.
        ProtocolViolation: What answers is no use.
    """
    session = Session(connection, clock)
    async with AsyncExitStack() as undo:
        undo.push_async_callback(connection.aclose)
        with refusals(connection, "to say who it is"):
            await session.greet()
        digests = await asyncio.to_thread(Digests, cache, session.serial)
        undo.pop_all()
    return BotaDriver(session, deletes=release == "delete", live=live, digests=digests)


class BotaDriver:
    """See `Driver`. v1 begins every transfer at byte 0, so a prefix is compared on the way.

    `block_hashes` has the recorder send the prefix again, and the `read` that follows goes on with
    the same transfer: comparing costs nothing that resuming would not cost anyway.
    """

    resumable = True

    def __init__(self, session: Session, *, deletes: bool, live: bool, digests: Digests) -> None:
        """Use `open_on`."""
        self._session = session
        self._recorder = RecorderId(f"bota:{session.serial}")
        self._deletes = deletes
        self._pulls_live = live
        self._digests = digests
        self._running: Running | None = None
        self._proofs: dict[RecordingKey, Proof] = {}
        """Of what this connection has read whole and acknowledged."""
        self._shelf: Shelf | None = None
        """As looked at last."""
        self._live: frozenset[RecordingKey] = frozenset()
        """Listed last as still being made."""
        self._refusal: str | None = None
        """Why this recorder gives nothing away, once it has said so."""
        self._refusals: dict[bytes, str] = {}
        """Why it does not give these, which asking again does not change."""
        self._told: tuple[int, bool, bool] | None = None

    async def info(self) -> RecorderInfo:
        """See `Driver.info`. v1 has no clock that can be read."""
        async with self._session.turn:
            return await info_of(self._session, self._recorder)

    async def recordings(self) -> Listing:
        """See `Driver.recordings`."""
        async with self._session.turn:
            await self._settle()
            self._shelf = shelf = await look(self._session)
        found = listing(shelf, self._recorder, refused=self._why_not, live=self._pulls_live)
        self._live = found.live
        if found.complete:
            self._digests.keep_only(shelf.found.entries)
            await asyncio.to_thread(self._digests.save)
        return found

    async def read(self, recording: Recording, medium: Medium, offset: int) -> AsyncIterator[bytes]:
        """See `Driver.read`. Ends only after the recorder's checksum agreed with every byte."""
        del medium  # there is one
        running = await self._at(recording.key, offset)
        try:
            with self._learning(recording.key):
                async with aclosing(running.chunks()) as chunks:
                    async for chunk in chunks:
                        if chunk and running.position == len(chunk) and not chunk.startswith(OGG):
                            logger.warning(
                                "The recording is no OGG file, and is taken as it is",
                                extra={"recording": recording.key.recording},
                            )
                        fresh = chunk[max(0, offset - running.position + len(chunk)) :]
                        if fresh:
                            yield fresh
        finally:
            await running.leave()
        if not running.position and recording.media[0].size_bytes:
            # Its checksum of nothing agrees, and the cloud would have nothing: never a reason to
            # delete what it lists.
            raise ProtocolViolation("the recorder lists this recording, and sends no byte of it")
        if running.disputed:
            logger.warning(
                "The recorder told a hash that is not that of the bytes",
                extra={"recording": recording.key.recording},
            )
        if running.digest is not None:
            await self._remember(recording.key, running.digest)

    async def block_hashes(
        self, recording: Recording, medium: Medium, upto: int
    ) -> BlockHashes | None:
        """See `Driver.block_hashes`. Has the recorder send the bytes; `read` goes on from there."""
        del medium
        async with self._session.turn:
            await self._settle()
            async with AsyncExitStack() as undo:
                undo.push_async_callback(self._settle)
                running = await self._begin(recording.key)
                with self._learning(recording.key):
                    hashes = await running.hashes(upto)
                undo.pop_all()
            return hashes

    async def release(self, key: RecordingKey, sha256: tuple[str, ...]) -> None:
        """See `Driver.release`. With `release = "keep"` the recorder is not asked at all."""
        if not self._deletes:
            return
        async with self._session.turn:
            await self._settle()
            proof = self._proofs.setdefault(key, Proof(remembered=self._digests.known))
            (wanted,) = sha256
            await release(self._session, _file_id(key), key.generation, wanted, proof)
            del self._proofs[key]
            self._digests.forget(_file_id(key))
            await asyncio.to_thread(self._digests.save)

    async def changed(self) -> None:
        """See `Driver.changed`. A new recording shows in the count, or by the state it leaves.

        Raises:
            LinkLost: The recorder went away.
        """
        while True:
            value = await self._session.statuses.next(None)
            try:
                status = parse_status(value or b"")
            except ProtocolViolation:
                continue
            recording = status.activity is Activity.RECORDING
            told = (status.pending, recording, status.sync_active)
            if told != self._told:
                self._told = told
                return

    async def aclose(self) -> None:
        """See `Driver.aclose`."""
        try:
            if self._running is not None:
                await self._running.leave(drain=False)
        finally:
            await self._session.connection.aclose()

    async def _at(self, key: RecordingKey, offset: int) -> Running:
        """Return a transfer that has not passed `offset`: the one under way, or a new one."""
        async with self._session.turn:
            running = self._running
            file_id = _file_id(key)
            if running is None or not running.leads_to(file_id, offset):
                await self._settle()
                async with AsyncExitStack() as undo:
                    undo.push_async_callback(self._settle)
                    running = await self._begin(key)
                    undo.pop_all()
            running.claimed = True
            return running

    async def _begin(self, key: RecordingKey) -> Running:
        live = key in self._live
        self._running = running = Running(self._session, _file_id(key), live=live)
        await running.begin()
        return running

    async def _remember(self, key: RecordingKey, sha256: str) -> None:
        """Keep the digest of what was read to its checked end, and acknowledged."""
        # What was read while it was made has no final listing yet to be remembered by, and its key
        # would fit if it went on after all: it is read once more before it may be deleted.
        entry = finished(self._shelf, _file_id(key), key.generation) if self._shelf else None
        if entry is not None:
            self._proofs[key] = Proof(remembered=self._digests.known, digest=sha256)
            self._digests.remember(entry, sha256)
            await asyncio.to_thread(self._digests.save)

    @contextmanager
    def _learning(self, key: RecordingKey) -> Iterator[None]:
        """Remember a refusal that asking again does not change.

        One that offers encrypted upload (§3, 0406) and does not understand v1 is of that kind too,
        whatever it says: its papers differ on what it should.
        """
        try:
            yield
        except RecorderRefused as refused:
            offers_v2 = self._session.connection.offers(uuids.CAPABILITIES_V2)
            if refused.hint == V2_HINT or (refused.wire_code in NEVER and offers_v2):
                self._refusal = f"{refused}: {V2_HINT}"
                raise RecorderRefused(
                    self._refusal, wire_code=refused.wire_code, hint=V2_HINT
                ) from refused
            if refused.wire_code == BotaError.KEY_UNAVAILABLE:
                self._refusals[_file_id(key)] = str(refused)
            raise

    def _why_not(self, file_id: bytes) -> str | None:
        return self._refusal or self._refusals.get(file_id)

    async def _settle(self) -> None:
        """End what is under way: the recorder does one thing at a time."""
        running, self._running = self._running, None
        if running is not None:
            await running.leave()


def _file_id(key: RecordingKey) -> bytes:
    """Return what commands call a recording.

    Raises:
        MediumGone: No Bota recorder ever listed such a key.
    """
    try:
        file_id = bytes.fromhex(key.recording)
    except ValueError:
        file_id = b""
    if len(file_id) != FILE_ID_BYTES:
        raise MediumGone(f"no Bota recorder has a recording {key.recording!r}")
    return file_id
