"""One medium over a session: drives the reader of core/link with the line and the clock."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress

from device.clock import Clock
from device.core.link.answers import Event
from device.core.link.codes import ErrorCode
from device.core.link.messages import encode_message
from device.core.link.pace import MAX_WINDOW_BYTES
from device.core.link.reader import Reader, Source
from device.core.link.requests import Abort
from device.drivers.native_session import Inbox, Session
from device.errors import FieldpostError, LinkLost, RecorderRefused

MAX_SESSIONS = 8
"""Times one read begins a new session before the recorder counts as lost."""

LEAST_WAIT_S = 0.05
"""What has already arrived is looked at, however late we are."""

ABORT_S = 1.0


async def stream(
    session: Session, clock: Clock, source: Source, offset: int
) -> AsyncIterator[bytes]:
    """Yield a medium's bytes from `offset` to its end, about half a credit window at a time.

    What arrived before an error is yielded before it is raised. See `Driver.read`.
    """
    await session.greet()
    pull = _Pull(session, clock, source, offset)
    try:
        while not pull.reader.done:
            failure = await pull.advance()
            if chunk := pull.take():
                yield chunk
                pull.resumed()
            if failure is not None:
                raise failure
    finally:
        await pull.aclose()


class _Pull:
    """The state of one `stream`: reader, inbox, and bytes not yet yielded."""

    def __init__(self, session: Session, clock: Clock, source: Source, offset: int) -> None:
        self._session = session
        self._clock = clock
        self._inbox: Inbox = deque()
        self._held = bytearray()
        self._sessions = 0
        self._taken_s = 0.0
        self.reader = Reader(
            source,
            offset,
            numbers=session.numbers,
            pace=session.pace,
            now_s=clock.monotonic(),
        )

    async def advance(self) -> FieldpostError | None:
        """Receive until a window's raise was sent, or the end; return what went wrong."""
        try:
            while not self.reader.done:
                if frames := self.reader.to_send():
                    # A read that another one displaced takes its place back here.
                    self._session.read_into(self._inbox)
                    try:
                        for frame in frames:
                            await self._session.send(frame)
                    except LinkLost:
                        await self._drain()
                        raise
                    if self._held:
                        return None
                await self._step()
        except FieldpostError as failure:
            return failure
        return None

    def take(self) -> bytes:
        """Return the bytes received since the last call."""
        chunk = bytes(self._held)
        self._held.clear()
        self._taken_s = self._clock.monotonic()
        return chunk

    def resumed(self) -> None:
        """Note that the consumer of the bytes has come back."""
        self.reader.paused(self._clock.monotonic() - self._taken_s)

    async def aclose(self) -> None:
        """Let the recorder stop early, if it can be told. Never raises."""
        self._session.read_no_more(self._inbox)
        if self.reader.done:
            return
        request, _ = self._session.numbers()
        abort = encode_message(Abort(request=request, stream=self.reader.stream))
        with suppress(LinkLost, TimeoutError):
            async with asyncio.timeout(ABORT_S):
                await self._session.send(abort)

    async def _drain(self) -> None:
        """Take what arrived before the line was lost: up to a window of it is waiting."""
        with suppress(FieldpostError, TimeoutError):
            while not self.reader.done and len(self._held) < MAX_WINDOW_BYTES:
                async with asyncio.timeout(LEAST_WAIT_S):
                    event = await self._session.wait(self._inbox)
                self._held += self.reader.received(event, self._clock.monotonic())

    async def _step(self) -> None:
        wait_s = max(LEAST_WAIT_S, self.reader.wait_s(self._clock.monotonic()))
        try:
            async with asyncio.timeout(wait_s):
                event = await self._session.wait(self._inbox)
        except TimeoutError:
            self.reader.idle(self._clock.monotonic())
            return
        if isinstance(event, Event):
            await self._greet_again()  # the session only tells a reader of EVENT_STARTED
            return
        try:
            self._held += self.reader.received(event, self._clock.monotonic())
        except RecorderRefused as refused:
            if refused.wire_code != ErrorCode.NO_SESSION:
                raise
            await self._greet_again()

    async def _greet_again(self) -> None:
        self._sessions += 1
        if self._sessions > MAX_SESSIONS:
            raise LinkLost("the recorder starts anew over and over")
        self._session.welcome = None
        await self._session.greet()
        self.reader.restart(self._clock.monotonic())
