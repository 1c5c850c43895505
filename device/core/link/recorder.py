"""The recorder's side of the protocol: frames in, frames out, data on demand while credit lasts.

    machine = RecorderMachine(board, store)
    for frame in machine.received(incoming):            # answers, to be sent at once
        send(frame)
    while (frame := machine.next_frame()) is not None:  # one at a time
        send(frame)

Between two data frames look for incoming ones: a READ that replaces the stream is heeded at once.
"""

from typing import assert_never

from device.core.link.answers import (
    EVENT_CHANGED,
    EVENT_STARTED,
    Done,
    Event,
    TimeIs,
    Welcome,
)
from device.core.link.codes import ErrorCode
from device.core.link.custody import block_hashes, complete, readable, release, state
from device.core.link.framing import MAX_FRAME_BYTES
from device.core.link.messages import (
    DATA_LONG_HEADER_BYTES,
    MIN_FRAME_BYTES,
    PROTOCOL_VERSION,
    Answer,
    Broken,
    Request,
    encode_message,
    failure,
    parse,
)
from device.core.link.outflow import Outflow
from device.core.link.requests import (
    Abort,
    Hashes,
    Hello,
    List,
    Ping,
    Read,
    ReadManifest,
    Record,
    Release,
    SetTime,
    State,
    Time,
    Window,
)
from device.core.link.shelf import Shelf
from device.core.link.store import Board, Store, Taker
from device.core.link.taking import record
from device.errors import RecorderRefused

DEFAULT_FRAME_BYTES = 1024 + DATA_LONG_HEADER_BYTES


class RecorderMachine:
    """One recorder: a session and at most one stream; all else is in its board and store."""

    def __init__(
        self,
        board: Board,
        store: Store,
        *,
        taker: Taker | None = None,
        max_frame_bytes: int = DEFAULT_FRAME_BYTES,
    ) -> None:
        self.board = board
        self.store = store
        self.taker = taker
        self._own_max_frame_bytes = min(max_frame_bytes, MAX_FRAME_BYTES)
        self._session: tuple[Shelf, Outflow] | None = None

    def started(self) -> bytes:
        """Return the frame that a recorder sends once when it starts."""
        return encode_message(Event(event=EVENT_STARTED))

    def changed(self) -> bytes:
        """Return the frame to send when the store changed by itself (a recording was closed)."""
        return encode_message(Event(event=EVENT_CHANGED, revision=self.store.revision()))

    def received(self, frame: bytes) -> list[bytes]:
        """Take one frame of the host, `b""` for a damaged one; return the frames to send now.

        Never raises on anything a host can send.
        """
        if not frame:
            return []  # the host misses its answer and asks again
        message = parse(frame)
        if isinstance(message, Broken):
            return [encode_message(message.answer())]
        if isinstance(message, Window):
            return self._window(message)
        if not isinstance(message, Request):
            return []  # an echo of our own
        answer: Answer | None
        before = self.store.revision() if isinstance(message, Record) else None
        try:
            answer = self._answer(message)
        except RecorderRefused as refused:
            code = ErrorCode(refused.wire_code)
            answer = failure(code, request=message.request, detail=str(refused))
        except OSError:
            answer = failure(
                ErrorCode.STORAGE, request=message.request, detail="own storage failed"
            )
        frames = [] if answer is None else [encode_message(answer)]
        # Whoever waits for news lists again: what was recorded is there now.
        changed = before is not None and before != self.store.revision()
        return [*frames, self.changed()] if changed else frames

    def next_frame(self) -> bytes | None:
        """Return the stream's next data frame, END behind the last; None without credit."""
        return self._session[1].next_frame() if self._session else None

    def _window(self, window: Window) -> list[bytes]:
        if self._session is None:
            return [encode_message(failure(ErrorCode.NO_SESSION, stream=window.stream))]
        if not self._session[1].extend(window):
            return [encode_message(failure(ErrorCode.UNKNOWN_STREAM, stream=window.stream))]
        return []

    def _answer(self, message: Request) -> Answer | None:  # noqa: C901, PLR0911, PLR0912 - a table
        if isinstance(message, Hello):
            return self._hello(message)
        if self._session is None:
            raise RecorderRefused("HELLO first", wire_code=ErrorCode.NO_SESSION)
        shelf, outflow = self._session
        match message:
            case Time():
                return self._time(message.request)
            case SetTime():
                self.board.set_utc_ms(message.utc_ms)
                return self._time(message.request)
            case List():
                return shelf.page(message.request, message.first)
            case ReadManifest():
                stored = complete(shelf, message.recording, message.generation)
                return shelf.manifest(message.request, stored, message.first)
            case Read():
                outflow.close()
                outflow.open(message, readable(shelf, message))
                return None
            case Abort():
                outflow.abort(message.stream)
                return Done(request=message.request, revision=self.store.revision())
            case Hashes():
                return block_hashes(shelf, self.store, message)
            case Release():
                return release(shelf, self.store, message)
            case State():
                return state(shelf, message)
            case Record():
                return record(self.taker, message)
            case Ping():
                return Done(request=message.request, revision=self.store.revision())
            case _:
                assert_never(message)

    def _hello(self, hello: Hello) -> Welcome:
        self._session = None
        if not hello.min_version <= PROTOCOL_VERSION <= hello.max_version:
            raise RecorderRefused(f"speaks version {PROTOCOL_VERSION}", wire_code=ErrorCode.VERSION)
        max_frame_bytes = min(hello.max_frame_bytes, self._own_max_frame_bytes)
        if max_frame_bytes < MIN_FRAME_BYTES:
            raise RecorderRefused(
                f"needs frames of {MIN_FRAME_BYTES} bytes", wire_code=ErrorCode.TOO_LARGE
            )
        self._session = Shelf(self.store, max_frame_bytes), Outflow(self.store, max_frame_bytes)
        board = self.board
        return Welcome(
            request=hello.request,
            version=PROTOCOL_VERSION,
            max_frame_bytes=max_frame_bytes,
            serial=board.serial,
            boot=board.boot,
            model=board.model,
            firmware=board.firmware,
            capacity_bytes=board.capacity_bytes,
            used_bytes=board.used_bytes,
            dropped_recordings=board.dropped_recordings,
            times_full=board.times_full,
            revision=self.store.revision(),
            battery_percent=board.battery_percent,
            charging=board.charging,
            records=True if self.taker is not None else None,
        )

    def _time(self, request: int) -> TimeIs:
        return TimeIs(
            request=request,
            uptime_ms=self.board.uptime_ms(),
            boot=self.board.boot,
            trusted=self.board.clock_trusted(),
            utc_ms=self.board.utc_ms(),
        )
