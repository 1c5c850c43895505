"""What is wrong with a device, as operators are told."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.fleet import LOST, QUIET, STUCK, Standing, troubles
from gateway.model import Device

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def standing(heard_ago=timedelta(0), oldest_ago=None, broken=0, unfinished=0, **said):
    device = Device(
        id="dev_1",
        serial_number="AM-07",
        created_at=NOW,
        updated_at=NOW,
        heartbeat=said,
        last_heartbeat_at=None if heard_ago is None else NOW - heard_ago,
    )
    oldest_at = None if oldest_ago is None else NOW - oldest_ago
    return Standing(device=device, unfinished=unfinished, oldest_at=oldest_at, broken=broken)


def codes(of):
    return [(each.code, str(each.severity)) for each in troubles(of, NOW)]


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (standing(), []),
        (standing(None), []),
        (standing(QUIET - timedelta(seconds=1)), []),
        (standing(QUIET), [("offline", "warning")]),
        (standing(LOST), [("offline", "error")]),
        (standing(flags=1 << 1), [("low_battery", "warning")]),
        (standing(device_state="lowBattery"), [("low_battery", "warning")]),
        (standing(flags=1 << 2), [("storage_full", "error")]),
        (standing(device_state="storageFull"), [("storage_full", "error")]),
        (standing(device_state="error"), [("device_error", "error")]),
        (standing(broken=2), [("integrity_failure", "error")]),
        (standing(oldest_ago=STUCK), [("backlog_old", "warning")]),
        (standing(oldest_ago=STUCK / 2), []),
        (standing(flags="?", device_state=7), []),
    ],
)
def test_each_trouble_is_told(of, expected):
    """What a device said, what it does not say any more, and how its recordings fare."""
    assert expected == codes(of)


def test_the_worst_comes_first():
    """Whoever reads the first words only has read what matters most."""
    found = codes(standing(QUIET, flags=1 << 1 | 1 << 2))

    assert [("storage_full", "error"), ("offline", "warning"), ("low_battery", "warning")] == found


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (standing(), None),
        (standing(unfinished=3), 3),
        (standing(unfinished=3, pending_recordings=5), 5),
        (standing(unfinished=3, pending_recordings=0), 3),
        (standing(pending_recordings=0), 0),
    ],
)
def test_the_backlog_counts_here_and_there(of, expected):
    """Recordings begun here are among those that the device has; nobody's word is no zero."""
    assert expected == of.backlog


@pytest.mark.parametrize(
    ("said", "expected"), [({}, None), ({"flags": 0}, False), ({"flags": 1}, True)]
)
def test_charging_is_the_first_flag(said, expected):
    """Unknown where the device said nothing."""
    assert expected == standing(**said).charging
