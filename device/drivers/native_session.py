"""One session of the link protocol: requests matched with answers, and HELLO again when needed.

Whoever waits receives for all: frames go to the inbox they belong to, so a request can be asked
while a read is under way, and no task of our own has to be ended.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

from device.clock import Clock
from device.core.link.answers import (
    EVENT_STARTED,
    Busy,
    Error,
    Event,
    Welcome,
    Working,
)
from device.core.link.codes import ErrorCode
from device.core.link.messages import (
    PROTOCOL_VERSION,
    Answer,
    Broken,
    Data,
    Message,
    Request,
    encode_message,
    parse,
)
from device.core.link.pace import Pace
from device.core.link.requests import Hello
from device.errors import (
    LinkLost,
    MediumGone,
    ProtocolViolation,
    RecorderBusy,
    RecorderRefused,
)
from device.links import Link

AnswerT = TypeVar("AnswerT", bound=Answer)
Inbox = deque[Data | Message | None]

TRIES = 4
FIRST_DEADLINE_S = 1.0
LONGEST_DEADLINE_S = 10.0
LONGEST_WORK_S = 60.0
SEND_S = 30.0
"""A line that has not taken one frame by then takes none: 4 KiB at 1,200 baud."""
KEEP_ALIVE_S = 20.0
MAX_WORKING = 30
MAX_FAILURES = 4
LONGEST_BUSY_S = 5.0
"""A recorder that is busy for longer is left alone, and the caller told."""


class Session:
    """The one user of a link. Safe for concurrent callers of its methods."""

    def __init__(self, link: Link, clock: Clock) -> None:
        self.pace = Pace(link.max_frame_bytes)
        self.welcome: Welcome | None = None
        self.changes: Final[Inbox] = deque(maxlen=4)
        """Events of the recorder that nobody has looked at."""
        self._link = link
        self._clock = clock
        self._serial: str | None = None
        self._request = secrets.randbits(30)
        self._stream = secrets.randbits(8)
        self._answers: dict[int, Inbox] = {}
        self._reading: Inbox | None = None
        self._receiving = asyncio.Lock()
        self._sending = asyncio.Lock()
        self._greeting = asyncio.Lock()

    def numbers(self) -> tuple[int, int]:
        """Return a request id and a stream number that no frame on the line carries."""
        self._request = (self._request + 1) % (1 << 32)
        self._stream = (self._stream + 1) % 256
        return self._request, self._stream

    async def greet(self) -> Welcome:
        """Return the session's limits; says HELLO when there is no session.

        Raises:
            LinkLost: No answer, or another recorder answers than before.
            RecorderRefused: No version in common.
        """
        async with self._greeting:
            if self.welcome is not None:
                return self.welcome

            def hello(request: int) -> Hello:
                return Hello(
                    request=request,
                    min_version=PROTOCOL_VERSION,
                    max_version=PROTOCOL_VERSION,
                    max_frame_bytes=self._link.max_frame_bytes,
                    agent="fieldpost",
                )

            welcome = await self._ask(hello, Welcome)
            if self._serial not in (None, welcome.serial):
                raise LinkLost("another recorder answers on this line now")
            self._serial = welcome.serial
            self.welcome = welcome
            return welcome

    async def ask(self, build: Callable[[int], Request], kind: type[AnswerT]) -> AnswerT:
        """Ask until answered; repeats what was lost, waits out a short BUSY, greets when needed.

        Args:
            build: Makes the request from its id. Every request of the protocol is idempotent.
            kind: The answer that belongs to it.

        Raises:
            LinkLost: No answer after several tries.
            RecorderBusy: It asks for more patience than a caller should spend here.
            MediumGone: It does not have what was asked about.
            RecorderRefused: Any other permanent no.
            ProtocolViolation: It answers something else.
        """
        for _ in range(TRIES):
            await self.greet()
            try:
                return await self._ask(build, kind)
            except RecorderRefused as refused:
                if refused.wire_code != ErrorCode.NO_SESSION:
                    raise
                self.welcome = None
        raise LinkLost("the recorder starts anew over and over")

    def keep_alive_s(self) -> float:
        """Return how long to be silent at most, so that the recorder keeps the session."""
        idle_ms = self.welcome.idle_ms if self.welcome else None
        return min(KEEP_ALIVE_S, max(1.0, idle_ms / 2000)) if idle_ms else KEEP_ALIVE_S

    async def send(self, frame: bytes) -> None:
        """Send one frame; callers wait for each other.

        Raises:
            LinkLost: The line is gone, or takes nothing (a device that hangs with its port open).
        """
        try:
            async with asyncio.timeout(SEND_S), self._sending:
                await self._link.send(frame)
        except TimeoutError as error:
            raise LinkLost("the line takes no more bytes") from error

    def read_into(self, inbox: Inbox) -> None:
        """Put data and damage, and answers nobody else waits for, into this inbox from now on."""
        self._reading = inbox

    def read_no_more(self, inbox: Inbox) -> None:
        """Stop filling this inbox, if another has not taken its place."""
        if self._reading is inbox:
            self._reading = None

    async def wait(self, inbox: Inbox) -> Data | Message | None:
        """Return an inbox's next item, receiving for every inbox meanwhile. No deadline of its own.

        Raises:
            LinkLost: The link is gone.
        """
        while not inbox:
            async with self._receiving:
                if not inbox:
                    self._route(await self._link.receive())
        return inbox.popleft()

    async def aclose(self) -> None:
        """Give the link back. Idempotent, never raises."""
        await self._link.aclose()

    def _route(self, frame: bytes) -> None:
        event = parse(frame) if frame else None
        if isinstance(event, Broken):
            return  # whole, but nothing we know: a newer recorder may say more than we need
        if isinstance(event, Event):
            self._note(event)
            return
        inbox = self._answers.get(_request(event))
        inbox = self._reading if inbox is None else inbox
        if inbox is not None:
            inbox.append(event)

    def _note(self, event: Event) -> None:
        self.changes.append(event)
        if event.event == EVENT_STARTED:
            self.welcome = None
            if self._reading is not None:
                self._reading.append(event)
            for inbox in self._answers.values():
                inbox.append(None)  # the request is lost: no use in waiting out its deadline

    async def _ask(self, build: Callable[[int], Request], kind: type[AnswerT]) -> AnswerT:
        request, _ = self.numbers()
        inbox: Inbox = deque()
        self._answers[request] = inbox
        try:
            return await self._answer(encode_message(build(request)), inbox, kind)
        finally:
            del self._answers[request]

    async def _answer(self, frame: bytes, inbox: Inbox, kind: type[AnswerT]) -> AnswerT:
        silent = failures = 0
        while silent < TRIES:
            deadline_s = (FIRST_DEADLINE_S + self.pace.idle_s()) * (1 << silent)
            sent_s = self._clock.monotonic()
            await self.send(frame)
            answer = await self._within(min(deadline_s, LONGEST_DEADLINE_S), inbox)
            if answer is None:
                silent += 1
            elif isinstance(answer, kind):
                if not silent and not failures:
                    self.pace.answered(self._clock.monotonic() - sent_s)
                return answer
            else:
                failures += 1
                await self._clock.sleep(_patience_s(answer, failures))
        raise LinkLost("the recorder does not answer")

    async def _within(self, deadline_s: float, inbox: Inbox) -> Data | Message | None:
        """Return the next answer, None when there was none in time; WORKING buys more of it."""
        try:
            async with asyncio.timeout(deadline_s) as limit:
                for _ in range(MAX_WORKING):
                    answer = await self.wait(inbox)
                    if not isinstance(answer, Working):
                        return answer
                    more_s = min(answer.for_ms / 1000, LONGEST_WORK_S)
                    limit.reschedule(asyncio.get_running_loop().time() + more_s)
        except TimeoutError:
            pass
        return None


def _request(event: Data | Message | None) -> int:
    """Return which request an event answers; -1, which is none's, when it does not say."""
    if not isinstance(event, Answer) or event.request is None:
        return -1
    return event.request


def _patience_s(answer: Data | Message, failures: int) -> float:
    """Return how long to wait before asking again.

    Raises:
        RecorderError: Asking again is no use, or not worth the wait.
    """
    last = failures > MAX_FAILURES
    match answer:
        case Busy(retry_after_ms=ms):
            if last or ms / 1000 > LONGEST_BUSY_S:
                raise RecorderBusy("the recorder is busy", retry_after_s=ms / 1000)
            return ms / 1000
        case Error(code=code, retryable=retryable, detail=detail):
            sentence = f"the recorder refuses: {detail or f'error {code}'}"
            if code in (ErrorCode.NOT_FOUND, ErrorCode.CHANGED):
                raise MediumGone(sentence)
            if code == ErrorCode.NO_SESSION or not retryable:
                raise RecorderRefused(sentence, wire_code=code)
            if last:
                raise RecorderBusy(sentence, retry_after_s=LONGEST_BUSY_S)
            return 0.1 * (1 << failures)
        case _:
            raise ProtocolViolation(f"the recorder answers with a {type(answer).__name__}")
