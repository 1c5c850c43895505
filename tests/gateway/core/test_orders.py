"""The life of a command, as pure functions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.orders import ENDED, cancelled, finished, seen
from gateway.errors import CommandOver
from gateway.model import Command, CommandStatus, CommandType

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COMMAND = Command(
    id="cmd_1",
    device_id="dev_1",
    type=CommandType.TRIGGER_UPLOAD,
    params={},
    created_at=NOW,
    expires_at=NOW + timedelta(seconds=300),
)
DELIVERED = replace(COMMAND, status=CommandStatus.DELIVERED, delivered_at=NOW)


def told(command, at=NOW, status=CommandStatus.EXECUTED, result=None, error=None):
    return finished(command, at, status=status, result=result, error=error)


@pytest.mark.parametrize(("seconds", "expected"), [(299, "delivered"), (300, "expired")])
def test_a_command_expires_by_itself(seconds, expected):
    """From its last second on it is expired, though nobody wrote that."""
    assert expected == seen(DELIVERED, NOW + timedelta(seconds=seconds)).status


def test_what_ended_does_not_expire():
    """A result and a cancellation stay what they are."""
    later = NOW + timedelta(days=1)

    assert seen(told(DELIVERED), later).status == "executed"
    assert seen(cancelled(DELIVERED, NOW), later).status == "cancelled"


def test_the_same_word_again_changes_nothing():
    """A device whose answer was lost may tell its result again, at any later time."""
    once = told(DELIVERED, result={"recording_id": "rec_1"})
    again = told(once, NOW + timedelta(days=2), result={"recording_id": "rec_1"})

    assert once == again


@pytest.mark.parametrize(
    "other",
    [{"status": CommandStatus.FAILED}, {"result": {"a": 1}}, {"error": "no recorder"}],
)
def test_another_word_is_refused(other):
    """What a device said first counts."""
    with pytest.raises(CommandOver):
        told(told(DELIVERED), **other)


def test_a_result_counts_after_its_command_expired():
    """A device that acted in time may tell of it when its link is back."""
    late = told(DELIVERED, NOW + timedelta(hours=5))

    assert (late.status, seen(late, NOW + timedelta(days=9)).status) == ("executed", "executed")


def test_a_result_counts_after_its_command_was_cancelled():
    """What was done was done, whatever was wished meanwhile."""
    assert told(cancelled(DELIVERED, NOW)).status == "executed"


def test_what_is_over_cannot_be_cancelled():
    """Nobody is told that something was prevented that happened, or ran out by itself."""
    with pytest.raises(CommandOver, match="executed"):
        cancelled(told(DELIVERED), NOW)
    with pytest.raises(CommandOver, match="expired"):
        cancelled(DELIVERED, NOW + timedelta(seconds=300))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["cancel", "executed", "failed", "executed with more"]),
        st.integers(0, 400),
    ),
    max_size=8,
)


@given(st.sampled_from([COMMAND, DELIVERED]), STEPS)
def test_an_end_is_the_last(command, steps):
    """Whatever comes in whatever order, an executed or failed command never changes again."""
    now = NOW
    for what, seconds in steps:
        now += timedelta(seconds=seconds)
        before = command
        try:
            if what == "cancel":
                command = cancelled(command, now)
            else:
                status, _, more = what.partition(" with ")
                command = told(command, now, CommandStatus(status), {"more": 1} if more else None)
        except CommandOver:
            continue

        assert before.status not in ENDED or before == command
        assert command.delivered_at is not None or command.status not in ENDED
