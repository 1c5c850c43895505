"""Visit: a Bota recorder is emptied through cuts and other MTUs, and only after each receipt."""

import asyncio
import random
from dataclasses import replace

import pytest

from device.core.bota_ble import commands, uuids
from device.core.bota_ble.recorder import BotaRecorder
from device.core.bota_ble.stream import Cut
from device.model import State
from tests.device.bota_site import site
from tests.device.drivers.bota_rig import LONG, LONG_ID, SHORT, SHORT_ID, recorder

pytestmark = pytest.mark.asyncio

FIRST = random.Random(50).randbytes(60_123)
SECOND = random.Random(51).randbytes(9_999)
MORE = bytes(5000)
TAIL = b"the final page"


async def test_a_bota_recorder_is_emptied_through_cuts(tmp_path, monkeypatch):
    """Each recording arrives whole, is stored, and only then confirmed and seen gone."""
    source = recorder(
        {b"ONE1": FIRST, b"TWO2": SECOND},
        cuts=frozenset(range(20, 200, 20)),
        dropped=frozenset({33}),
        lost_confirms=1,
    )
    early: list[bool] = []
    confirm = source._confirm
    async with site(tmp_path, monkeypatch) as place:

        def confirmed(file_id: bytes) -> None:
            early.append(not place.uplink.contents)
            confirm(file_id)

        source._confirm = confirmed
        await place.visit(source, mtus=(247, 185, 512))
        released = await place.entries(State.RELEASED)

    assert source.files == {}
    assert len(released) == 2
    assert sorted(place.uplink.contents) == sorted([FIRST, SECOND])
    assert early == [False] * len(early)
    assert place.connections > 3
    assert commands.ABORT in {value for _, value in source.writes}


class Speaking(BotaRecorder):
    """Is still making its short recording, and ends it once the line has been cut in it."""

    cut = False

    def next_event(self):
        event = super().next_event()
        if event is None and self._sending == SHORT_ID and self.files[SHORT_ID].live:
            if not self.cut:
                self.cut = True
                said = self.files[SHORT_ID]
                self.files[SHORT_ID] = replace(said, content=said.content + MORE)
                return Cut()
            self.finish(SHORT_ID, TAIL)
            self.files[SHORT_ID] = replace(self.files[SHORT_ID], duration_s=99)
            return super().next_event()
        return event


def speaking() -> Speaking:
    source = Speaking("ABCDEF1234", recorder().files.values())
    source.files[SHORT_ID] = replace(source.files[SHORT_ID], live=True)
    return source


async def test_a_live_recording_is_one_recording_through_a_cut(tmp_path, monkeypatch):
    """What came before the cut is compared and kept; the cloud gets all of it, and once."""
    source = speaking()
    source._confirm = lambda _file_id: None  # so that it is listed once more, as finished
    restarted: list[object] = []
    async with site(tmp_path, monkeypatch) as place:
        place.spool._restart_media = lambda *media: restarted.append(media)
        await place.visit(source, live=True)
        await place.visit(source, live=True)
        del source._confirm
        await place.visit(source, live=True)
        entries = await place.entries()

    assert {name: e.state for name, e in entries.items()} == {
        LONG_ID: State.RELEASED,
        SHORT_ID: State.RELEASED,
    }
    assert sorted(place.uplink.contents) == sorted([LONG, SHORT + MORE + TAIL])
    assert restarted == []
    assert entries[SHORT_ID].reread_bytes < 4096
    assert source.files == {}


async def test_a_live_recording_comes_after_all_others(tmp_path, monkeypatch):
    """It may last for hours: nothing that is finished waits for it."""
    source = speaking()
    async with site(tmp_path, monkeypatch) as place:
        await place.visit(source, live=True)
    started = [commands.started(v) for c, v in source.writes if c == uuids.TRANSFER_CONTROL]

    assert next(each for each in started if each) == LONG_ID


async def test_a_live_recording_goes_on_finished_where_live_was_switched_off(tmp_path, monkeypatch):
    """What was begun while it grew is the same recording when it has ended."""
    source = speaking()
    async with site(tmp_path, monkeypatch) as place:
        source.next_event = lambda: Cut() if source._sending == SHORT_ID else _next(source)
        await place.visit(source, live=True)
        del source.next_event
        waiting = (await place.entries())[SHORT_ID]
        source.finish(SHORT_ID, TAIL)
        await place.visit(source)
        entries = await asyncio.to_thread(place.spool.ids)

    assert waiting.state is State.PULLING
    assert len(entries) == 2
    assert sorted(place.uplink.contents) == sorted([LONG, SHORT + TAIL])


async def test_what_is_recorded_still_says_so_on_its_item(tmp_path, monkeypatch):
    """Begun live, and not asked for any more: it waits, and is not called missing."""
    source = speaking()
    async with site(tmp_path, monkeypatch) as place:
        source.next_event = lambda: Cut() if source._sending == SHORT_ID else _next(source)
        await place.visit(source, live=True)
        await place.visit(source)
        waiting = (await place.entries())[SHORT_ID]

    assert waiting.wait.reason == "still being recorded"


def _next(source: Speaking):
    return BotaRecorder.next_event(source)
