"""Parts of one medium beside each other, through the real spool and transport.

The clock stands still, so every link that carried a byte is quick.
"""

import asyncio
import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from device.core.uploads import Request
from device.errors import CloudError, Held
from device.model import EntryId
from device.progress import Silent
from tests.device.test_medium_upload import Cut, Line, Site, _parts, line, served, spool
from tests.fakes.parts_store import PartsStore
from tests.fakes.uploads import CHUNK_BYTES, noise

__all__ = ["line", "spool"]

AUDIO = noise(3 * CHUNK_BYTES)


@dataclass
class Crossing:
    """Lets parts into the store in a scripted way; `await` it with each request."""

    together: set[int] = field(default_factory=set)
    """Parts that are let in only when all of them are there."""
    here: set[int] = field(default_factory=set)
    all_here: asyncio.Event = field(default_factory=asyncio.Event)
    may_go: asyncio.Event = field(default_factory=asyncio.Event)
    faults: dict[int, Cut | tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    """By part, for its first try: what becomes of it once those `together` are there."""
    site: Site | None = None

    def __post_init__(self) -> None:
        self.may_go.set()

    async def __call__(self, request: web.Request) -> None:
        if "partNumber" not in request.query:
            return
        number = int(request.query["partNumber"])
        self.here.add(number)
        try:
            if number in self.together:
                if self.together <= self.here:
                    self.all_here.set()
                await self.all_here.wait()
                await self.may_go.wait()
            if number in self.faults and self.site is not None:
                self.site.faults["PUT"] = deque([self.faults.pop(number)])
        finally:
            self.here.discard(number)


def _site(store: PartsStore, crossing: Crossing) -> Site:
    site = _parts(store)
    site.watch = crossing
    crossing.site = site
    return site


def _puts(site: Site) -> int:
    return site.log.count("PUT")


@pytest.mark.asyncio
async def test_parts_go_beside_each_other(line: Line) -> None:
    """Once the link was measured, two parts are with the store at the same time."""
    store, crossing = PartsStore(CHUNK_BYTES), Crossing(together={2, 3})
    async with served(_site(store, crossing)):
        entry = await line.seal(AUDIO)
        await line.upload(entry, crossing.site)  # type: ignore[arg-type]

    assert AUDIO == store.object
    assert 0 == await line.resent(entry)


class Shown(Silent):
    """Keeps what is shown of an upload."""

    def __init__(self) -> None:
        self.done_bytes: list[int] = []

    def uploading(self, entry: EntryId, index: int, done_bytes: int, total_bytes: int) -> None:
        """See `Progress.uploading`."""
        assert 0 <= done_bytes <= total_bytes
        self.done_bytes.append(done_bytes)


@pytest.mark.asyncio
async def test_what_is_shown_adds_them_up(line: Line) -> None:
    """Progress is of all that is under way together, and never goes back on a good link."""
    store, shown, fourth = PartsStore(CHUNK_BYTES), Shown(), asyncio.Event()
    site, line.progress = _parts(store), shown

    async def watch(request: web.Request) -> None:
        number = request.query.get("partNumber")
        if number == "4":
            fourth.set()
        if number == "2":
            await fourth.wait()

    site.watch = watch
    async with served(site):
        await line.upload(await line.seal(noise(4 * CHUNK_BYTES)), site)

    assert sorted(shown.done_bytes) == shown.done_bytes
    assert 4 * CHUNK_BYTES == shown.done_bytes[-1]


@pytest.mark.asyncio
async def test_an_upload_is_shown_from_its_first_byte_on(line: Line) -> None:
    """One small enough to land at once has brought all its bytes, and not none."""
    store, shown = PartsStore(CHUNK_BYTES), Shown()
    site, line.progress = _parts(store), shown
    async with served(site):
        await line.upload(await line.seal(noise(1000)), site)

    assert (0, 1000) == (shown.done_bytes[0], shown.done_bytes[-1])


@pytest.mark.asyncio
async def test_a_cut_part_does_not_cost_the_one_beside_it(line: Line) -> None:
    """The other's ETag counts; only what arrived of the cut one went in vain."""
    store = PartsStore(CHUNK_BYTES)
    crossing = Crossing(together={2, 3}, faults={2: Cut(1000)})
    site = _site(store, crossing)
    async with served(site):
        entry = await line.seal(AUDIO)
        await line.persist(entry, site)

    assert AUDIO == store.object
    assert 4 == _puts(site)
    assert 0 < await line.resent(entry) <= CHUNK_BYTES


@pytest.mark.asyncio
async def test_a_refused_part_asks_for_fresh_urls(line: Line) -> None:
    """A 403 in one of two: the document is asked once both have landed, and that part goes."""
    store = PartsStore(CHUNK_BYTES)
    crossing = Crossing(together={2, 3}, faults={3: (403, {}, b"<Code>AccessDenied</Code>")})
    site = _site(store, crossing)
    async with served(site):
        entry = await line.seal(AUDIO)
        await line.upload(entry, site)

    assert AUDIO == store.object
    assert (4, 2) == (_puts(site), store.documents)
    assert CHUNK_BYTES == await line.resent(entry)


@pytest.mark.asyncio
async def test_a_throttled_part_waits_for_the_one_beside_it(line: Line) -> None:
    """A store that asks to wait has not refused what is on its way already."""
    store = PartsStore(CHUNK_BYTES)
    crossing = Crossing(together={2, 3}, faults={2: (503, {}, b"<Code>SlowDown</Code>")})
    site = _site(store, crossing)
    async with served(site):
        entry = await line.seal(AUDIO)
        with pytest.raises(CloudError, match="SlowDown"):
            await line.upload(entry, site)
        session = await line.session(entry)
        await line.persist(entry, site)

    assert str(2 * CHUNK_BYTES) == session.state["offset"]
    assert AUDIO == store.object
    assert 4 == _puts(site)


@pytest.mark.asyncio
async def test_a_drop_makes_them_go_one_by_one(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a link that drops, a cut must cost no more than the one part."""
    audio = noise(9 * CHUNK_BYTES)
    store = PartsStore(CHUNK_BYTES)
    crossing = Crossing(together={2, 3}, faults={3: Cut(1000)})
    site, real, at_once, now = _site(store, crossing), line.transport.send, [0], [0]

    async def send(request: Request, *rest: Any) -> Any:
        now[0] += 1
        at_once[0] = max(at_once[0], now[0])
        try:
            return await real(request, *rest)
        finally:
            now[0] -= 1

    async def watch(request: web.Request) -> None:
        number = int(request.query.get("partNumber", "0"))
        if number == 3 and 3 not in crossing.faults:
            at_once.insert(0, 0)
        for _ in range(20 if len(at_once) > 1 else 0):
            await line.session(entry)  # another would be saved and start meanwhile
        await crossing(request)

    monkeypatch.setattr(line.transport, "send", send)
    site.watch = watch
    async with served(site):
        entry = await line.seal(audio)
        await line.persist(entry, site)

    assert audio == store.object
    assert [1, 2] == at_once


@pytest.mark.asyncio
async def test_what_has_leave_arrives_though_the_next_piece_is_held(line: Line) -> None:
    """A drain, or a limit that is reached, does not cut short what is on its way."""
    store, crossing, asked = PartsStore(CHUNK_BYTES), Crossing(together={2}), list[int]()
    crossing.may_go.clear()
    site = _site(store, crossing)

    @contextmanager
    def leave(next_bytes: int) -> Iterator[Any]:
        asked.append(next_bytes)
        if len(asked) == 3:
            asyncio.get_running_loop().call_later(0.02, crossing.may_go.set)
            raise Held("data-limit", "that is all for today", None, next_bytes)
        yield SimpleNamespace(moved=lambda _: None)

    line.transport.leave = leave
    async with served(site):
        entry = await line.seal(AUDIO)
        with pytest.raises(Held):
            await line.upload(entry, site)
        session = await line.session(entry)

    assert {"offset": str(2 * CHUNK_BYTES), "unsettled": "0"}.items() <= session.state.items()


@pytest.mark.asyncio
async def test_an_end_with_two_under_way_is_gone_on_from(line: Line) -> None:
    """Cancelled while neither is answered: the session knows the first, nothing is left behind."""
    store, crossing = PartsStore(CHUNK_BYTES), Crossing(together={2, 3})
    crossing.may_go.clear()
    site = _site(store, crossing)
    async with served(site):
        entry = await line.seal(AUDIO)
        upload = asyncio.create_task(line.upload(entry, site))
        await crossing.all_here.wait()
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
        left = [task for task in asyncio.all_tasks() if "Passage._send" in repr(task)]
        session = await line.session(entry)
        crossing.may_go.set()
        await line.upload(entry, site)

    assert not left
    assert str(CHUNK_BYTES) == session.state["offset"]
    assert AUDIO == store.object
    assert await line.resent(entry) == int(session.state["unsettled"])


@pytest.mark.asyncio
async def test_an_etag_behind_a_gap_is_saved_at_once(line: Line) -> None:
    """When the next part leaves, the one answered before it is on the disk, gap or not."""
    store, entry = PartsStore(CHUNK_BYTES), await line.seal(noise(4 * CHUNK_BYTES))
    site, fourth, seen = _parts(store), asyncio.Event(), list[str]()

    async def watch(request: web.Request) -> None:
        number = request.query.get("partNumber")
        if number == "2":
            await fourth.wait()
        if number == "4":
            seen.append((await line.session(entry)).state["ahead"])
            fourth.set()

    site.watch = watch
    async with served(site):
        await line.upload(entry, site)

    assert [["3"]] == [[*json.loads(ahead)] for ahead in seen]
    assert "ahead" not in (await line.session(entry)).state


@pytest.mark.asyncio
async def test_an_upload_that_is_gone_with_two_under_way(line: Line) -> None:
    """What was under way beside the part that was told so counts as lost, once."""
    store = PartsStore(CHUNK_BYTES)
    crossing = Crossing(together={2, 3}, faults={2: (404, {}, b"<Code>NoSuchUpload</Code>")})
    site = _site(store, crossing)
    async with served(site):
        entry = await line.seal(AUDIO)
        await line.persist(entry, site)

    assert AUDIO == store.object
    assert 2 == site.targets
    assert 2 * CHUNK_BYTES <= await line.resent(entry) <= 3 * CHUNK_BYTES
