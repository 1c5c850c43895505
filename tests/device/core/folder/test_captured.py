"""captured_at: the order of sources, and times in file names."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.folder.captured import captured, time_in_name

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "trusted"),
    [
        ("2026-03-01T12:00:00Z.jpg", True),
        ("20260301T120000Z.jpg", True),
        ("2026-03-01T12-00-00Z.jpg", True),
        ("2026-03-01T12.00.00z-cam1.jpg", True),
        ("cam1_20260301T130000+0100.jpg", True),
        ("cam1_20260301T130000+01.jpg", True),
        ("2026-03-01T07:00:00-05:00.wav", True),
        ("2026-03-01_12-00-00.wav", False),
        ("20260301T120000.000-0100.jpg", False),
        ("20260301T120000-0042.jpg", False),
    ],
)
def test_a_time_in_a_name_is_read(name: str, trusted: bool):
    """All spellings mean noon; only one that says its offset is trusted."""
    assert (NOON, trusted) == time_in_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "talk.wav",
        "2026-03-01.wav",
        "IMG_20261301T120000Z.jpg",
        "120260301T120000Z.jpg",
        "2026-0301T120000Z.jpg",
        "20260301T1200000Z.jpg",
        "20260301T120000+99.jpg",
        "00010101T000000+14:00.jpg",
    ],
)
def test_what_is_no_time_is_none(name: str):
    """A date, an impossible time or a longer number is not taken for one."""
    assert time_in_name(name) is None


@given(st.text(alphabet="0123456789-:T.+Z_", max_size=40))
def test_any_name_is_read_or_not(name: str):
    """No name ends in anything but a moment in UTC or None."""
    found = time_in_name(name)

    assert found is None or found[0].tzinfo is UTC


def test_the_sources_are_believed_in_order():
    """recording.json, then EXIF, then the name, then mtime, which alone is not trusted."""
    hours = [datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in (1, 2, 12, 4)]
    sidecar, exif, named, mtime = hours
    mtime_ns = int(mtime.timestamp()) * 10**9
    name = "20260301T120000Z.jpg"
    chosen = [
        captured(sidecar=sidecar, exif=exif, name=name, mtime_ns=mtime_ns),
        captured(sidecar=None, exif=exif, name=name, mtime_ns=mtime_ns),
        captured(sidecar=None, exif=None, name=name, mtime_ns=mtime_ns),
        captured(sidecar=None, exif=None, name="1.jpg", mtime_ns=mtime_ns),
    ]

    assert [(sidecar, True), (exif, True), (named, True), (mtime, False)] == chosen


def test_an_mtime_outside_the_calendar_is_no_time():
    """A file system may hold any number there."""
    assert captured(sidecar=None, exif=None, name="x", mtime_ns=2**80) == (None, False)
