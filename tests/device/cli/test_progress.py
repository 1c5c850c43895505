"""Progress: bars on a terminal, lines elsewhere, silence when asked."""

import io
import logging
import sys
from contextlib import contextmanager

import pytest

from device import logs
from device.cli.invocation import Invocation
from device.cli.progress import MOST_BARS, LinesOf10s, watching
from device.model import EntryId
from device.progress import Silent


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")


@contextmanager
def on_terminal(**options):
    """Watch on a terminal; gives the progress and what is on the screen."""
    stream = Terminal()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        with watching(call(**options)) as progress:
            yield progress, stream


def call(**options) -> Invocation:
    return Invocation(environ={"TERM": "xterm"}, **options)


def test_quiet_shows_nothing():
    """-q silences progress even on a terminal."""
    with on_terminal(quiet=True) as (progress, _):
        assert isinstance(progress, Silent)


def test_elsewhere_a_line_per_10_s(caplog):
    """Between two lines lie 10 s, however often progress is told."""
    caplog.set_level(logging.INFO)
    now = [0.0]
    progress = LinesOf10s(lambda: now[0])
    for second in range(31):
        now[0] = float(second)
        progress.uploading(EntryId("ab"), 0, second * 1024, 102_400)

    assert 3 == len(caplog.records)
    first = caplog.records[0]
    assert ("uploading", "10.0 KiB", "1.0 KiB/s", "1 min") == (
        first.message,
        first.done,
        first.rate,
        first.left,
    )


def test_progress_may_go_back(caplog):
    """A resumed part makes no negative rate."""
    caplog.set_level(logging.INFO)
    now = [0.0]
    progress = LinesOf10s(lambda: now[0])
    progress.pulling(EntryId("ab"), 0, 5000, 10_000)
    now[0] = 11.0
    progress.pulling(EntryId("ab"), 0, 100, 10_000)

    assert ("0 B/s", "unknown") == (caplog.records[0].rate, caplog.records[0].left)


def test_a_terminal_gets_bars():
    """A bar names direction, recording and medium."""
    with on_terminal() as (progress, screen):
        progress.pulling(EntryId("ab" * 16), 1, 512, 1024)

    assert "pull   abababab/1" in screen.getvalue()


def test_the_number_of_bars_is_bounded():
    """Many media do not fill the screen: the oldest bars give way."""
    with on_terminal() as (progress, _):
        for index in range(3 * MOST_BARS):
            progress.uploading(EntryId("ab" * 16), index, 1, 2)

        assert MOST_BARS == len(progress._tasks)


def test_notes_cannot_steer_the_terminal():
    """What a recorder calls itself is made printable, and is no markup."""
    with on_terminal(color="never") as (progress, screen):
        progress.note("gone: \x1b[2J [bold]x")

    assert "gone: \ufffd[2J [bold]x" in screen.getvalue()


def test_logs_appear_above_the_bars():
    """A log line while bars are on screen goes through the same terminal."""
    with on_terminal() as (progress, screen):
        logs.setup(logging.INFO, {})
        progress.pulling(EntryId("ab" * 16), 1, 512, 1024)
        logging.getLogger("device.test").info("sealed")

    assert "info    sealed" in screen.getvalue()
