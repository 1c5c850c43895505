"""Transfers: what moves, how far, and how fast."""

from datetime import UTC, datetime

import pytest

from device.control.transfers import SHOWN_S, TOTAL_OVER_S, Transfers
from device.model import (
    Entry,
    EntryId,
    MediaKind,
    Medium,
    MediumState,
    RecorderId,
    Recording,
    RecordingKey,
    State,
    Wait,
)
from tests.fakes.clock import FakeClock

ID = EntryId("ab" * 16)


def entry(state: State, wait: Wait | None = None) -> Entry:
    medium = Medium(
        index=0, name="a.opus", kind=MediaKind.AUDIO, content_type="audio/opus", size_bytes=1000
    )
    key = RecordingKey(recorder=RecorderId("native:1"), recording="r", generation=0)
    return Entry(
        id=ID,
        recording=Recording(key=key, media=(medium,)),
        state=state,
        media=(MediumState(medium=medium, file="audio.opus"),),
        begun_at=datetime(2026, 3, 1, tzinfo=UTC),
        wait=wait,
    )


def book() -> tuple[FakeClock, Transfers]:
    clock = FakeClock()
    return clock, Transfers(clock=clock, changed=lambda: None)


def test_the_rate_is_that_of_the_last_seconds():
    """A fast beginning is forgotten."""
    clock, transfers = book()
    transfers.uploading(ID, 0, 0, 10_000_000)
    clock.advance(1)
    transfers.uploading(ID, 0, 5_000_000, 10_000_000)
    for step in range(1, 31):
        clock.advance(1)
        transfers.uploading(ID, 0, 5_000_000 + 100 * step, 10_000_000)

    assert {
        "entry": ID,
        "medium": 0,
        "direction": "upload",
        "done_bytes": 5_003_000,
        "total_bytes": 10_000_000,
        "rate_bytes_per_s": 100,
    } == transfers.objects()[0]


def test_a_part_that_is_sent_again_has_no_negative_rate():
    """Progress may go back."""
    clock, transfers = book()
    transfers.uploading(ID, 0, 900, 1000)
    clock.advance(2)
    transfers.uploading(ID, 0, 100, 1000)

    assert 0 == transfers.objects()[0]["rate_bytes_per_s"]


def test_thousands_of_steps_keep_little():
    """A fast pull tells of each frame."""
    clock, transfers = book()
    for step in range(10_000):
        clock.advance(0.001)
        transfers.pulling(ID, 0, step, 10_000)

    assert len(transfers._moving[ID, 0, "pull"].steps) < 60


def test_what_is_sealed_is_pulled_no_more():
    """Its upload, which began meanwhile, stays."""
    _, transfers = book()
    transfers.pulling(ID, 0, 10, 10)
    transfers.uploading(ID, 0, 0, 10)
    transfers.moved(entry(State.SEALED))

    assert ["upload"] == [each["direction"] for each in transfers.objects()]


def test_what_waits_does_not_move():
    """An upload that failed is told by its reason, not by its progress."""
    _, transfers = book()
    transfers.uploading(ID, 0, 5, 10)
    transfers.moved(entry(State.SEALED, Wait(code="x", reason="y")))

    assert [] == transfers.objects()


def test_what_fell_silent_is_dropped():
    """A recorder that went away in the middle of a pull."""
    clock, transfers = book()
    transfers.pulling(ID, 0, 5, 10)
    clock.advance(121)

    assert [] == transfers.objects()


def test_what_landed_is_shown_as_done_for_a_moment():
    """With no rate any more; what is not all there stays."""
    clock, transfers = book()
    for index, done in ((0, 1000), (1, 900)):
        transfers.uploading(ID, index, 0, 1000)
        clock.advance(1)
        transfers.uploading(ID, index, done, 1000)
    rates = [each["rate_bytes_per_s"] for each in transfers.objects()]
    clock.advance(SHOWN_S)

    assert [0, 900] == rates
    assert [1] == [each["medium"] for each in transfers.objects()]


def test_more_than_was_announced_is_still_pulled():
    """A recording whose size its recorder only estimates."""
    clock, transfers = book()
    transfers.pulling(ID, 0, 900, 1000)
    clock.advance(1)
    transfers.pulling(ID, 0, 1100, 1000)
    clock.advance(SHOWN_S + 1)

    assert 1 == len(transfers.objects())


def test_uploads_together_are_never_faster_than_their_link():
    """One medium after the other at 60 kB/s, two under way at a time, some parts sent twice."""
    clock, transfers = book()
    most = 0
    for number in range(40):
        pair = (2 * number, 2 * number + 1)
        for index in pair:
            transfers.uploading(ID, index, 0, 30_000)
        for step in range(1, 5):
            clock.advance(0.25)
            for index in pair:
                transfers.uploading(ID, index, 7_500 * step, 30_000)
                transfers.uploading(ID, index, 7_500 * (step - 1), 30_000)
            most = max(most, transfers.upload_rate())
    steady = transfers.upload_rate()
    clock.advance(TOTAL_OVER_S + 1)

    assert 60_000 == pytest.approx(most, rel=0.06)
    assert 60_000 == pytest.approx(steady, rel=0.06)
    assert 0 == transfers.upload_rate()
