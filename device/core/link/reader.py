"""The host's side of one read: what arrives in, bytes and messages out (PROTOCOL.md §5 and §9).

The caller holds the clock and the line:

    reader = Reader(source, offset, numbers=…, pace=…, now_s=…)
    loop: send every frame of reader.to_send(); wait for at most reader.wait_s(now) for the next
    event; chunk = reader.received(event, now), or reader.idle(now) when nothing came; until done.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from device.core.link.ahead import Ahead
from device.core.link.answers import Busy, End, Error, Working
from device.core.link.codes import ErrorCode
from device.core.link.messages import Data, Message, encode_message
from device.core.link.pace import (
    MAX_PAYLOAD_BYTES,
    MAX_WINDOW_BYTES,
    SLOWEST_IDLE_S,
    Pace,
)
from device.core.link.requests import Read, Window
from device.errors import (
    LinkLost,
    MediumGone,
    ProtocolViolation,
    RecorderBusy,
    RecorderRefused,
)

MAX_SILENT_RESTARTS = 6
MAX_RESTARTS = 20
"""Reads in a row that brought no new byte although the line carries frames."""

MAX_FAILURES = 4
MAX_BUSY_S = 5.0
"""A recorder that is busy for longer is left alone, and the caller told."""

STREAMS_IN_FLIGHT = 4
"""Frames of so many of our own streams still count: they were on the line when the next began."""

STALL_S = 60.0
"""Without one new byte for this long the line counts as lost, whatever else it carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Which medium of which recording, as it was listed."""

    recording: bytes
    generation: int
    index: int
    size_bytes: int
    sha256: bytes | None


class Reader:
    """Pulls one medium from an offset to its end. `done` once the recorder said END there."""

    def __init__(
        self,
        source: Source,
        offset: int,
        *,
        numbers: Callable[[], tuple[int, int]],
        pace: Pace,
        now_s: float,
    ) -> None:
        """Begin with a READ waiting in `to_send`.

        Args:
            source: What to read.
            offset: The first byte wanted; everything before it is durable.
            numbers: Gives a fresh request id and stream number for each READ.
            pace: What is known of the line; learns from this read.
            now_s: Monotonic seconds, as everywhere below.
        """
        self.offset = offset
        self.done = False
        self._due_s = now_s
        self._mark = (offset, now_s)
        self.rereads = 0
        self._source = source
        self._numbers = numbers
        self._pace = pace
        self._sending: list[bytes] = []
        self._progress_s = now_s
        self._silent = 0
        self._restarts = 0
        self._failures = 0
        self._run_bytes = 0
        self._frame_bytes = MAX_PAYLOAD_BYTES
        self._ahead = Ahead(MAX_WINDOW_BYTES)
        self._streams: deque[int] = deque(maxlen=STREAMS_IN_FLIGHT)
        self._filling = False
        self._damage_seen = False
        self._end_seen = False
        self._read(now_s)

    def to_send(self) -> list[bytes]:
        """Return the frames to send now, once."""
        sending, self._sending = self._sending, []
        return sending

    def wait_s(self, now_s: float) -> float:
        """Return how long to wait for the next event before calling `idle`."""
        return max(0.0, self._due_s - now_s)

    def received(self, event: Data | Message | None, now_s: float) -> bytes:
        """Take one event of the line, None for a damaged frame; return the bytes that are next.

        Raises:
            LinkLost: Nothing new has come for too long.
            MediumGone: The medium is not there any more, or is another one.
            RecorderBusy: The recorder wants to be left alone for longer than is worth waiting.
            RecorderRefused: It will not send this; NO_SESSION asks for a new HELLO and `restart`.
            ProtocolViolation: What it sends makes no sense.
        """
        match event:
            case None:
                self._damaged(now_s)
            case Data() if event.stream in self._streams:
                return self._data(event, now_s)
            case Data():
                self._heard(now_s)  # late, of somebody else's stream
            case End() if event.stream in self._streams:
                self._end(event, now_s)
            case Working(request=self.request):
                self._heard(now_s)
                self._due_s = max(self._due_s, now_s + min(event.for_ms / 1000, STALL_S))
            case Busy(request=self.request):
                self._busy(event.retry_after_ms / 1000, now_s)
            case Error() if event.request == self.request or event.stream == self.stream:
                self._error(event, now_s)
            case _:
                pass
        return b""

    def idle(self, now_s: float) -> None:
        """Read again from where we are: what was to come is lost.

        Raises:
            LinkLost: It has been tried often enough.
        """
        if self._damage_seen:
            self._again(now_s)  # the damaged frame was the last of its credit: nothing follows
            return
        if not self._waiting:
            self._silent += 1
            if self._silent > MAX_SILENT_RESTARTS:
                raise LinkLost("the recorder does not answer any more")
        self._read(now_s)

    def restart(self, now_s: float) -> None:
        """Read again in a new session, after the recorder started anew.

        Raises:
            ProtocolViolation: It starts anew over and over without a byte in between.
        """
        self._again(now_s)

    def paused(self, seconds: float) -> None:
        """Leave out time in which the caller did not look at the line."""
        self._due_s += seconds
        self._progress_s += seconds
        self._mark = (self._mark[0], self._mark[1] + seconds)

    def _read(self, now_s: float) -> None:
        """Ask for the first gap if bytes behind it are here, else for all from `offset` on."""
        gap_end = self._ahead.first()
        self._filling = gap_end is not None
        self._limit = gap_end or self.offset + self._pace.window_bytes()
        self.request, self.stream = self._numbers()
        self._streams.append(self.stream)
        self._waiting = self._damage_seen = False
        self._mark = (self.offset, now_s)
        source = self._source
        message = Read(
            request=self.request,
            recording=source.recording,
            generation=source.generation,
            index=source.index,
            offset=self.offset,
            stream=self.stream,
            limit=self._limit,
            sha256=source.sha256,
            payload_bytes=self._pace.payload_bytes(self._run_bytes),
        )
        self._sending = [encode_message(message)]
        self._heard(now_s)

    def _again(self, now_s: float) -> None:
        """Read what is missing at once, unless that has not helped many times in a row."""
        self._restarts += 1
        self.rereads += 1
        if self._restarts > MAX_RESTARTS:
            raise ProtocolViolation("the recorder does not send the bytes that were asked for")
        self._lost()
        self._read(now_s)

    def _lost(self) -> None:
        if self._run_bytes:
            self._pace.lost(self._run_bytes)
            self._run_bytes = 0

    def _heard(self, now_s: float) -> None:
        if now_s - self._progress_s > STALL_S:
            raise LinkLost("the recorder sent nothing new for a minute")
        idle_s = self._pace.idle_s() * (1 << self._silent)
        self._due_s = now_s + min(idle_s, SLOWEST_IDLE_S)

    def _damaged(self, now_s: float) -> None:
        """The next frame will tell what is missing; if none comes soon, this was the last one."""
        self._lost()
        self._damage_seen = True
        self._due_s = min(self._due_s, now_s + self._pace.next_frame_s(self._frame_bytes))

    def _data(self, data: Data, now_s: float) -> bytes:
        self._heard(now_s)
        if data.offset + len(data.payload) > self._source.size_bytes:
            raise ProtocolViolation("the recorder sent more bytes than it listed")
        # Frames on their way may still have the size that was asked for before.
        self._frame_bytes = max(len(data.payload), self._frame_bytes // 2)
        if data.offset > self.offset:
            self._ahead.put(data.offset, data.payload)
            if not self._filling:
                self._again(now_s)
            self._run_bytes += len(data.payload)
            return b""
        payload = data.payload[self.offset - data.offset :]
        if not payload:
            return b""
        self._run_bytes += len(payload)
        payload += self._ahead.take(self.offset + len(payload))
        self.offset += len(payload)
        self._silent = self._restarts = self._failures = 0
        self._damage_seen = False
        self._progress_s = now_s
        if self.offset == self._source.size_bytes and self._end_seen:
            self.done = True
        elif not self._filling:
            self._raise_limit(now_s)
        elif self.offset >= self._limit:
            self._read(now_s)
        return payload

    def _raise_limit(self, now_s: float) -> None:
        window = self._pace.window_bytes()
        # Raised by quarters: the next raise makes up for one that was lost.
        if self._limit - self.offset > window * 3 // 4 or self._limit >= self._source.size_bytes:
            return
        since_bytes, since_s = self._mark
        self._pace.moved(self.offset - since_bytes, now_s - since_s)
        self._mark = (self.offset, now_s)
        self._limit = self.offset + self._pace.window_bytes()
        message = Window(
            stream=self.stream,
            limit=self._limit,
            payload_bytes=self._pace.payload_bytes(self._run_bytes),
        )
        self._sending.append(encode_message(message))

    def _end(self, end: End, now_s: float) -> None:
        source = self._source
        if end.size_bytes != source.size_bytes or source.sha256 not in (None, end.sha256):
            raise MediumGone("the medium changed on the recorder since it was listed")
        self._end_seen = True
        if self.offset == source.size_bytes:
            self.done = True
        elif not self._filling:
            self._again(now_s)

    def _busy(self, retry_after_s: float, now_s: float) -> None:
        self._failures += 1
        if retry_after_s > MAX_BUSY_S or self._failures > MAX_FAILURES:
            raise RecorderBusy("the recorder is busy", retry_after_s=retry_after_s)
        self._waiting = True
        self._due_s = now_s + retry_after_s

    def _error(self, error: Error, now_s: float) -> None:
        sentence = f"the recorder cannot send this medium: {error.detail or error.code}"
        match error.code:
            case ErrorCode.NOT_FOUND | ErrorCode.CHANGED:
                raise MediumGone(sentence)
            case ErrorCode.UNKNOWN_STREAM:
                self._again(now_s)
            case ErrorCode.NO_SESSION:
                raise RecorderRefused(sentence, wire_code=error.code)
            case _ if error.retryable:
                self._failures += 1
                if self._failures > MAX_FAILURES:
                    raise RecorderBusy(sentence, retry_after_s=SLOWEST_IDLE_S)
                self._waiting = True
                self._due_s = now_s + 0.1 * 2**self._failures
            case _:
                raise RecorderRefused(sentence, wire_code=error.code)
