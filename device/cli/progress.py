"""Progress on stderr: bars on a terminal, a line per 10 s elsewhere, nothing with --quiet."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from device.cli.invocation import Invocation
from device.model import Entry, EntryId, State
from device.progress import Progress, Silent
from device.words import printable, shortened, size, span

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

_logger = logging.getLogger(__name__)

LINE_EVERY_S = 10.0
DRAW_EVERY_S = 0.25
MOST_BARS = 8
_SHORT_ID = 8

_Key = tuple[EntryId, int, str]


@contextmanager
def watching(call: Invocation) -> Iterator[Progress]:
    """Choose how progress is shown for the length of a command."""
    if call.quiet:
        yield Silent()
    elif call.draws():
        with _bars(coloured=call.coloured(sys.stderr)) as bars:
            yield bars
    else:
        yield LinesOf10s()


class LinesOf10s:
    """One log line per 10 s while bytes move, and one for each change of state."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._said_at = monotonic()
        self._before: dict[_Key, tuple[float, int]] = {}

    def pulling(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.pulling`."""
        self._step((entry, index, "pulling"), done_bytes, total_bytes)

    def uploading(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.uploading`."""
        self._step((entry, index, "uploading"), done_bytes, total_bytes)

    def moved(self, entry: Entry) -> None:
        """See `Progress.moved`. The loops log changes of state themselves."""
        for key in [key for key in self._before if key[0] == entry.id]:
            if entry.state is not State.PULLING:
                del self._before[key]

    def note(self, sentence: str) -> None:
        """See `Progress.note`."""
        _logger.warning("%s", sentence)

    def _step(self, key: _Key, done_bytes: int, total_bytes: int) -> None:
        now = self._monotonic()
        # Each medium's rate counts from its own first step: another's line came seconds before it.
        since, before = self._before.setdefault(key, (now, done_bytes))
        if now - self._said_at < LINE_EVERY_S:
            return
        rate = max(0, done_bytes - before) / (now - since) if now > since else 0
        left_s = (total_bytes - done_bytes) / rate if rate else None
        _logger.info(
            "%s",
            key[2],
            extra={
                "entry": key[0],
                "medium": key[1],
                "done": size(done_bytes),
                "of": size(total_bytes),
                "rate": f"{size(rate)}/s",
                "left": span(left_s) if left_s is not None else "unknown",
            },
        )
        self._said_at = now
        self._before = {key: (now, done_bytes)}


class BarsOnTerminal:
    """A bar per medium that moves; the oldest finished ones give way.

    Draws only when it is told something, never from a thread of rich's own: that one may redraw
    between the measuring and the printing of a line above the bars, and then eats such lines.
    """

    def __init__(self, bars: "Bars", monotonic: Callable[[], float] = time.monotonic) -> None:
        self._bars = bars
        self._monotonic = monotonic
        self._drawn_at = monotonic()
        self._tasks: dict[_Key, TaskID] = {}

    def pulling(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.pulling`."""
        self._step((entry, index, "pull"), done_bytes, total_bytes)

    def uploading(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.uploading`."""
        self._step((entry, index, "upload"), done_bytes, total_bytes)

    def moved(self, entry: Entry) -> None:
        """See `Progress.moved`."""
        if entry.state is State.PULLING:
            return
        over = {"pull"}
        if entry.state is not State.SEALED or entry.wait is not None:
            over.add("upload")
        for key in [key for key in self._tasks if key[0] == entry.id and key[2] in over]:
            self._bars.remove_task(self._tasks.pop(key))
        self._bars.refresh()
        if entry.wait is None:  # why an entry waits is logged, or noted, by the loops
            self._bars.console.print(_sentence(entry), markup=False, highlight=False)

    def note(self, sentence: str) -> None:
        """See `Progress.note`."""
        self._bars.console.print(printable(sentence), markup=False, highlight=False)

    def _step(self, key: _Key, done_bytes: int, total_bytes: int) -> None:
        task = self._tasks.get(key)
        if task is None:
            if len(self._tasks) >= MOST_BARS:
                oldest = next(iter(self._tasks))
                self._bars.remove_task(self._tasks.pop(oldest))
            label = f"{key[2]:<6} {key[0][:_SHORT_ID]}/{key[1]}"
            task = self._bars.add_task(label, total=total_bytes, completed=done_bytes)
            self._tasks[key] = task
        self._bars.update(task, completed=done_bytes, total=total_bytes)
        if self._monotonic() - self._drawn_at >= DRAW_EVERY_S:
            self._bars.refresh()
            self._drawn_at = self._monotonic()


@contextmanager
def _bars(*, coloured: bool) -> Iterator[BarsOnTerminal]:
    from rich.console import Console  # noqa: PLC0415 - 60 ms that only a terminal pays
    from rich.progress import (  # noqa: PLC0415 - as above
        BarColumn,
        DownloadColumn,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    class RateColumn(ProgressColumn):
        """Rich's own writes decimal units beside the binary ones of the sizes."""

        def render(self, task: Task) -> Text:
            return Text(f"{size(task.speed)}/s" if task.speed else "", style="progress.data.speed")

    console = Console(stderr=True, no_color=not coloured)
    with Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        DownloadColumn(binary_units=True),
        RateColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
        expand=True,
        auto_refresh=False,
    ) as bars:
        yield BarsOnTerminal(bars)


def _sentence(entry: Entry) -> str:
    line = f"{entry.state:<11} {entry.id[:_SHORT_ID]}  {size(entry.size_bytes)}"
    reason = entry.quarantine_reason
    return printable(shortened(f"{line}  {reason}" if reason else line, 200))
