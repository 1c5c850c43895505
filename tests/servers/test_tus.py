"""tus, on servers that nobody here wrote.

Where they differ:
- of a PATCH that was cut by a reset, `@tus/server` keeps what arrived, SeaweedFS nothing; of one
  that merely ends, both keep it, and `@tus/server` may answer HEAD before it has written it all;
- an upload that is complete stays with `@tus/server`; SeaweedFS forgets it at once (HEAD: 404).
"""

import asyncio
import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from device.model import Target
from tests.fakes.chaos_proxy import Faults
from tests.fakes.uploads import noise
from tests.servers import s3
from tests.servers.carrier import KIB, MIB, Stopped, before, nothing
from tests.servers.daemon import Daemon, call

AUDIO = noise(3 * MIB + 123)
HEADS_BYTES = 8 * KIB
VERSION = {"Tus-Resumable": "1.0.0"}


@dataclass(frozen=True, kw_only=True)
class Store:
    """A tus server; `path` is where uploads are created."""

    daemon: Daemon
    port: int
    path: str
    lasting: bool
    """Whether it keeps bytes over a reset, and uploads that are complete."""

    def target(self, port=None, protocol="tus"):
        url = f"http://127.0.0.1:{port or self.port}{self.path}"
        return Target(url=url, method="POST", protocol=protocol)


@pytest.fixture
def on_node(tus_on_node):
    return Store(daemon=tus_on_node.daemon, port=tus_on_node.port, path="/files", lasting=True)


@pytest.fixture
def on_seaweedfs(weed):
    key = f"/.tus/buckets/{s3.BUCKET}/{uuid.uuid4().hex}.opus"
    return Store(daemon=weed.daemon, port=weed.filer, path=key, lasting=False)


@pytest.fixture(params=["on_node", "on_seaweedfs"])
def store(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def content(store, request):
    """What the store holds of the carrier's upload; None: no whole object."""

    async def held(carrier):
        if store.lasting:
            url = (await carrier.session()).state["location"]
            return request.getfixturevalue("tus_on_node").content(url)
        status, _, body = call("GET", store.port, store.path.removeprefix("/.tus"))
        return body if status == 200 else None

    return held


def path_of(request):
    return urlsplit(request.url).path


@pytest.mark.asyncio
async def test_a_medium_is_stored(store, content, carrier):
    """Created, then appended at once: every byte goes once."""
    await carrier.attempt(store.target)

    assert AUDIO == await content(carrier)
    assert [201, 204] == carrier.statuses()
    assert len(AUDIO) == carrier.sent_bytes


@pytest.mark.asyncio
async def test_a_store_that_nobody_named_is_asked(store, content, carrier):
    """OPTIONS says tus; a plain PUT would have been the guess."""
    await carrier.attempt(lambda: store.target(protocol=None))

    assert AUDIO == await content(carrier)
    assert ["OPTIONS", "POST", "PATCH"] == [each.request.method for each in carrier.exchanges]


@pytest.mark.asyncio
@pytest.mark.parametrize("reset", [True, False], ids=["RST", "FIN"])
async def test_cuts(store, content, reset, carrier):
    """A server that keeps what arrived is sent the rest; one that does not, small pieces."""
    cuts = (300 * KIB, 1000 * KIB, 1500 * KIB, 2100 * KIB)
    async with before(store.port, cut_up_at=cuts, reset=reset) as proxy:
        await carrier.persist(lambda: store.target(proxy.port))

    # What was in the buffers of proxy and store; all again would be several times as much.
    lost_bytes = len(cuts) * 384 * KIB
    if reset and not store.lasting:
        lost_bytes = cuts[0] + (len(cuts) - 1) * carrier.chunk_bytes
    assert AUDIO == await content(carrier)
    assert len(cuts) == proxy.cuts
    assert len(AUDIO) + lost_bytes + HEADS_BYTES >= proxy.up_bytes


@pytest.mark.asyncio
async def test_a_creation_whose_answer_is_lost(store, content, carrier):
    """It is made again, before any byte has left."""
    async with before(store.port, cut_down_at=(20,)) as proxy:
        await carrier.persist(lambda: store.target(proxy.port))

    assert AUDIO == await content(carrier)
    assert len(AUDIO) == carrier.sent_bytes


@pytest.mark.asyncio
async def test_a_last_answer_that_is_lost(store, content, carrier):
    """HEAD tells that all is there; SeaweedFS has forgotten it, and all goes again."""
    async with before(store.port) as proxy:

        async def cut_the_answer(request):
            if request.body_bytes and not proxy.cuts:
                proxy.set(Faults(cut_down_at=(proxy.down_bytes + 10,)))

        carrier.transport.before = cut_the_answer
        await carrier.persist(lambda: store.target(proxy.port))

    assert AUDIO == await content(carrier)
    assert 1 == proxy.cuts
    assert (1 if store.lasting else 2) * len(AUDIO) == carrier.sent_bytes


@pytest.mark.asyncio
async def test_somebody_else_appended(store, content, carrier):
    """409: the store's offset is asked and followed."""
    ahead = 100 * KIB

    async def append(request):
        if request.body_bytes == len(AUDIO):
            kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
            path, body = path_of(request), AUDIO[:ahead]
            patch = ("PATCH", store.port, path, body, VERSION | kind)
            assert 204 == (await asyncio.to_thread(call, *patch))[0]

    carrier.transport.before = append
    await carrier.attempt(store.target)

    assert AUDIO == await content(carrier)
    assert [201, 409, 200, 204] == carrier.statuses()
    assert ahead == carrier.exchanges[-1].request.body_offset


@pytest.mark.asyncio
async def test_an_upload_that_was_terminated_begins_anew(store, content, carrier):
    """404: a fresh upload, from byte 0."""

    async def terminate(request):
        if request.body_bytes and len(carrier.targets) == 1:
            delete = ("DELETE", store.port, path_of(request), b"", VERSION)
            assert 204 == (await asyncio.to_thread(call, *delete))[0]

    carrier.transport.before = terminate
    await carrier.attempt(store.target)

    assert AUDIO == await content(carrier)
    assert [201, 404, 201, 204] == carrier.statuses()


@pytest.mark.asyncio
async def test_a_crash_of_store_and_agent(store, content, carrier):
    """The upload is found again by its saved URL, just where the store stands."""
    async with before(store.port, cut_up_at=(2 * MIB,), reset=False) as proxy:

        async def crash(_):
            if proxy.cuts:
                raise Stopped

        carrier.transport.after = crash
        with pytest.raises(Stopped):
            await carrier.attempt(lambda: store.target(proxy.port))
        store.daemon.restart()
        path = urlsplit((await carrier.session()).state["location"]).path
        held_bytes = int(call("HEAD", store.port, path, b"", VERSION)[1]["upload-offset"])
        carrier.transport.after = nothing
        known = len(carrier.exchanges)
        await carrier.persist(lambda: store.target(proxy.port))

    goes_on = [each.request for each in carrier.exchanges[known:] if each.request.body_bytes]
    assert AUDIO == await content(carrier)
    assert 1 == len(carrier.targets)
    assert held_bytes == goes_on[0].body_offset
    assert len(AUDIO) - held_bytes == sum(each.body_bytes for each in goes_on)
