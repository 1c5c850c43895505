"""A recorder or a clock that means harm: bounded waits, bounded memory, times put right."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from device.core.link.answers import HASH_BYTES, HashesAre
from device.core.link.messages import encode_message, parse
from device.drivers import native_session
from device.drivers.native import open_on
from device.errors import LinkLost, ProtocolViolation
from device.links.memory import MemoryLink
from tests.device.drivers.native_rig import FakeBoard, Recorder, driving, usual_store
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio


async def test_a_line_that_takes_no_bytes_is_given_up(monkeypatch):
    """A port whose output is stuck must not keep its visitor for ever."""
    monkeypatch.setattr(native_session, "SEND_S", 0.02)

    class Stuck(MemoryLink):
        async def send(self, frame: bytes) -> None:
            await asyncio.get_running_loop().create_future()

    link, _ = Stuck.pair()
    async with asyncio.timeout(5):
        with pytest.raises(LinkLost):
            await open_on(link, FakeClock(), release="delete")


async def test_blocks_too_large_to_hash_are_refused():
    """Blocks of gigabytes would be read into memory one by one to compare them."""

    def huge(frame: bytes):
        hashes = parse(frame)
        if not isinstance(hashes, HashesAre):
            return (frame,)
        return (encode_message(replace(hashes, block_bytes=1 << 30, hashes=bytes(HASH_BYTES * 4))),)

    async with driving(Recorder(usual_store(), tamper=huge)) as driver:
        recording = (await driver.recordings()).recordings[0]
        with pytest.raises(ProtocolViolation):
            await driver.block_hashes(recording, recording.media[0], 1 << 32)


async def test_a_clock_step_in_mid_session_is_passed_on():
    """A box that booted with yesterday's time sets the recorder right once it knows better."""
    board = FakeBoard()
    clock = FakeClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    async with driving(Recorder(usual_store(), board), clock) as driver:
        await driver.info()
        clock.step(timedelta(days=3).total_seconds())
        await driver.recordings()

    assert board.utc == round(clock.now().timestamp() * 1000)
