"""A listing is whole when the recorder's own count says so, and never by silence alone."""

import pytest

from device.core.bota_ble.gathering import LONGEST_S, PATIENCE_S, QUIET_S, Gathering
from device.core.bota_ble.listing import encode_entry
from device.core.bota_ble.status import StorageInfo


def expecting(recordings: int, pending: int = 0) -> StorageInfo:
    return StorageInfo(total_bytes=0, used_bytes=0, recordings=recordings, pending=pending)


def entry(number: int, started_s: int = 1) -> bytes:
    return encode_entry(bytes((number, 0, 0, 1)), started_s=started_s, duration_s=1, size_kib=1)


def test_it_ends_early_when_the_count_is_reached():
    """The last expected entry and a little quiet are enough."""
    gathering = Gathering(expecting(2), 0.0)
    gathering.received(entry(1), 1.0)
    before = gathering.wait_s(1.0)
    gathering.received(entry(2), 2.0)

    assert before == PATIENCE_S
    assert gathering.wait_s(2.0) == pytest.approx(QUIET_S)
    assert len(gathering.result().entries) == 2
    assert gathering.result().complete


def test_an_empty_recorder_is_empty_at_once():
    """Nothing expected and nothing heard is an empty listing, without five seconds of doubt."""
    gathering = Gathering(expecting(0), 0.0)

    assert gathering.wait_s(0.0) == pytest.approx(QUIET_S)
    assert gathering.result().complete


def test_silence_is_no_empty_recorder():
    """No answer where recordings were counted proves nothing."""
    gathering = Gathering(expecting(1), 0.0)

    assert gathering.wait_s(0.0) == PATIENCE_S
    assert not gathering.result().complete


def test_the_other_count_may_be_the_listings():
    """A recorder may list only what is pending; then the full time is waited."""
    gathering = Gathering(expecting(5, pending=1), 0.0)
    gathering.received(entry(1), 0.0)

    assert gathering.wait_s(0.0) == PATIENCE_S
    assert gathering.result().complete


def test_a_repeated_notification_changes_nothing():
    """Entries are counted once."""
    gathering = Gathering(expecting(1), 0.0)
    gathering.received(entry(1) * 2, 0.0)
    gathering.received(entry(1), 0.0)

    assert len(gathering.result().entries) == 1
    assert gathering.result().complete


def test_a_cut_notification_makes_it_incomplete():
    """What was cut may have held entries, whatever the count says."""
    gathering = Gathering(expecting(1), 0.0)
    gathering.received(entry(1), 0.0)
    gathering.received(entry(2)[:-1], 0.0)

    assert gathering.wait_s(0.0) == PATIENCE_S
    assert not gathering.result().complete


def test_one_id_with_two_contents_is_nobody():
    """Two entries of one id contradict each other; both are set aside and named."""
    gathering = Gathering(expecting(1), 0.0)
    gathering.received(entry(1) + entry(1, started_s=2), 0.0)
    result = gathering.result()

    assert (result.entries, result.contradicted) == ((), (bytes((1, 0, 0, 1)),))


def test_a_listing_without_end_is_cut_off(monkeypatch):
    """What a recorder makes up takes no memory without end, and is no whole listing."""
    monkeypatch.setattr("device.core.bota_ble.gathering.MOST_ENTRIES", 3)
    gathering = Gathering(expecting(3), 0.0)
    gathering.received(b"".join(map(entry, range(9))), 0.0)
    gathering.received(entry(0), 0.0)
    result = gathering.result()

    assert [each.file_id[0] for each in result.entries] == [0, 1, 2]
    assert not result.complete


def test_a_listing_that_drips_for_ever_ends():
    """Notifications without end are not waited for beyond a minute."""
    gathering = Gathering(expecting(9), 0.0)
    gathering.received(entry(1), LONGEST_S - 1)

    assert gathering.wait_s(LONGEST_S - 1) == pytest.approx(1.0)
    assert gathering.wait_s(LONGEST_S + 1) == 0.0
