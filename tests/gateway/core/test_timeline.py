"""Where media lie in time."""

from datetime import UTC, datetime, timedelta

from gateway.core.timeline import timeline
from gateway.model import MediaType, Medium, Recording

BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def medium(name, at_s=None, kind=MediaType.AUDIO):
    captured_at = None if at_s is None else BEGIN + timedelta(seconds=at_s)
    return Medium(
        id=name,
        recording_id="rec_1",
        type=kind,
        content_type="x/y",
        created_at=BEGIN,
        captured_at=captured_at,
    )


def image(name, at_s=None):
    return medium(name, at_s, MediaType.IMAGE)


def laid(*media, begin=BEGIN, end=None, **durations):
    recording = Recording(id="rec_1", created_at=BEGIN, started_at=begin, ended_at=end, media=media)
    found = timeline(recording, durations)
    return (
        [(each.id, at) for each, at in found.audio],
        [(each.id, at) for each, at in found.others],
        found.duration_s,
    )


def test_parts_of_audio_lie_where_they_say():
    """Whatever order they came in, their times place them; the last end is the recording's."""
    found = laid(medium("b", 60), medium("a", 0), a=60.0, b=12.5)

    assert ([("a", 0.0), ("b", 60.0)], [], 72.5) == found


def test_audio_without_a_time_follows_what_came_before():
    """Each begins where the one before it ended."""
    found = laid(medium("a"), medium("b"), medium("c"), a=3.0, b=4.0, c=1.0)

    assert ([("a", 0.0), ("b", 3.0), ("c", 7.0)], [], 8.0) == found


def test_audio_never_begins_before_the_recording():
    """A clock that went back between two notes puts nothing left of the begin."""
    assert [("a", 0.0)] == laid(medium("a", -2), a=1.0)[0]


def test_images_lie_in_order_and_the_unknown_comes_last():
    """One that was taken before the begin says so; one without a time says nothing."""
    found = laid(image("c", 9), image("x"), image("a", -1.5), image("b", 0))

    assert [("a", -1.5), ("b", 0.0), ("c", 9.0), ("x", None)] == found[1]


def test_without_a_begin_the_first_audio_is_it():
    """Where neither says anything, an image has no place."""
    told = laid(medium("a", 5), image("i", 8), begin=None)
    silent = laid(medium("a"), image("i", 8), begin=None)

    assert ([("a", 0.0)], [("i", 3.0)]) == told[:2]
    assert [("i", None)] == silent[1]


def test_the_recording_says_how_long_it_was_where_nobody_could_listen():
    """An end before the begin says nothing."""
    ends = [BEGIN + timedelta(seconds=90), BEGIN - timedelta(seconds=1), None]

    assert [90.0, None, None] == [laid(medium("a"), end=end)[2] for end in ends]
