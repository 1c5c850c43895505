"""What the spool keeps of recorders: the last heard of each, and why one cannot be reached."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.last_seen import BATTERY_STEP, differs
from device.model import Condition, LastSeen, RecorderId, RecorderInfo, State, Unreached
from device.spool.last_seen import MOST_RECORDERS
from device.spool.reader import read_only
from tests.device.spool.recordings import NOON, recording, sealed

URL = "ble://C0:FF:EE:00:00:01"
INFO = RecorderInfo(
    recorder=RecorderId("bota:ABCDEF1234"),
    driver="bota",
    model="Bota Pin",
    serial="ABCDEF1234",
    firmware="1.0.17",
    capacity_bytes=1 << 30,
    used_bytes=1 << 29,
    dropped_recordings=3,
    clock_offset_s=-2.5,
    battery_percent=76,
    charging=False,
    pending=2,
    conditions=(Condition.RECORDING, Condition.LOW_BATTERY),
)
SEEN = LastSeen(info=INFO, url=URL, seen_at=NOON)
WHY = Unreached(url=URL, since=NOON, problem="it is off", hint="switch it on")


def numbered(number: int) -> LastSeen:
    return LastSeen(
        info=replace(INFO, recorder=RecorderId(f"bota:{number:04}")),
        url=URL,
        seen_at=NOON + timedelta(seconds=number),
    )


def test_what_was_heard_comes_back_after_a_restart(reopen):
    """Every field, for `status` to print; the later word replaces the earlier."""
    spool = reopen()
    spool.save_last_seen(SEEN)
    later = replace(SEEN, seen_at=NOON + timedelta(hours=1), info=replace(INFO, charging=True))
    spool.save_last_seen(later)
    reopen()
    with read_only(spool.root) as reader:
        found = reader.last_seen()

    assert [later] == found


def test_why_a_url_fails_is_kept_until_it_does_not(spool):
    """One sentence per URL."""
    spool.save_unreached(WHY)
    spool.save_unreached(replace(WHY, problem="it is far", hint=None))
    kept = spool.unreached(URL)
    spool.save_reached(URL)
    spool.save_reached(URL)

    assert replace(WHY, problem="it is far", hint=None) == kept
    assert spool.unreached(URL) is None


def test_a_recorder_that_changes_its_name_does_not_fill_the_disk(spool):
    """Those not heard of for longest go; the one just heard stays even if time steps back."""
    for number in range(MOST_RECORDERS + 5):
        spool.save_last_seen(numbered(number))
    spool.save_last_seen(replace(SEEN, seen_at=NOON - timedelta(days=9000)))
    with read_only(spool.root) as reader:
        found = {each.info.recorder for each in reader.last_seen()}

    assert MOST_RECORDERS == len(found)
    assert INFO.recorder in found
    assert numbered(0).info.recorder not in found


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE last_seen SET info_json = x'7b' WHERE recorder = 'bota:0001'",
        "UPDATE last_seen SET seen_at = 'noon' WHERE recorder = 'bota:0001'",
        "UPDATE last_seen SET info_json = x'ff00' WHERE recorder = 'bota:0001'",
        """UPDATE last_seen SET info_json = CAST('{"driver": 7}' AS BLOB)
        WHERE recorder = 'bota:0001'""",
    ],
)
def test_a_row_that_cannot_be_read_hides_no_other(reopen, damage):
    """It is told anew at the next visit."""
    spool = reopen()
    spool.save_last_seen(numbered(1))
    spool.save_last_seen(numbered(2))
    spool.close()
    with closing(sqlite3.connect(spool.root / "spool.db")) as connection:
        connection.execute(damage)
        connection.commit()
    with read_only(spool.root) as reader:
        assert [numbered(2)] == reader.last_seen()


def test_released_recordings_are_counted_without_loading_them(spool):
    """What the spool has never heard of waits too."""
    first = sealed(spool)
    unknown = recording("cd" * 16).key.entry_id()
    with read_only(spool.root) as reader:
        assert 1 == reader.count(State.SEALED, [first.id, unknown])
        assert 0 == reader.count(State.RELEASED, [first.id])
    assert 2 == spool.unreleased([first.id, unknown])
    assert 0 == spool.unreleased([])


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"battery_percent": 76 + BATTERY_STEP}, True),
        ({"battery_percent": 76 - BATTERY_STEP + 1}, False),
        ({"battery_percent": None}, True),
        ({"used_bytes": (1 << 29) + (1 << 20)}, False),
        ({"used_bytes": (1 << 29) + (11 << 20)}, True),
        ({"capacity_bytes": None}, True),
        ({"clock_offset_s": -2.6}, False),
        ({"clock_offset_s": 2.5}, True),
        ({"charging": True}, True),
        ({"pending": 3}, True),
        ({"conditions": ()}, True),
        ({"dropped_recordings": 4}, True),
        ({"firmware": "1.0.18"}, True),
    ],
)
def test_only_what_an_operator_would_see_is_a_difference(change, seen):
    """Figures that always move a little count in steps, everything else at once."""
    assert seen is differs(INFO, replace(INFO, **change))
    assert seen is differs(replace(INFO, **change), INFO)


@given(levels=st.lists(st.integers(0, 100), max_size=60))
def test_a_battery_that_empties_costs_a_write_per_step(levels):
    """However finely a gauge counts down, it is written once per 5 % at most."""
    kept, writes = replace(INFO, battery_percent=100), 0
    for level in sorted(levels, reverse=True):
        now = replace(INFO, battery_percent=level)
        if differs(kept, now):
            kept, writes = now, writes + 1

    assert writes <= 100 // BATTERY_STEP
