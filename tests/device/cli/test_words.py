"""Sizes, times and tables as people read them."""

import sys
from datetime import UTC, datetime, timedelta

import pytest

from device.cli.output import sentence
from device.cli.tables import spilling, table
from device.words import printable, relative, rfc3339, size, span

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count_bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1_503_238_554, "1.4 GiB"),
        (2**60, "1024.0 PiB"),
    ],
)
def test_sizes_are_iec(count_bytes, text):
    """Units are powers of 1024 and say so."""
    assert text == size(count_bytes)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (86_400, "1 d"),
        (360_000, "4 d 4 h"),
    ],
)
def test_spans_use_one_or_two_units(seconds, text):
    """Nobody wants seconds beside days."""
    assert text == span(seconds)


@pytest.mark.parametrize(
    ("passed_s", "text"), [(-180, "3 min ago"), (5, "in 5 s"), (0.4, "now"), (None, "-")]
)
def test_times_are_relative(passed_s, text):
    """Past and future are told from now."""
    moment = None if passed_s is None else NOW + timedelta(seconds=passed_s)

    assert text == relative(moment, NOW)


def test_programs_get_utc_with_a_z():
    """RFC 3339, never a local time."""
    assert "2026-03-01T12:00:00Z" == rfc3339(NOW)


def test_a_name_cannot_steer_the_terminal():
    """Escapes in names chosen by a recorder are made visible."""
    assert "a\ufffd[2Jb" == printable("a\x1b[2Jb")


def test_tables_align_and_are_cut_at_the_last_column():
    """Numbers stand right, and only the last column gives way."""
    laid = table(
        ("A", "N", "WHY"), [("x", "5", "a long reason"), ("yy", "10", "")], right={"N"}, width=16
    )

    assert "A    N  WHY\nx    5  a long …\nyy  10" == laid


def test_a_line_break_in_a_cell_makes_no_row():
    """A hostile name stays in its cell."""
    assert 2 == len(table(("A",), [("x\ny",)]).splitlines())


def test_a_last_cell_too_long_goes_below_whole():
    """Nothing of it is cut, and what else is told of the row follows it."""
    laid = spilling(
        ("A", "N", "WHY"),
        [("x", "5", "a reason that is long"), ("yy", "10", "short")],
        [("battery 9 %",), ()],
        right={"N"},
        width=20,
    )

    assert list(laid) == [
        "A    N  WHY",
        "x    5",
        "  a reason that is",
        "  long, battery 9 %",
        "yy  10  short",
    ]


def test_a_pipe_gets_its_last_cell_in_the_row():
    """Without a width nothing moves."""
    assert list(spilling(("A", "WHY"), [("x", "y" * 200)]))[1] == "x  " + "y" * 200


def test_a_terminal_gets_sentences_broken_between_words(monkeypatch):
    """What goes on is indented below; a URL stays in one piece."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    line = f"  try: ble://{'x' * 70} and then " + "words " * 20

    first, *others = sentence(line).splitlines()

    assert first == "  try:"
    assert others[0] == f"    ble://{'x' * 70}"
    assert all(len(each) <= 80 and each.startswith("    ") for each in others)
    assert " ".join(line.split()) == " ".join(sentence(line).split())


def test_a_pipe_gets_a_sentence_in_one_line():
    """Programs look for it as a whole."""
    assert sentence("word " * 50) == "word " * 50
