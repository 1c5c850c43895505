"""Recordings go up in the order in which they began, and one that fails keeps nobody waiting."""

import asyncio

import pytest

from device.errors import NotTheCloud
from device.upload_slots import UploadSlots
from tests.device.test_upload import AUDIO, Line, clock, plain, spool  # noqa: F401 - fixtures
from tests.fakes.uploads import noise


@pytest.mark.asyncio
async def test_a_failure_is_known_before_older_recordings_have_gone(
    plain: Line,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pictures that wait behind others are not waited for, once one has failed."""
    slots = UploadSlots(1)
    older, waiting = slots.turn(), []

    async def refused(request, file, progress):
        waiting.append(asyncio.create_task(slots.acquire(older)))
        await asyncio.sleep(0)
        raise NotTheCloud("a portal answers")

    monkeypatch.setattr(plain.transport, "send", refused)
    entry = await plain.seal(AUDIO, *(noise(1000, seed=n) for n in range(1, 7)))
    async with asyncio.timeout(20):
        with pytest.raises(NotTheCloud):
            await plain.upload(entry, slots)
    await asyncio.gather(*waiting)

    assert len(waiting) == 1
    assert not slots.taken_at_once()


@pytest.mark.asyncio
async def test_a_turn_is_taken_before_anything_is_waited_for(
    plain: Line,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else an entry of a thousand pictures, which takes long to look up, comes after later ones."""
    slots = UploadSlots(2)
    entry = await plain.seal(AUDIO)
    steps = []
    turn, look_up = slots.turn, plain.spool.entry
    monkeypatch.setattr(slots, "turn", lambda: steps.append("turn") or turn())
    monkeypatch.setattr(plain.spool, "entry", lambda e: steps.append("look up") or look_up(e))
    await plain.upload(entry, slots)

    assert ["turn", "look up"] == steps[:2]
