"""Agreed settings: the gateway's word is kept, and the box's own comes last."""

import asyncio

import pytest

from device.agreed import SETTINGS, Agreed
from device.bell import Bell
from device.config import Config, UploadConfig
from tests.fakes.clock import FakeClock
from tests.fakes.uploads import spool_in

pytestmark = pytest.mark.asyncio


@pytest.fixture
def spool(tmp_path):
    with spool_in(tmp_path / "spool", FakeClock()) as opened:
        yield opened


@pytest.fixture
def bell():
    return Bell()


async def test_what_the_gateway_says_survives_a_restart(spool, bell):
    """A box that starts without a network keeps to what it was told before."""
    await Agreed(Config(), spool, bell).take({"upload": {"daily_data_limit_mb": 50}})
    again = Agreed(Config(), spool, bell)
    await again.begin()

    assert 50 == again.merged.send.daily_data_limit_mb


async def test_a_change_rings_and_a_repetition_does_not(spool, bell):
    """The uploads are told when something else holds; each heartbeat says the same."""
    agreed = Agreed(Config(), spool, bell)
    for _ in range(3):
        await agreed.take({"upload": {"allow_roaming": True}})

    assert 1 == bell.count
    assert agreed.merged.send.allow_roaming


async def test_what_makes_no_difference_does_not_ring(spool, bell):
    """A setting that the box overrides changes nothing."""
    agreed = Agreed(Config(upload=UploadConfig(allow_roaming=False)), spool, bell)
    await agreed.take({"upload": {"allow_roaming": True}})

    assert 0 == bell.count
    assert not agreed.merged.send.allow_roaming


async def test_what_the_gateway_leaves_out_is_no_longer_said(spool, bell):
    """Each answer is the whole of it."""
    agreed = Agreed(Config(), spool, bell)
    await agreed.take({"upload": {"allow_roaming": True}})
    await agreed.take({})

    assert not agreed.merged.send.allow_roaming


@pytest.mark.parametrize("junk", [[], "x", 7])
async def test_junk_in_the_spool_is_nothing(spool, bell, junk):
    """What another version kept there does not stop the agent."""
    await asyncio.to_thread(spool.keep, SETTINGS, junk)
    agreed = Agreed(Config(), spool, bell)
    await agreed.begin()

    assert not agreed.merged.send.allow_roaming
