"""What the live view makes of events: bytes by time, frames that fit, and what it hears."""

import time
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.cli.agent_client import AgentAbsent
from device.cli.live_board import Board
from device.cli.live_feed import AGAIN_S, Heard, heard
from device.cli.live_flow import STEP_S, STEPS, Flow
from device.cli.live_frame import Frame
from device.cli.live_marks import Marks, percent
from device.cli.live_screen import text
from device.documents.entries import entry_object
from device.documents.plain import plain
from device.errors import SpoolDamaged
from device.model import State
from tests.device.cli import top_picture
from tests.device.cli.moment import BOX, MIB, MOVING, NOW, TRANSFERS, board, entry, status

BLOCKS, LETTERS = Marks.of("utf-8"), Marks.of("ANSI_X3.4-1968")
UP = TRANSFERS[1]


def at(done: int) -> dict:
    return {**UP, "done_bytes": done}


def moved(state: State, **more) -> dict:
    return {**plain(entry_object(entry(1, BOX, state, 26))), **more}


def drawn(shown: Board, now_s: float, *, columns: int = 80, rows: int = 24) -> list[str]:
    frame = Frame(columns=columns, rows=rows, marks=BLOCKS)
    return ["".join(piece for piece, _ in line) for line in frame.lines(shown, NOW, now_s)]


@pytest.fixture
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_what_was_done_before_it_was_watched_is_not_counted():
    """Only what is acknowledged since, in the step in which it was."""
    flow = Flow(0.0)
    flow.progress([at(1000)], 0.0)
    flow.progress([at(1500)], 1.0)
    flow.progress([at(2500)], STEP_S + 1)

    assert [500 / STEP_S, 1000 / STEP_S] == flow.rates(STEP_S + 1, 9)


def test_a_part_that_is_sent_again_counts_once():
    """Bytes that go back and come again bring nothing new."""
    flow = Flow(0.0)
    for done in (0, 900, 100, 900, 1000):
        flow.progress([at(done)], 0.0)

    assert [1000 / STEP_S] == flow.rates(0.0, 9)


def test_the_rest_of_what_is_stored_counts():
    """The last steps of an upload may come between two looks; of a small one all of them."""
    flow = Flow(0.0)
    flow.progress([at(26 * MIB - 100)], 0.0)
    flow.moved(moved(State.STORED), 0.0)
    flow.moved(moved(State.RELEASED), 0.0)
    flow.moved(moved(State.STORED, id="ff" * 16, size_bytes=50), 0.0)

    assert [150 / STEP_S] == flow.rates(0.0, 9)


def test_long_ago_is_forgotten():
    """Five minutes of steps are kept, whatever time passes between two of them."""
    flow = Flow(0.0)
    flow.progress([at(0)], 0.0)
    flow.progress([at(900)], 0.0)

    assert [0.0] * STEPS == flow.rates(1e6, STEPS)


@given(st.integers(0, 1 << 50), st.integers(0, 1 << 50), st.integers(3, 300))
def test_a_bar_has_its_width(done, total, columns):
    """Whatever the figures are; only what is all done is full."""
    bar = BLOCKS.bar(done, total, columns)

    assert columns == len(bar)
    assert (0 < total <= done) == (BLOCKS.empty not in bar)
    assert (0 < total <= done) == (percent(done, total) == "100 %")


@given(st.lists(st.floats(0, 1e12), max_size=90), st.sampled_from([BLOCKS, LETTERS]))
def test_a_sparkline_shows_whatever_is_not_nothing(figures, marks):
    """One letter each; a trickle beside a torrent is still seen."""
    line = marks.sparkline(figures)

    assert [each > 0 for each in figures] == [letter != " " for letter in line]


def test_a_terminal_without_unicode_gets_letters():
    """A serial console shows the same."""
    assert "[##--]" == LETTERS.bar(1, 2, 6)
    assert LETTERS.sparkline([0, 1, 9]).isascii()


@given(
    columns=st.integers(30, 200),
    rows=st.integers(4, 60),
    live=st.booleans(),
    moving=st.lists(st.sampled_from(TRANSFERS), max_size=20),
)
def test_a_frame_fits(columns, rows, live, moving):
    """No line is longer and none too many, on whatever terminal."""
    shown, now_s = board(status(live=live, transfers=moving))
    lines = drawn(shown, now_s, columns=columns, rows=rows)

    assert len(lines) <= rows
    assert max(map(len, lines)) <= columns


def test_letters_that_a_terminal_cannot_show_end_nothing():
    """Names of recorders are theirs to choose, and what is cut ends with `…`."""
    shown, now_s = board(status())
    shown.take(Heard("note", {"sentence": "Fuchs\u00b7Bau \u2026"}), now_s)
    lines = Frame(columns=40, rows=60, marks=LETTERS).lines(shown, NOW, now_s)
    told = text(lines, "ascii").plain

    assert told.isascii()
    assert told.endswith("Fuchs?Bau ?")


def test_what_is_wrong_comes_first_and_no_more_than_three(utc):
    """The rest is counted; the bars stay in sight."""
    cooldowns = {f"https://{n}": MOVING[2].wait for n in range(5)}
    lines = drawn(*board(status(cooldowns=cooldowns)))

    assert "fieldpost top  18:05:30  agent running (pid 812)" == lines[0]
    assert 3 == sum(line.startswith("[!!] uploads to https://") for line in lines)
    assert "     and 2 more: fieldpost status" in lines


def test_without_an_agent_it_says_where_it_looks():
    """No sparkline and no bars are made up."""
    lines = drawn(*board(status(live=False, pid=None)))

    assert "no agent answers; this is read from the spool every 2 s" in lines
    assert not any(line.startswith("up ") for line in lines)


def test_what_moved_is_not_told_as_it_was():
    """Until the next status tells of it."""
    shown, now_s = board(status(transfers=[]))
    shown.take(Heard("moved", {"entry": moved(State.STORED)}), now_s)
    shown.take(Heard("something-new", {}), now_s)
    shown.take(Heard("note", {"sentence": "ble://AM-07 went away"}), now_s)
    lines = drawn(shown, now_s, rows=40)

    assert not any(line.startswith(MOVING[0].id[:8]) for line in lines)
    assert "ble://AM-07 went away" == lines[-1]


def test_a_spool_that_cannot_be_read_is_told():
    """Instead of an old status that looks new."""
    shown, now_s = board(status())
    shown.take(Heard("trouble", {"sentence": "the index is damaged"}), now_s)

    assert ["[!!] the index is damaged"] == drawn(shown, now_s)[1:]


class Agent:
    """Tells two events, goes, tells nothing, comes again."""

    def __init__(self) -> None:
        self.asked = 0

    def events(self, *, quiet_s):
        self.asked += 1
        if self.asked == 2:
            raise AgentAbsent("none runs")
        yield "status", {"source": f"agent {self.asked}"}
        yield "note", {}


def test_the_spool_is_read_while_no_agent_answers():
    """At once when it went, then every two seconds, until one is back."""
    paused = []
    told = list(islice(heard(Agent(), lambda: {"source": "spool"}, paused.append), 5))

    assert ["agent 1", None, "spool", "spool", "agent 3"] == [
        each.content.get("source") for each in told
    ]
    assert [AGAIN_S, AGAIN_S] == paused


def test_a_damaged_spool_is_no_end():
    """It may be mended meanwhile."""

    def look():
        raise SpoolDamaged("the index is damaged")

    agent = Agent()
    agent.asked = 1
    told = list(islice(heard(agent, look, lambda _: None), 2))

    assert [Heard("trouble", {"sentence": "the index is damaged"}), "status"] == [
        told[0],
        told[1].name,
    ]


def test_the_picture_in_the_docs_is_what_is_drawn(utc):
    """docs/top.svg; made anew by: python -m tests.device.cli.top_picture docs/top.svg."""
    assert (Path(__file__).parents[3] / "docs/top.svg").read_text() == top_picture.picture()


def test_times_of_the_past_are_now():
    """A next try that is over is not told as one that was."""
    late = status(moving=(MOVING[2],), transfers=[], now=NOW + timedelta(hours=1))
    shown, now_s = board(late)
    frame = Frame(columns=80, rows=24, marks=BLOCKS)
    lines = frame.lines(shown, NOW + timedelta(hours=1), now_s)

    assert any("12.0 MiB  now" in piece for line in lines for piece, _ in line)


def test_what_landed_neither_goes_up_nor_has_a_rate():
    """Its line says 100 % for a moment; the rate of all is what the agent says, not their sum."""
    done = {**UP, "done_bytes": UP["total_bytes"], "rate_bytes_per_s": 0, "medium": 1}
    moving = status(transfers=[UP, done])
    shown, now_s = board({**moving, "warnings": []})
    shown.take(Heard("progress", {"transfers": [UP, done], "upload_rate_bytes_per_s": 1024}), now_s)
    lines = drawn(shown, now_s)

    assert lines[1].startswith("[ok] ")
    assert "1 going up" in " ".join(lines[1:3])
    assert any(line.startswith("up       1.0 KiB/s ") for line in lines)
