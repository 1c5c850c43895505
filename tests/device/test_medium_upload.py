"""One medium through the real spool and transport to the strict stores of each protocol."""

import asyncio
import base64
import contextlib
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from device.config import UploadConfig
from device.core.uploads.classify import Stores
from device.errors import (
    CloudError,
    CloudRejected,
    CloudUnreachable,
    CloudUnwell,
    FieldpostError,
    SpoolDamaged,
    TargetExpired,
)
from device.medium_upload import MediumUpload
from device.model import Entry, Target, UploadSession
from device.progress import Progress, Silent
from device.spool.spool import Spool
from device.transport import Patience, Transport
from device.upload_slots import UploadSlots
from device.upload_targets import Way
from tests.fakes.azure_store import AzureStore
from tests.fakes.chunked_store import ChunkedStore
from tests.fakes.clock import FakeClock
from tests.fakes.ietf_store import IetfStore
from tests.fakes.parts_store import PartsStore
from tests.fakes.tus_store import TusStore
from tests.fakes.uploads import CHUNK_BYTES, noise, recording_of, spool_in

AUDIO = noise(2 * CHUNK_BYTES + 1000)
IMAGE = noise(9, seed=3)
PATIENCE = Patience(connect_s=5, call_s=5, stall_s=5, response_s=5, continue_s=0.05)
Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Cut:
    """Only so many bytes of the next body arrive."""

    after_bytes: int


LOST = "its answer is lost"


@dataclass
class Site:
    """A store on loopback, and a cloud that hands out targets to it."""

    act: Callable[[web.Request, bytes, int], Answer]
    hand_out: Callable[[str], Target]
    name: str = "site"
    origin: str = ""
    log: list[str] = field(default_factory=list)
    faults: dict[str, deque[Cut | Answer | str | None]] = field(default_factory=dict)
    watch: Callable[[web.Request], Awaitable[None]] | None = None
    targets: int = 0

    async def target(self, *_: object) -> Target:
        self.targets += 1
        return self.hand_out(self.origin)

    async def met(self, request: web.Request) -> web.StreamResponse:
        self.log.append(request.method)
        if self.watch is not None:
            await self.watch(request)
        waiting = self.faults.get(request.method)
        fault = waiting.popleft() if waiting else None
        if isinstance(fault, tuple):
            return self._answer(fault)
        if isinstance(fault, Cut):
            body = await request.content.readexactly(fault.after_bytes)
        else:
            body = await request.read()
        answer = self.act(request, body, request.content_length or 0)
        if fault is not None and request.transport is not None:
            request.transport.abort()
        return self._answer(answer)

    def _answer(self, answer: Answer) -> web.Response:
        status, headers, body = answer
        return web.Response(status=status, headers=headers, body=body)


@contextlib.asynccontextmanager
async def served(site: Site) -> AsyncIterator[Site]:
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{tail:.*}", site.met)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        site.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield site
    finally:
        await runner.cleanup()


def _lower(request: web.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _tus(store: TusStore, *, protocol: str | None = "tus") -> Site:
    def act(request: web.Request, body: bytes, declared: int) -> Answer:
        return store.take(request.method, request.path, _lower(request), body, declared=declared)

    def hand_out(origin: str) -> Target:
        token = (("Authorization", f"Bearer {store.token}"),) if store.token else ()
        return Target(url=f"{origin}/files", headers=token, protocol=protocol)

    return Site(act, hand_out)


def _ietf(store: IetfStore) -> Site:
    def act(request: web.Request, body: bytes, declared: int) -> Answer:
        return store.take(request.method, request.path, _lower(request), body, declared=declared)

    return Site(act, lambda origin: Target(url=f"{origin}/files", protocol="ietf"))


def _parts(store: PartsStore) -> Site:
    def act(request: web.Request, body: bytes, declared: int) -> Answer:
        store.origin = f"http://{request.host}"
        url = f"{store.origin}{request.raw_path}"
        headers = {} if request.method == "GET" else _lower(request)
        return store.take(request.method, url, headers, body, declared=declared)

    def hand_out(origin: str) -> Target:
        return Target(url=f"{origin}/parts?signature=s%2F1", protocol="s3_parts")

    return Site(act, hand_out)


def _azure(store: AzureStore) -> Site:
    def act(request: web.Request, body: bytes, declared: int) -> Answer:
        query = request.raw_path.partition("?")[2]
        return store.take(request.method, query, _lower(request), body, declared=declared)

    def hand_out(origin: str) -> Target:
        return Target(
            url=f"{origin}/c/b?sv=2024-11-04&sr=b&sp=cw&sig={store.signature}",
            headers=(("Content-Type", "audio/opus"), ("x-ms-blob-type", "BlockBlob")),
        )

    return Site(act, hand_out)


def _google(store: ChunkedStore) -> Site:
    def act(request: web.Request, body: bytes, declared: int) -> Answer:
        if request.method == "POST":
            assert request.headers["x-goog-resumable"] == "start"
            return 201, {"Location": f"http://{request.host}/o?upload_id=1"}, b""
        span = request.headers.get("Content-Range")
        return store.put(span, body, declared_bytes=declared)

    def hand_out(origin: str) -> Target:
        return Target(
            url=f"{origin}/o?X-Goog-Signature=0", headers=(("x-goog-resumable", "start"),)
        )

    return Site(act, hand_out)


class Line:
    """What one medium's upload works with."""

    def __init__(self, spool: Spool, transport: Transport, folder: Path) -> None:
        self.spool = spool
        self.transport = transport
        self.folder = folder
        self.stores = Stores()
        self.progress: Progress = Silent()
        self.slots = UploadSlots(2)

    async def seal(self, content: bytes = AUDIO, *, name: str = "ab" * 16) -> Entry:
        def ingest() -> Entry:
            recording, _ = recording_of(content, name=name)
            file = self.folder / name
            file.write_bytes(content)
            return self.spool.ingest(recording, [file])

        return await asyncio.to_thread(ingest)

    async def upload(self, entry: Entry, site: Site) -> None:
        upload = await self.medium(entry, site)
        async with self.slots.held(0):
            await upload.run({})

    async def medium(self, entry: Entry, site: Site) -> MediumUpload:
        cloud: Any = site
        way = Way(
            spool=self.spool,
            cloud=cloud,
            transport=self.transport,
            clock=FakeClock(),
            stores=self.stores,
            settings=UploadConfig(chunk_bytes=CHUNK_BYTES),
            progress=self.progress,
            slots=self.slots,
            turn=0,
        )
        entry = await asyncio.to_thread(self.spool.entry, entry.id)
        manifest = await asyncio.to_thread(self.spool.manifest, entry.id)
        return MediumUpload(way, entry, manifest, manifest.media[0])

    async def persist(self, entry: Entry, site: Site) -> None:
        for _ in range(20):
            with contextlib.suppress(CloudError):
                return await self.upload(entry, site)
        pytest.fail("never whole")

    async def session(self, entry: Entry) -> UploadSession:
        entry = await asyncio.to_thread(self.spool.entry, entry.id)
        session = entry.media[0].session
        assert session is not None
        return session

    async def resent(self, entry: Entry) -> int:
        return (await asyncio.to_thread(self.spool.entry, entry.id)).resent_bytes


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with spool_in(tmp_path / "spool", FakeClock()) as opened:
        yield opened


@pytest_asyncio.fixture
async def line(spool: Spool, tmp_path: Path) -> AsyncIterator[Line]:
    async with Transport(patience=PATIENCE) as transport:
        yield Line(spool, transport, tmp_path)


def _stored(store: object) -> bytes | None:
    match store:
        case TusStore() | IetfStore():
            return bytes([*store.uploads.values()][-1].held)
        case PartsStore():
            return store.object
        case AzureStore():
            return store.blob
        case ChunkedStore():
            return bytes(store.held)
    raise AssertionError(store)


WAYS: dict[str, tuple[Callable[[], Any], Callable[[Any], Site]]] = {
    "tus": (TusStore, _tus),
    "ietf-8": (IetfStore, _ietf),
    "ietf-6": (lambda: IetfStore(interop="6", stranger=412), _ietf),
    "s3_parts": (lambda: PartsStore(CHUNK_BYTES), _parts),
    "azure_blocks": (AzureStore, _azure),
    "google": (lambda: ChunkedStore(len(AUDIO), CHUNK_BYTES), _google),
}
EVERY = pytest.mark.parametrize("way", WAYS)


@EVERY
@pytest.mark.asyncio
async def test_a_medium_arrives_whole(line: Line, way: str) -> None:
    """Every protocol brings the bytes there, each once."""
    make, lead = WAYS[way]
    store = make()
    async with served(lead(store)) as site:
        entry = await line.seal()
        await line.upload(entry, site)

    assert AUDIO == _stored(store)
    assert 0 == await line.resent(entry)


@EVERY
@pytest.mark.asyncio
async def test_what_was_read_beforehand_needs_no_disk(line: Line, way: str) -> None:
    """A small medium that was read before its turn goes up from memory."""
    make, lead = WAYS[way]
    store, small = make() if way != "google" else ChunkedStore(1000, CHUNK_BYTES), noise(1000)
    async with served(lead(store)) as site:
        entry = await line.seal(small)
        upload = await line.medium(entry, site)
        await upload.load()
        await asyncio.to_thread(line.spool.path_of(entry, 0).unlink)
        await upload.run({})

    assert small == _stored(store)


@pytest.mark.asyncio
async def test_what_is_sent_again_is_read_again(line: Line) -> None:
    """Memory is believed once: after a cut the disk is asked."""
    site = _tus(TusStore())
    site.faults["PATCH"] = deque([Cut(100)])
    async with served(site):
        entry = await line.seal(noise(1000))
        upload = await line.medium(entry, site)
        await upload.load()
        await asyncio.to_thread(line.spool.path_of(entry, 0).unlink)
        with pytest.raises(SpoolDamaged, match="missing"):
            await upload.run({})


@pytest.mark.asyncio
async def test_a_short_file_is_damage_before_its_turn(line: Line) -> None:
    """What is not all there any more is not taken for the medium."""
    async with served(_tus(TusStore())) as site:
        entry = await line.seal(noise(1000))
        path = line.spool.path_of(entry, 0)
        await asyncio.to_thread(path.chmod, 0o600)
        await asyncio.to_thread(path.write_bytes, b"short")
        upload = await line.medium(entry, site)
        with pytest.raises(SpoolDamaged, match="holds 5 bytes where 1000 were sealed"):
            await upload.load()


@EVERY
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "GET", "HEAD"])
@pytest.mark.asyncio
async def test_lost_answers_are_gone_on_from(line: Line, way: str, method: str) -> None:
    """Any request may lose its answer twice; the bytes arrive, one creation or more."""
    make, lead = WAYS[way]
    store = make()
    site = lead(store)
    site.faults[method] = deque([None, LOST, LOST])
    async with served(site):
        await line.persist(await line.seal(), site)

    assert AUDIO == _stored(store)


@EVERY
@pytest.mark.asyncio
async def test_a_cut_goes_on_where_it_stopped(line: Line, way: str) -> None:
    """A body that is cut twice never costs another upload."""
    make, lead = WAYS[way]
    store = make()
    site = lead(store)
    body = "PATCH" if way[:3] in {"tus", "iet"} else "PUT"
    site.faults[body] = deque([Cut(100_000), Cut(50_000)])
    async with served(site):
        await line.persist(await line.seal(), site)

    assert AUDIO == _stored(store)
    assert 1 == site.targets


@pytest.mark.asyncio
async def test_the_session_is_saved_before_the_next_request(line: Line) -> None:
    """When the first byte leaves, the spool already knows where the upload is."""
    site, seen = _tus(TusStore()), list[str]()
    entry = await line.seal()

    async def watch(request: web.Request) -> None:
        if request.method == "PATCH":
            seen.append((await line.session(entry)).state["location"])

    site.watch = watch
    async with served(site):
        await line.upload(entry, site)

    assert [f"{site.origin}/files/u1"] == seen


@pytest.mark.parametrize(("after", "creations"), [(True, 1), (False, 2)])
@pytest.mark.parametrize("way", ["tus", "ietf-8"])
@pytest.mark.asyncio
async def test_a_crash_after_the_creation(
    line: Line, monkeypatch: pytest.MonkeyPatch, way: str, after: bool, creations: int
) -> None:
    """Once the upload's URL is saved, no crash makes a second one."""
    make, lead = WAYS[way]
    store = make()
    entry = await line.seal()
    real = line.spool.save_session

    def dies(entry_id: Any, index: int, session: UploadSession | None) -> None:
        if session is None or "location" not in session.state:
            return real(entry_id, index, session)
        monkeypatch.undo()
        if after:
            real(entry_id, index, session)
        raise FieldpostError("the power went")

    monkeypatch.setattr(line.spool, "save_session", dies)
    async with served(lead(store)) as site:
        with pytest.raises(FieldpostError, match="the power went"):
            await line.upload(entry, site)
        monkeypatch.undo()
        # What the dying attempt wrote on its way out did not reach the disk either.
        if not after:
            session = await line.session(entry)
            bare = UploadSession(target=session.target, protocol=session.protocol)
            await asyncio.to_thread(line.spool.save_session, entry.id, 0, bare)
        await line.persist(entry, site)

    assert AUDIO == _stored(store)
    assert creations == store.creations


@pytest.mark.asyncio
async def test_an_unknown_store_is_asked_once(line: Line) -> None:
    """OPTIONS tells what a store speaks; the answer serves every medium of a day."""
    store = TusStore()
    async with served(_tus(store, protocol=None)) as site:
        await line.upload(await line.seal(), site)
        await line.upload(await line.seal(IMAGE, name="cd" * 16), site)

    assert 1 == site.log.count("OPTIONS")
    assert 2 == store.creations


@pytest.mark.asyncio
async def test_an_expired_token_keeps_the_upload(line: Line) -> None:
    """A fresh target goes on with the upload that has begun."""
    store = TusStore(token="old")  # noqa: S106 - a double's
    site = _tus(store)

    async def watch(request: web.Request) -> None:
        if request.method == "HEAD" and site.targets == 1:
            store.token = "new"

    site.watch = watch
    site.faults["PATCH"] = deque([Cut(CHUNK_BYTES)])
    async with served(site):
        await line.persist(await line.seal(), site)

    assert AUDIO == _stored(store)
    assert (2, 1) == (site.targets, store.creations)


@pytest.mark.asyncio
async def test_a_renewal_that_dies_keeps_the_upload(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash just after the fresh target was saved still knows the upload."""
    store, entry = TusStore(token="old"), await line.seal()  # noqa: S106 - a double's
    site = _tus(store)
    site.faults["PATCH"] = deque([(403, {}, b"")])
    async with served(site):
        real, kept = line.spool.save_session, list[UploadSession]()

        def keep(entry_id: Any, index: int, session: UploadSession | None) -> None:
            real(entry_id, index, session)
            if session is not None and site.targets == 2:
                kept.append(session)

        monkeypatch.setattr(line.spool, "save_session", keep)
        await line.upload(entry, site)

    assert all("location" in session.state for session in kept)
    assert 1 == store.creations


@pytest.mark.asyncio
async def test_a_signature_that_is_wrong_twice_is_a_rejection(line: Line) -> None:
    """One fresh URL is tried; then what we send is not what was signed, and URLs are dear."""
    store = AzureStore()
    site = _azure(store)
    body = b"<Error><Code>AuthenticationFailed</Code><D>Signature did not match.</D></Error>"
    site.faults["PUT"] = deque([(403, {}, body)] * 9)
    async with served(site):
        with pytest.raises(CloudRejected, match="AuthenticationFailed"):
            await line.upload(await line.seal(), site)

    assert 2 == site.targets


@pytest.mark.asyncio
async def test_urls_that_are_always_late_end_the_attempt(line: Line) -> None:
    """A refusal that may be expiry is tried with three fresh URLs."""
    site = _azure(AzureStore())
    site.faults["PUT"] = deque([(403, {}, b"")] * 9)
    async with served(site):
        with pytest.raises(TargetExpired):
            await line.upload(await line.seal(), site)

    assert 4 == site.targets


@pytest.mark.parametrize("heard", ["nothing", "that the blob exists"])
@pytest.mark.asyncio
async def test_a_blob_that_exists_after_its_list_is_ours(line: Line, heard: str) -> None:
    """Our answer was lost, or a proxy asked twice: it is up, and upload-complete proves it."""
    store = AzureStore(only_new=True)
    site = _azure(store)
    act = site.act

    def commits_unheard(request: web.Request, body: bytes, declared: int) -> Answer:
        answer = act(request, body, declared)
        if store.commits == 1 and heard != "nothing" and answer[0] == 201:
            return act(request, body, declared)
        return answer

    site.act = commits_unheard
    site.faults["PUT"] = deque([None, None, None, LOST if heard == "nothing" else None])
    async with served(site):
        entry = await line.seal()
        await line.upload(entry, site)
    (medium,) = (await asyncio.to_thread(line.spool.entry, entry.id)).media

    assert (AUDIO, 1, 1) == (store.blob, store.commits, site.targets)
    assert medium.evidence is not None


@pytest.mark.asyncio
async def test_a_refusal_for_the_time_says_how_far_our_clock_is_off(line: Line) -> None:
    """Whoever reads it at night learns which clock to set."""
    site = _azure(AzureStore())
    body = b"<Error><Code>RequestTimeTooSkewed</Code></Error>"
    date = {"Date": "Sun, 01 Mar 2026 15:12:00 GMT"}
    site.faults["PUT"] = deque([(403, date, body)] * 9)
    async with served(site):
        with pytest.raises(TargetExpired, match="clock is 3 h 12 min behind the store's: set it"):
            await line.upload(await line.seal(), site)


@pytest.mark.asyncio
async def test_a_store_that_keeps_losing_blocks_is_unwell(line: Line) -> None:
    """Blocks that vanish are sent again, but not for ever."""
    store = AzureStore()
    site = _azure(store)

    async def watch(request: web.Request) -> None:
        if "blocklist" in request.query_string:
            store.uncommitted.clear()

    site.watch = watch
    async with served(site):
        with pytest.raises(CloudUnwell, match="loses"):
            await line.upload(await line.seal(), site)


@pytest.mark.asyncio
async def test_a_store_that_forgets_as_it_completes(line: Line) -> None:
    """A lost last answer and an upload that is gone: the API is asked before bytes go again."""
    store = TusStore()
    site = _tus(store)

    async def watch(request: web.Request) -> None:
        if request.method == "HEAD":
            store.uploads.clear()

    site.watch = watch
    site.faults["PATCH"] = deque([LOST])
    async with served(site):
        entry = await line.seal()
        with pytest.raises(CloudUnreachable, match="last answer was lost"):
            await line.upload(entry, site)
        first = site.log.count("PATCH")
        site.watch = None
        await line.upload(entry, site)

    assert 1 == first
    assert AUDIO == _stored(store)


@pytest.mark.asyncio
async def test_a_digest_of_googles_that_is_not_ours_begins_anew(line: Line) -> None:
    """An object that Google's store says is another one is not taken for stored."""
    stores: list[ChunkedStore] = []

    def act(request: web.Request, body: bytes, declared: int) -> Answer:
        if request.method == "POST":
            stores.append(ChunkedStore(len(AUDIO), CHUNK_BYTES))
            return 201, {"Location": f"http://{request.host}/o?upload_id={len(stores)}"}, b""
        span = request.headers.get("Content-Range")
        status, headers, said = stores[-1].put(span, body, declared_bytes=declared)
        content = AUDIO if len(stores) > 1 else b"another"
        md5 = hashlib.md5(content, usedforsecurity=False).digest()
        stated = {"x-goog-hash": f"md5={base64.b64encode(md5).decode()}"} if status == 200 else {}
        return status, {**headers, **stated}, said

    google = _google(ChunkedStore(len(AUDIO), CHUNK_BYTES))
    async with served(Site(act, google.hand_out)) as site:
        entry = await line.seal()
        await line.upload(entry, site)
    medium = (await asyncio.to_thread(line.spool.entry, entry.id)).media[0]

    assert 2 == len(stores)
    assert medium.evidence is not None
    assert medium.md5 == medium.evidence.md5
    assert len(AUDIO) == await line.resent(entry)
