"""Visit: one recorder looked after through cuts, reboots and silence."""

import asyncio
import random
from pathlib import Path

import pytest
import pytest_asyncio

from device import drivers
from device.bell import Bell
from device.config import RecorderConfig, SpoolConfig
from device.errors import LinkReason, LinkUnavailable, RecorderRefused
from device.model import Entry, Evidence, Receipt, State
from device.progress import Silent
from device.pulse import Pulses
from device.spool.spool import Spool
from device.visit import CALM_S, PATIENCE, RESCAN_S, Visitor
from tests.fakes.clock import FakeClock
from tests.fakes.scripted_driver import RECORDER, ScriptedDriver, key

pytestmark = pytest.mark.asyncio

AUDIO = random.Random(20).randbytes(40_000)
OTHER = random.Random(21).randbytes(10_000)

UNPLUGGED = LinkUnavailable("not there", reason=LinkReason.NOT_FOUND)


class Uplink:
    """Stores whatever is sealed, as the dispatcher does, or gives up."""

    def __init__(self, spool: Spool, clock: FakeClock, *, gives_up: bool = False) -> None:
        self.spool, self.clock, self.gives_up = spool, clock, gives_up
        self.sealed, self.stored = Bell(), Bell()

    async def settled(self, recorder) -> bool:
        waiting = await asyncio.to_thread(self.spool.entries, State.SEALED)
        return self.gives_up or not waiting

    async def run(self) -> None:
        while True:
            seen = self.sealed.count
            if not self.gives_up:
                for entry in await asyncio.to_thread(self.spool.entries, State.SEALED):
                    await asyncio.to_thread(self._store, entry)
                    self.stored.ring()
            await self.sealed.after(seen)

    def _store(self, entry: Entry) -> None:
        for medium in entry.media:
            self.spool.save_evidence(entry.id, medium.medium.index, Evidence(status=200))
        receipt = Receipt(cloud="t", cloud_recording="rec_1", acknowledged_at=self.clock.now())
        self.spool.store(entry.id, receipt)


class Notes(Silent):
    def __init__(self) -> None:
        self.sentences: list[str] = []

    def note(self, sentence: str) -> None:
        self.sentences.append(sentence)


class Rig:
    """One visitor, its spool, and a recorder that can be absent."""

    def __init__(self, spool: Spool, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.spool, self.clock, self.notes = spool, clock, Notes()
        self.driver = ScriptedDriver({key(1): (AUDIO,), key(2): (OTHER,)})
        self.absent: list[Exception] = []
        self.opened, self.live = 0, False
        self.uplink = Uplink(spool, clock)
        monkeypatch.setitem(drivers.BUILTIN, "scripted", "tests.device.test_visit:unused")
        monkeypatch.setattr(drivers.registry, "resolve", lambda *_: self.open)

    async def open(self, opening) -> ScriptedDriver:
        self.opened += 1
        self.live = opening.live
        if self.absent:
            raise self.absent.pop(0)
        return self.driver

    def visitor(self, release: str = "delete") -> Visitor:
        return Visitor(
            config=RecorderConfig(url="scripted://1", driver="scripted", release=release),
            spool=self.spool,
            clock=self.clock,
            progress=self.notes,
            sealed=self.uplink.sealed,
            stored=self.uplink.stored,
            settled=self.uplink.settled,
        )

    async def once(self, visitor: Visitor) -> None:
        """Run to the end, letting pauses pass at once."""
        uplink = asyncio.create_task(self.uplink.run())
        visit = asyncio.create_task(visitor.run(once=True))
        try:
            async with asyncio.timeout(10):
                while not visit.done():
                    if self.clock.sleeping:
                        self.clock.advance(60)
                    await asyncio.wait({visit}, timeout=0.01)
            await visit
        finally:
            uplink.cancel()
            await asyncio.gather(uplink, return_exceptions=True)

    async def states(self) -> list[State]:
        return [entry.state for entry in await asyncio.to_thread(self.spool.entries)]


@pytest_asyncio.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    clock = FakeClock()
    spool = await asyncio.to_thread(
        Spool.open, SpoolConfig(path=tmp_path / "spool", min_free_bytes=0), clock
    )
    yield Rig(spool, clock, monkeypatch)
    await asyncio.to_thread(spool.close)


async def test_once_empties_the_recorder(rig):
    """Everything is pulled, stored and released, and the recorder holds nothing."""
    visitor = rig.visitor()
    await rig.once(visitor)

    assert visitor.problems == ()
    assert rig.driver.contents == {}
    assert await rig.states() == [State.RELEASED] * 2
    assert rig.driver.closed


@pytest.mark.parametrize("streaming", [False, True])
async def test_streaming_settings_pull_what_is_still_made(rig, streaming):
    """The gateway's streaming makes every recorder one that is pulled live."""
    visitor = rig.visitor()
    visitor.streaming = lambda: streaming
    await rig.once(visitor)

    assert streaming is rig.live


async def test_nothing_is_released_before_it_is_stored(rig):
    """At the moment of every release the receipt is on disk."""
    seen = {}
    release = rig.driver.release

    async def watched(which, sha256):
        entry = await asyncio.to_thread(rig.spool.known, which)
        seen[which] = entry.state, entry.receipt is not None
        await release(which, sha256)

    rig.driver.release = watched
    await rig.once(rig.visitor())

    assert {key(1): (State.STORED, True), key(2): (State.STORED, True)} == seen


async def test_once_releases_nothing_that_was_not_stored(rig):
    """When the uploads give up, the recorder keeps everything."""
    rig.uplink.gives_up = True
    await rig.once(rig.visitor())

    assert rig.driver.released == []
    assert await rig.states() == [State.SEALED] * 2


async def test_keep_never_tells_the_recorder(rig):
    """With release = keep the recorder is not asked to delete, and the line still ends."""
    await rig.once(rig.visitor(release="keep"))

    assert rig.driver.released == []
    assert len(rig.driver.contents) == 2
    assert await rig.states() == [State.RELEASED] * 2


async def test_a_lost_line_is_opened_again(rig):
    """A cut in the middle of a pull costs a reconnect and nothing else."""
    rig.driver.cuts = [20_000]
    visitor = rig.visitor()
    await rig.once(visitor)

    assert rig.opened == 2
    assert visitor.problems == ()
    assert await rig.states() == [State.RELEASED] * 2


async def test_an_absent_recorder_is_waited_for(rig):
    """A recorder that appears later is served then; people are told why once, and each try."""
    rig.absent = [UNPLUGGED] * 3
    visitor = rig.visitor()
    await rig.once(visitor)

    assert await rig.states() == [State.RELEASED] * 2
    assert rig.notes.sentences == [
        "scripted://1: not there",
        "scripted://1: try 3 of 6",
        "scripted://1: try 4 of 6",
    ]


async def test_people_are_told_what_to_do_at_once(rig):
    """Not only by `status`, later."""
    rig.absent = [LinkUnavailable("off", reason=LinkReason.NOT_FOUND, hint="switch it on")]
    await rig.once(rig.visitor())

    assert rig.notes.sentences == ["scripted://1: off; try: switch it on"]


async def test_once_gives_an_absent_recorder_up(rig):
    """`run --once` does not wait for ever, and says what was missing."""
    rig.absent = [UNPLUGGED] * 100
    visitor = rig.visitor()
    await rig.once(visitor)

    assert rig.opened == PATIENCE
    assert visitor.problems == ("scripted://1: not there",)


async def test_patience_starts_again_with_progress(rig):
    """A line that is cut again and again but moves each time is not given up."""
    rig.driver.cuts = [4_500] * (PATIENCE + 3)
    visitor = rig.visitor()
    await rig.once(visitor)

    assert visitor.problems == ()
    assert await rig.states() == [State.RELEASED] * 2


async def test_a_bug_in_a_driver_is_told_and_retried(rig, caplog):
    """An unexpected exception of a driver is a problem of that recorder, not of the agent."""
    rig.absent = [ZeroDivisionError("oops")]
    visitor = rig.visitor()
    await rig.once(visitor)

    assert await rig.states() == [State.RELEASED] * 2
    assert "ZeroDivisionError: oops" in rig.notes.sentences[0]


async def test_a_refused_release_is_explained(rig):
    """A recorder that will not delete leaves the entry stored, with the reason."""
    released = rig.driver.release

    async def release(which, digests):
        if which == key(1):
            raise RecorderRefused("write protected", wire_code=7)
        await released(which, digests)

    rig.driver.release = release
    visitor = rig.visitor()
    await rig.once(visitor)
    entry = await asyncio.to_thread(rig.spool.known, key(1))

    assert State.STORED is entry.state
    assert "the recorder keeps its copy: write protected" in entry.wait.reason
    assert visitor.problems


async def test_the_daemon_pulls_what_appears_later(rig):
    """News from the recorder, or the rescan, brings in what was recorded meanwhile."""
    uplink = asyncio.create_task(rig.uplink.run())
    visit = asyncio.create_task(rig.visitor().run(once=False))
    try:
        async with asyncio.timeout(10):
            while rig.driver.contents:
                await asyncio.wait({visit}, timeout=0.01)
            rig.driver.contents[key(3)] = (OTHER,)
            rig.driver.news.set()
            while rig.driver.contents:
                rig.clock.advance(CALM_S)
                await asyncio.wait({visit}, timeout=0.01)
            rig.driver.contents[key(4)] = (AUDIO,)
            while rig.driver.contents:
                if rig.clock.sleeping:
                    rig.clock.advance(RESCAN_S)
                await asyncio.wait({visit}, timeout=0.01)
    finally:
        for task in (visit, uplink):
            task.cancel()
        await asyncio.gather(visit, uplink, return_exceptions=True)

    assert rig.driver.released == [key(1), key(2), key(3), key(4)]
    assert all(which.recorder == RECORDER for which in rig.driver.released)


async def test_an_operator_does_not_wait_for_a_rescan(rig):
    """A call has the recorder listed again at once, without a second of the clock."""
    visitor = rig.visitor()
    uplink = asyncio.create_task(rig.uplink.run())
    visit = asyncio.create_task(visitor.run(once=False))
    try:
        async with asyncio.timeout(10):
            while rig.driver.contents:
                await asyncio.wait({visit}, timeout=0.01)
            rig.clock.advance(CALM_S)
            rig.driver.contents[key(3)] = (OTHER,)
            visitor.called.ring()
            while rig.driver.contents:
                await asyncio.wait({visit}, timeout=0.01)
    finally:
        for task in (visit, uplink):
            task.cancel()
        await asyncio.gather(visit, uplink, return_exceptions=True)

    assert key(3) in rig.driver.released


async def test_an_operator_does_not_wait_for_a_reconnect(rig):
    """A call ends the pause after a failure."""
    rig.absent = [UNPLUGGED]
    visitor = rig.visitor()
    visit = asyncio.create_task(visitor.run(once=False))
    try:
        async with asyncio.timeout(10):
            while not rig.clock.sleeping:
                await asyncio.wait({visit}, timeout=0.01)
            visitor.called.ring()
            while rig.opened < 2:
                await asyncio.wait({visit}, timeout=0.01)
    finally:
        visit.cancel()
        await asyncio.gather(visit, return_exceptions=True)

    assert 2 == rig.opened


async def test_a_visit_shows_signs_of_life(rig):
    """It beats while it works, and rests by design while it waits."""
    pulses = Pulses(clock=rig.clock)
    visitor = rig.visitor()
    visitor.pulse = pulses.of("visit", within_s=5)
    uplink = asyncio.create_task(rig.uplink.run())
    visit = asyncio.create_task(visitor.run(once=False))
    try:
        async with asyncio.timeout(10):
            while rig.driver.contents:
                await asyncio.wait({visit}, timeout=0.01)
            while rig.clock.sleeping != 1:
                await asyncio.wait({visit}, timeout=0.01)
    finally:
        for task in (visit, uplink):
            task.cancel()
        await asyncio.gather(visit, uplink, return_exceptions=True)
    rig.clock.advance(RESCAN_S)
    resting = pulses.overdue()
    rig.clock.advance(6)

    assert ([], ["visit"]) == (resting, [each.name for each in pulses.overdue()])
