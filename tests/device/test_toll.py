"""Bytes that went in vain, by what the store says."""

from typing import Any

import pytest

from device.core.uploads import Advanced, Ambiguous, Complete, Conflict, Outcome
from device.model import EntryId, Evidence
from device.toll import Toll


@pytest.fixture
def toll() -> Toll:
    spool: Any = None
    return Toll(spool, EntryId("e"))


def test_an_own_answer_settles_own_bytes(toll: Toll) -> None:
    """The fate of a piece that was cut beside it stays open."""
    toll.unsettled_bytes = 60 + 100

    assert 0 == toll.settle(Advanced(100), 100, 100)
    assert (100, 60) == (toll.held_bytes, toll.unsettled_bytes)


@pytest.mark.parametrize(("offset", "vain_bytes"), [(200, 0), (140, 60), (100, 100), (40, 160)])
def test_a_question_settles_all(toll: Toll, offset: int, vain_bytes: int) -> None:
    """What is not held of all that left went in vain, and so did what the store lost."""
    toll.held_bytes, toll.unsettled_bytes = 100, 100

    assert vain_bytes == toll.settle(Conflict(offset), offset, None)
    assert (offset, 0) == (toll.held_bytes, toll.unsettled_bytes)


def test_more_than_its_own_bytes_is_what_others_brought(toll: Toll) -> None:
    """A store that turns out to be ahead had taken what was in doubt."""
    toll.unsettled_bytes = 60 + 100

    assert 0 == toll.settle(Advanced(160), 160, 100)
    assert 0 == toll.unsettled_bytes


@pytest.mark.parametrize("outcome", [Ambiguous("cut")])
def test_doubt_settles_nothing(toll: Toll, outcome: Outcome) -> None:
    """Until the store has said where it stands, nobody knows."""
    toll.unsettled_bytes = 100

    assert 0 == toll.settle(outcome, 0, 100)
    assert 100 == toll.unsettled_bytes


def test_the_end_settles_all(toll: Toll) -> None:
    """A PUT that was repeated whole makes what left before it vain."""
    toll.unsettled_bytes = 60 + 100

    assert 60 == toll.settle(Complete(Evidence(status=200)), 100, 100)
