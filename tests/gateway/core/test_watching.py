"""What is new between two looks."""

from datetime import UTC, datetime, timedelta

from gateway.core.watching import Look, told

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)


def test_what_is_there_at_first_is_not_new():
    """The same look twice tells nothing."""
    look = Look({"dev_1": NOW}, {"dlv_1": {"status": "pending"}}, {"vis_1": {"state": "open"}})

    assert [] == list(told(look, look))


def test_each_change_is_told_once():
    """A device heard again, a delivery that moved on, a visit that began."""
    before = Look({"dev_1": NOW, "dev_2": NOW}, {"dlv_1": {"status": "pending"}}, {})
    after = Look(
        {"dev_1": LATER, "dev_2": NOW}, {"dlv_1": {"status": "dead"}}, {"vis_1": {"state": "open"}}
    )

    assert [
        ("device", {"device_id": "dev_1"}),
        ("delivery", {"status": "dead"}),
        ("phone", {"state": "open"}),
    ] == list(told(before, after))


def test_the_last_time_anybody_was_heard_is_known():
    """The next look asks for what came after it."""
    assert [LATER, None] == [Look({"a": NOW, "b": LATER}).heard_at, Look().heard_at]
