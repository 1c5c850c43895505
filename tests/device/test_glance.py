"""One look at a spool: what is kept there beside the recordings."""

from datetime import UTC, date, datetime, timedelta

import pytest

from device.clock import SystemClock
from device.config import Config, SpoolConfig, UploadConfig
from device.glance import glance
from device.model import Spent, Wait
from device.spool.spool import Spool

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TODAY = date(2026, 3, 1)


@pytest.fixture
def spool(tmp_path):
    held = Spool.open(SpoolConfig(path=tmp_path / "spool", min_free_bytes=0), SystemClock())
    yield held
    held.close()


def seen(spool, *, limit_mb=None, day=None):
    config = Config(
        spool=SpoolConfig(path=spool.root), upload=UploadConfig(daily_data_limit_mb=limit_mb)
    )
    return glance(config, NOW, day=day)


@pytest.mark.parametrize(
    ("here", "gateway", "limit_mb"),
    [(None, None, 0), (500, None, 500), (500, 200, 200), (9, 80, 9)],
)
def test_the_limit_is_the_smallest_that_anybody_set(spool, here, gateway, limit_mb):
    """The gateway's word is kept in the spool, so it holds without an agent too."""
    if gateway is not None:
        spool.keep("settings", {"upload": {"daily_data_limit_mb": gateway}})

    assert limit_mb == seen(spool, limit_mb=here).limit_mb


def test_today_is_what_whoever_knows_better_says(spool):
    """A box whose clock is wrong counts by the cloud's day, and so it is told."""
    spent = Spent(kind="4g", costs=True, sent_bytes=7)
    spool.spend(TODAY + timedelta(days=3), spent)

    assert (spent,) == seen(spool, day=TODAY + timedelta(days=3)).spent
    assert () == seen(spool, day=TODAY).spent


@pytest.mark.parametrize(
    ("kept", "hold"),
    [
        (None, None),
        (
            {"code": "roaming", "reason": "abroad", "until": None},
            Wait(code="roaming", reason="abroad"),
        ),
        (
            {"code": "hours", "reason": "not yet", "until": NOW},
            Wait(code="hours", reason="not yet", until=NOW),
        ),
        (
            {"code": "hours", "reason": "not yet", "until": "tomorrow"},
            Wait(code="hours", reason="not yet"),
        ),
        ({"code": 7}, None),
        ("text", None),
    ],
)
def test_what_the_policy_said_is_read_leniently(spool, kept, hold):
    """Another version may have kept it in other words."""
    spool.keep("hold", kept)

    assert hold == seen(spool).hold


@pytest.mark.parametrize(("kept", "told"), [(None, None), ({"reason": "no route"}, "no route")])
def test_why_the_cloud_hears_nothing_is_told(spool, kept, told):
    """Until a heartbeat is heard again."""
    spool.keep("heartbeat-unheard", kept)

    assert told == seen(spool).unheard
