"""Progress: bars on a terminal, lines elsewhere, silence when asked."""

import io
import logging
import re
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from device import logs
from device.cli.invocation import Invocation
from device.cli.progress import MOST_BARS, LinesOf10s, watching
from device.model import Entry, EntryId, RecorderId, Recording, RecordingKey, State, Wait
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


def test_a_rate_counts_from_its_own_mediums_start(caplog):
    """A medium that began 2 s before its line is not spread over the 10 s since the last one."""
    caplog.set_level(logging.INFO)
    now = [0.0]
    progress = LinesOf10s(lambda: now[0])
    now[0] = 8.0
    progress.pulling(EntryId("ab"), 0, 0, 102_400)
    now[0] = 10.0
    progress.pulling(EntryId("ab"), 0, 20_480, 102_400)

    assert ["10.0 KiB/s"] == [record.rate for record in caplog.records]


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


def test_no_thread_draws():
    """A thread of rich's own would eat lines printed above bars that change in number."""
    before = threading.active_count()
    with on_terminal() as (progress, _):
        progress.pulling(EntryId("ab" * 16), 1, 512, 1024)

        assert before == threading.active_count()


def test_bars_are_drawn_again_as_bytes_move():
    """Once at the start, then at most four times a second; sizes and rates in binary units."""
    now = [0.0]
    with on_terminal() as (progress, screen):
        progress._monotonic = lambda: now[0]
        progress._drawn_at = 0.0
        for step in range(1, 11):
            now[0] = step / 10
            progress.pulling(EntryId("ab" * 16), 1, step * 1024, 102_400)
        drawn = screen.getvalue()

    assert 4 == len(re.findall(r"\d+\.0/100\.0 KiB", drawn))
    assert "kB/s" not in drawn


def entry(state: State, **facts) -> Entry:
    key = RecordingKey(recorder=RecorderId("native:1"), recording="r1", generation=0)
    recording = Recording(key=key, media=())
    return Entry(
        id=EntryId("ab" * 16),
        recording=recording,
        state=state,
        media=(),
        begun_at=datetime(2026, 3, 1, tzinfo=UTC),
        **facts,
    )


def test_a_change_of_state_is_one_sentence():
    """State, recording and size above the bars, which are gone with it."""
    with on_terminal(color="never") as (progress, screen):
        progress.uploading(EntryId("ab" * 16), 0, 1, 2)
        progress.moved(entry(State.STORED))

        assert {} == progress._tasks

    assert "stored      abababab  0 B" in screen.getvalue()


def test_an_upload_that_waits_has_no_bar():
    """It was cut short: a bar at its last rate would be untrue."""
    wait = Wait(code="off-peak", reason="uploads are for 22:00-06:00")
    with on_terminal() as (progress, _):
        progress.uploading(EntryId("ab" * 16), 0, 1, 2)
        progress.moved(entry(State.SEALED, wait=wait))

        assert {} == progress._tasks


def test_why_a_recording_waits_is_not_said_twice():
    """The loops log each wait; bars need not repeat it."""
    wait = Wait(code="cloud-unreachable", reason="connection refused")
    with on_terminal() as (progress, screen):
        progress.moved(entry(State.SEALED, wait=wait))

    assert "refused" not in screen.getvalue()


def test_steps_are_logged_only_where_no_bars_show_them(monkeypatch):
    """On a terminal sentences tell the steps; elsewhere, and with -v, the log does."""
    levels = []
    monkeypatch.setattr(logs, "setup", lambda level, _environ: levels.append(level))
    with on_terminal():
        call().start_logs(carries=True)
        call(verbose=1).start_logs(carries=True)
    call().start_logs(carries=True)

    assert [logging.WARNING, logging.INFO, logging.INFO] == levels
