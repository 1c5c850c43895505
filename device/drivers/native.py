"""The driver of recorders that speak the native link protocol (core/link/PROTOCOL.md)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from urllib.parse import urlsplit

from device import links, registry
from device.clock import Clock
from device.core.link.answers import HASH_BYTES, Done, HashesAre, RecordIs, StateIs
from device.core.link.codes import ErrorCode
from device.core.link.listing import Holding, media_digest
from device.core.link.reader import Source
from device.core.link.requests import (
    ACTION_START,
    ACTION_STOP,
    Hashes,
    Ping,
    Record,
    Release,
    State,
)
from device.drivers import Opening
from device.drivers.native_clock import RecorderClock
from device.drivers.native_listing import Listings
from device.drivers.native_read import stream
from device.drivers.native_session import Session
from device.errors import (
    ConfigInvalid,
    LinkLost,
    LinkReason,
    LinkUnavailable,
    MediumGone,
    ProtocolViolation,
    RecorderRefused,
)
from device.links import Link
from device.model import (
    BlockHashes,
    Listing,
    Medium,
    RecorderId,
    RecorderInfo,
    Recording,
    RecordingKey,
    RecordOrder,
    Take,
)

HASHES_PER_REQUEST = 64
FULL_PERCENT = 100
MIN_BLOCK_BYTES = 1024
LONGEST_TAKE_MS = 1 << 40
MAX_BLOCK_BYTES = 16 * 1024 * 1024
"""A block is read into memory to be compared."""


async def open_native(opening: Opening) -> "NativeDriver":
    """Open the link that the URL names and greet the recorder behind it.

    Raises:
        LinkUnavailable: It cannot be opened, or nothing there speaks the protocol.
        ConfigInvalid: `release` asks for something that only folders can do.
    """
    if opening.release not in ("delete", "keep"):
        raise ConfigInvalid([f"{opening.url}: release is delete or keep, not {opening.release!r}"])
    scheme = urlsplit(opening.url).scheme
    link: Link = await registry.resolve("links", links.BUILTIN, scheme).open(opening.url)
    try:
        return await open_on(link, opening.clock, release=opening.release)
    except LinkLost as lost:
        raise LinkUnavailable(
            f"nothing answers at {opening.url}: {lost}", reason=LinkReason.NO_ANSWER
        ) from lost


async def open_on(link: Link, clock: Clock, *, release: str) -> "NativeDriver":
    """Greet the recorder on an open link; the link is closed if that fails.

    Raises:
        LinkLost: It went away, or nothing answers.
        RecorderError: What answers is no use.
    """
    session = Session(link, clock)
    async with AsyncExitStack() as undo:
        undo.push_async_callback(session.aclose)
        welcome = await session.greet()
        if not welcome.serial.strip() or not welcome.serial.isprintable():
            raise ProtocolViolation("the recorder has no usable serial number")
        undo.pop_all()
    return NativeDriver(
        session,
        clock,
        welcome.serial,
        deletes=release == "delete",
        records=bool(welcome.records),
    )


class NativeDriver:
    """See `Driver`. One read streams at a time; a second one takes the stream from the first."""

    resumable = True

    def __init__(
        self, session: Session, clock: Clock, serial: str, *, deletes: bool, records: bool
    ) -> None:
        self.records = records
        """See `Records.records`: what the recorder said when it was greeted first."""
        self._session = session
        self._clock = clock
        self._recorder = RecorderId(f"native:{serial}")
        self._deletes = deletes
        self._recorder_clock = RecorderClock(session, clock)
        self._listings = Listings(session)

    async def info(self) -> RecorderInfo:
        """See `Driver.info`. Greets anew, so that counters are of now."""
        self._session.welcome = None
        welcome = await self._session.greet()
        return RecorderInfo(
            recorder=self._recorder,
            driver="native",
            model=welcome.model,
            serial=welcome.serial,
            firmware=welcome.firmware,
            capacity_bytes=welcome.capacity_bytes,
            used_bytes=welcome.used_bytes,
            dropped_recordings=welcome.dropped_recordings,
            clock_offset_s=await self._recorder_clock.adjust(),
            battery_percent=_percent(welcome.battery_percent),
            charging=welcome.charging,
        )

    async def recordings(self) -> Listing:
        """See `Driver.recordings`."""
        start = await self._recorder_clock.start()
        return await self._listings.listing(self._recorder, start)

    def read(self, recording: Recording, medium: Medium, offset: int) -> AsyncIterator[bytes]:
        """See `Driver.read`. Yields about half a credit window at a time."""
        source = Source(
            recording=bytes.fromhex(recording.key.recording),
            generation=recording.key.generation,
            index=medium.index,
            size_bytes=medium.size_bytes,
            sha256=bytes.fromhex(medium.sha256) if medium.sha256 else None,
        )
        return stream(self._session, self._clock, source, offset)

    async def block_hashes(
        self, recording: Recording, medium: Medium, upto: int
    ) -> BlockHashes | None:
        """See `Driver.block_hashes`."""
        hashes: list[bytes] = []
        block_bytes = 0
        while not block_bytes or (len(hashes) + 1) * block_bytes <= upto:
            try:
                page = await self._hashes(recording.key, medium.index, len(hashes))
            except RecorderRefused as refused:
                if refused.wire_code in (ErrorCode.UNSUPPORTED, ErrorCode.UNKNOWN_MESSAGE):
                    return None
                raise
            if page.first != len(hashes) or page.block_bytes != (block_bytes or page.block_bytes):
                raise ProtocolViolation("the recorder hashed other blocks than it was asked for")
            possible = MIN_BLOCK_BYTES <= page.block_bytes <= MAX_BLOCK_BYTES
            if len(page.hashes) % HASH_BYTES or not possible:
                raise ProtocolViolation("the recorder's block hashes have an impossible size")
            block_bytes = page.block_bytes
            if not page.hashes:
                break
            hashes += (
                page.hashes[at : at + HASH_BYTES] for at in range(0, len(page.hashes), HASH_BYTES)
            )
        return BlockHashes(block_bytes=block_bytes, hashes=tuple(hashes[: upto // block_bytes]))

    async def release(self, key: RecordingKey, sha256: tuple[str, ...]) -> None:
        """See `Driver.release`. With `release = "keep"` the recorder is not asked at all."""
        if not self._deletes:
            return
        recording = bytes.fromhex(key.recording)
        digest = media_digest(bytes.fromhex(each) for each in sha256)
        with suppress(MediumGone):
            await self._session.ask(
                lambda request: Release(
                    request=request,
                    recording=recording,
                    generation=key.generation,
                    sha256=digest,
                ),
                StateIs,
            )
        after = await self._session.ask(
            lambda request: State(request=request, recording=recording, generation=key.generation),
            StateIs,
        )
        if after.state not in (Holding.GONE, Holding.KEPT):
            raise ProtocolViolation("the recorder still holds what it said it had released")

    async def record(self, order: RecordOrder) -> Take:
        """See `Records.record`."""
        answer = await self._session.ask(
            lambda request: Record(
                request=request,
                order=order.id,
                action=ACTION_START if order.start else ACTION_STOP,
                max_duration_s=order.max_duration_s,
            ),
            RecordIs,
        )
        since_ms = answer.since_ms
        started_at = None
        if since_ms is not None and since_ms < LONGEST_TAKE_MS:
            started_at = self._clock.now() - timedelta(milliseconds=since_ms)
        return Take(
            key=RecordingKey(
                recorder=self._recorder,
                recording=answer.recording.hex(),
                generation=answer.generation,
            ),
            going_on=answer.going_on,
            started_at=started_at,
        )

    async def changed(self) -> None:
        """See `Driver.changed`. Keeps the session alive meanwhile.

        Raises:
            LinkLost: The recorder does not answer any more.
        """
        while not await self._told_of_change():
            done = await self._session.ask(lambda request: Ping(request=request), Done)
            if done.revision is not None and done.revision != self._listings.revision:
                return

    async def aclose(self) -> None:
        """See `Driver.aclose`."""
        await self._session.aclose()

    async def _told_of_change(self) -> bool:
        changes = self._session.changes
        try:
            async with asyncio.timeout(self._session.keep_alive_s()):
                await self._session.wait(changes)
        except TimeoutError:
            return False
        changes.clear()
        return True

    async def _hashes(self, key: RecordingKey, index: int, first: int) -> HashesAre:
        return await self._session.ask(
            lambda request: Hashes(
                request=request,
                recording=bytes.fromhex(key.recording),
                generation=key.generation,
                index=index,
                first=first,
                count=HASHES_PER_REQUEST,
            ),
            HashesAre,
        )


def _percent(told: int | None) -> int | None:
    """Take a gauge that tells more than 100 for one without a reading (PROTOCOL.md §6.1)."""
    return told if told is not None and told <= FULL_PERCENT else None
