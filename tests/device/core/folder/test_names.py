"""Names: what is passed over, safe labels that can be turned back, identity from content."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.folder.names import generation, ignored, label, name_of, plain


@pytest.mark.parametrize(
    "name", [".hidden", "a.part", "b.wav.tmp", "C.WAV.TMP", "lost+found", ".fieldpost-releasing-1"]
)
def test_unfinished_and_hidden_names_are_passed_over(name: str):
    """What a recorder, a card or we ourselves leave aside is no recording."""
    assert ignored(name)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "a\0b"])
def test_a_way_elsewhere_is_not_plain(name: str):
    """Only one component is a file name."""
    assert not plain(name)


def test_a_hostile_name_is_shown_safely():
    """Control characters, direction overrides and undecodable bytes cannot reach a terminal."""
    shown = label(os.fsdecode(b"a\nb\x1b[31m\xff%41") + "\u202e")

    assert shown == "a%0Ab%1B[31m%FF%2541%E2%80%AE"


@given(st.binary(min_size=1, max_size=60))
def test_a_label_turns_back_into_the_name(raw: bytes):
    """Whatever bytes a file system holds, its label is printable, storable and unique."""
    name = os.fsdecode(raw)
    shown = label(name)

    assert name == name_of(shown)
    assert shown.isprintable()
    assert shown.encode()


def test_the_generation_is_the_content():
    """Other bytes, another name, another order or another recording.json is another recording."""
    a, b = ("a", 1, "aa" * 32), ("b", 1, "bb" * 32)
    seal = "cc" * 32
    all_different = [
        generation([a, b], seal),
        generation([b, a], seal),
        generation([a], seal),
        generation([a, b], None),
        generation([("A", 1, "aa" * 32), b], seal),
        generation([("a", 1, "ab" * 32), b], seal),
    ]

    assert len(all_different) == len(set(all_different))
    assert generation([a, b], seal) == generation(iter([a, b]), seal)
    assert all(0 <= g < 2**63 for g in all_different)
