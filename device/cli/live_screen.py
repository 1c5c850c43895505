"""Drawing the live view: at most four frames a second on the terminal's second screen."""

import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING

from device.cli.live_board import Board
from device.cli.live_feed import Heard
from device.cli.live_flow import Flow
from device.cli.live_frame import Frame, Line
from device.cli.live_marks import Marks

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

EVERY_S = 0.25
"""Between two frames at least."""
IDLE_S = 1.0
"""A frame is drawn this often without news: times pass, and a terminal gets another size."""


_Item = Heard | Exception


def show(events: Iterator[Heard], *, coloured: bool) -> None:
    """Draw until interrupted (Ctrl-C or SIGTERM); the terminal is then as it was.

    Args:
        events: What happens; waits between two are its own.
        coloured: Whether the terminal takes colour.
    """
    from rich.console import Console  # noqa: PLC0415 - 60 ms that only a live view pays
    from rich.live import Live  # noqa: PLC0415 - as above

    console = Console(no_color=not coloured, highlight=False, emoji=False, markup=False)
    news: queue.SimpleQueue[_Item] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(events, news), name="events", daemon=True).start()
    board = Board(flow=Flow(time.monotonic()))
    try:
        with (
            _ended_by_term(),
            Live(console=console, screen=True, auto_refresh=False, redirect_stderr=False) as live,
        ):
            drawn_s = 0.0
            while True:
                fresh = _gather(news, board, drawn_s)
                now_s = time.monotonic()
                if fresh or now_s - drawn_s >= IDLE_S:
                    live.update(drawing(board, console), refresh=True)
                    drawn_s = now_s
    except KeyboardInterrupt:
        return


def drawing(board: Board, console: "Console") -> "Text":
    """Draw one frame for a console's size."""
    frame = Frame(columns=console.width, rows=console.height, marks=Marks.of(console.encoding))
    return text(frame.lines(board, datetime.now(UTC), time.monotonic()), console.encoding)


def text(lines: list[Line], encoding: str) -> "Text":
    """Put styled pieces together; letters that the terminal cannot show become `?`."""
    from rich.text import Text  # noqa: PLC0415 - as above

    whole = Text(no_wrap=True, overflow="crop", end="")
    for number, line in enumerate(lines):
        if number:
            whole.append("\n")
        for piece, style in line:
            shown = piece.encode(encoding, "replace").decode(encoding)
            whole.append(shown, style or None)
    return whole


def _gather(news: "queue.SimpleQueue[_Item]", board: Board, drawn_s: float) -> bool:
    """Take what comes until a frame is due; returns whether there is something to draw."""
    fresh = False
    while True:
        now_s = time.monotonic()
        due_s = drawn_s + (EVERY_S if fresh else IDLE_S) - now_s
        if due_s <= 0:
            return fresh
        try:
            item = news.get(timeout=due_s)
        except queue.Empty:
            return fresh
        match item:
            case Heard():
                board.take(item, time.monotonic())
                fresh = True
            case Exception():
                raise item


def _listen(events: Iterator[Heard], news: "queue.SimpleQueue[_Item]") -> None:
    try:
        for each in events:
            news.put(each)
    except Exception as error:  # noqa: BLE001 - told by the thread that draws
        news.put(error)


@contextmanager
def _ended_by_term() -> Iterator[None]:
    """Let SIGTERM end as Ctrl-C does: the terminal must be as it was."""

    def ended(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, ended)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def is_drawn_on() -> bool:
    """Say whether stdout is a terminal that can be drawn on."""
    return sys.stdout.isatty()
