"""Visit: what a listing leaves to people is kept, is told once, and goes when it is put right."""

import asyncio

import pytest

from device.errors import SpoolFull
from device.model import Noticed, Rejected, State
from device.notices import MOST, MOST_CHARACTERS
from device.spool.notices import name_of, noticed
from tests.device.test_visit import AUDIO, OTHER, Rig, rig
from tests.fakes.scripted_driver import RECORDER, key

pytestmark = pytest.mark.asyncio
__all__ = ["rig"]

URL = "scripted://1"
FIRST = key(1).recording


async def kept(rig: Rig) -> Noticed | None:
    return await asyncio.to_thread(noticed, rig.spool.kept, URL)


async def named(rig: Rig) -> list[str]:
    found = await kept(rig)
    return [each.recording for each in found.notices] if found else []


async def reused(rig: Rig) -> None:
    """Empty the recorder, and let it list other content under an id that it had before."""
    await rig.once(rig.visitor())
    rig.driver.contents = {key(1): (OTHER,)}
    await rig.once(rig.visitor())


async def test_other_content_under_a_known_id_is_kept_with_what_to_do(rig: Rig):
    """By recorder, recording and the entry that has the id here."""
    await reused(rig)
    found = await kept(rig)

    assert found is not None
    (notice,) = found.notices
    assert (1, RECORDER, FIRST) == (found.total, notice.recorder, notice.recording)
    assert "other content" in notice.problem
    assert f"fieldpost recordings show {key(1).entry_id()}" in notice.hint
    assert [State.RELEASED] * 2 == await rig.states()


async def test_what_the_next_listing_no_longer_has_is_forgotten(rig: Rig):
    """A person deleted it on the recorder."""
    await reused(rig)
    rig.driver.contents = {}
    await rig.once(rig.visitor())

    assert await kept(rig) is None


async def test_a_line_that_is_cut_hides_nothing(rig: Rig):
    """What needs a person is kept before anything is pulled."""
    rig.driver.rejected = (Rejected(recording="bad", reason="no audio"),)
    rig.driver.cuts = [0] * 1000
    await rig.once(rig.visitor())

    assert ["bad"] == await named(rig)


async def test_what_is_only_not_ready_needs_nobody(rig: Rig):
    """A folder that is still written is no failure."""
    rig.driver.rejected = (
        Rejected(recording="bad", reason="no audio"),
        Rejected(recording="later", reason="still being written", failed=False),
    )
    await rig.once(rig.visitor())

    assert ["bad"] == await named(rig)


async def test_part_of_a_listing_takes_away_only_what_it_names(rig: Rig):
    """Absence proves nothing there."""
    rig.driver.rejected = tuple(Rejected(recording=name, reason="odd") for name in ("a", "b"))
    await rig.once(rig.visitor())
    rig.driver.complete = False
    rig.driver.rejected = (Rejected(recording="a", reason="it grows", failed=False),)
    await rig.once(rig.visitor())

    assert ["b"] == await named(rig)


async def test_what_is_kept_is_bounded_and_counted(rig: Rig):
    """A thousand broken ones, or a recorder that tells novels, fill no disk."""
    rig.driver.rejected = tuple(
        Rejected(recording=f"{number:04}", reason="x" * 10_000) for number in range(1000)
    )
    await rig.once(rig.visitor())
    found = await kept(rig)

    assert found is not None
    assert (1000, MOST) == (found.total, len(found.notices))
    assert {MOST_CHARACTERS} == {len(each.problem) for each in found.notices}


async def test_what_is_the_same_is_not_written_again(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    """SD cards wear out."""
    await reused(rig)
    written: list[str] = []
    monkeypatch.setattr(rig.spool, "keep", lambda name, _value: written.append(name))
    await rig.once(rig.visitor())

    assert [] == written


async def test_a_full_disk_stops_no_visit(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    """It is told at the next listing."""

    def full(_name: str, _value: object) -> None:
        raise SpoolFull("no space")

    monkeypatch.setattr(rig.spool, "keep", full)
    rig.driver.rejected = (Rejected(recording="bad", reason="no audio"),)
    await rig.once(rig.visitor())

    assert [State.RELEASED] * 2 == await rig.states()


async def test_what_cannot_be_written_stops_no_visit(rig: Rig):
    """A third party's driver may tell what is no text."""
    rig.driver.rejected = (Rejected(recording="\udcff", reason="no audio"),)
    await rig.once(rig.visitor())

    assert [State.RELEASED] * 2 == await rig.states()


async def test_what_cannot_be_read_is_told_anew(rig: Rig):
    """A later Fieldpost may have kept something else there."""
    await asyncio.to_thread(rig.spool.keep, name_of(URL), {"told": "otherwise"})
    rig.driver.contents = {key(1): (AUDIO,)}
    rig.driver.rejected = (Rejected(recording="bad", reason="no audio"),)
    unread = await kept(rig)
    await rig.once(rig.visitor())

    assert unread is None
    assert ["bad"] == await named(rig)
