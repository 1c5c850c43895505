"""Resumable uploads of Google Cloud Storage, on gcp-storage-emulator.

Where it differs from Google, for which the strict double of tests/fakes stands:
- asked about a session that holds nothing it says `Range: bytes=0-0`, as of one byte
  (Google: no Range), and then refuses the second byte;
- a session that is complete is forgotten: 404 (Google: 200 and the object);
- of a body that was cut it keeps every byte that came before a FIN and nothing before an RST
  (Google: whole multiples of 256 KiB).
"""

import asyncio
import uuid
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from device.errors import CloudRejected, CloudUnreachable
from device.model import Target
from tests.fakes.chaos_proxy import Faults
from tests.fakes.uploads import noise
from tests.servers.carrier import KIB, Stopped, before, in_turn, nothing, through
from tests.servers.daemon import call

CHUNK_BYTES = 256 * KIB
AUDIO = noise(5 * CHUNK_BYTES + 100 * KIB)
HEADS_BYTES = 8 * KIB


@pytest.fixture
def key():
    return f"site/{uuid.uuid4().hex}.opus"


@pytest.fixture
def target(gcs, key):
    """A session that was opened for the agent, as the gateway opens one."""
    return Target(url=gcs.open_session(key), protocol="chunked_put")


@pytest.mark.asyncio
async def test_a_medium_is_stored(gcs, key, target, carrier):
    """Chunk after chunk, every byte goes once."""
    await carrier.attempt(in_turn(target))

    assert AUDIO == gcs.content(key)
    assert [308] * 5 + [200] == carrier.statuses()
    assert len(AUDIO) == carrier.sent_bytes


@pytest.mark.asyncio
async def test_one_chunk_may_carry_all(gcs, key, target, carrier):
    """A medium that fits goes in one PUT."""
    carrier.chunk_bytes = 100 * CHUNK_BYTES
    await carrier.attempt(in_turn(target))

    assert AUDIO == gcs.content(key)
    assert [200] == carrier.statuses()


@pytest.mark.asyncio
@pytest.mark.parametrize("reset", [True, False], ids=["RST", "FIN"])
async def test_each_cut_costs_at_most_a_chunk(gcs, key, target, reset, carrier):
    """The session says where it stands after each; the object is whole in the end."""
    cuts = tuple(at * KIB for at in (300, 500, 700, 1000, 1300))
    async with before(gcs.port, cut_up_at=cuts, reset=reset) as proxy:
        await carrier.persist(in_turn(through(proxy, target)))

    assert AUDIO == gcs.content(key)
    assert len(cuts) == proxy.cuts
    assert len(AUDIO) + len(cuts) * CHUNK_BYTES + HEADS_BYTES >= proxy.up_bytes
    assert 1 == len(carrier.targets)


@pytest.mark.asyncio
async def test_an_answer_that_is_lost_costs_nothing(gcs, key, target, carrier):
    """The status query tells that the chunk did arrive."""
    async with before(gcs.port) as proxy:

        async def cut_the_answer(request):
            if request.body_offset == 2 * CHUNK_BYTES and not proxy.cuts:
                proxy.set(Faults(cut_down_at=(proxy.down_bytes + 10,)))

        carrier.transport.before = cut_the_answer
        await carrier.persist(in_turn(through(proxy, target)))

    assert 1 == proxy.cuts
    assert AUDIO == gcs.content(key)
    assert len(AUDIO) == carrier.sent_bytes


@pytest.mark.asyncio
async def test_somebody_else_sent_a_chunk(gcs, key, target, carrier):
    """The store's offset is followed, also when it is ahead of ours."""
    span = f"bytes {CHUNK_BYTES}-{2 * CHUNK_BYTES - 1}/{len(AUDIO)}"
    parts = urlsplit(target.url)

    async def send_ahead(exchange):
        if exchange.sent_bytes and len(carrier.exchanges) == 1:
            body = AUDIO[CHUNK_BYTES : 2 * CHUNK_BYTES]
            path, headers = f"{parts.path}?{parts.query}", {"Content-Range": span}
            await asyncio.to_thread(call, "PUT", gcs.port, path, body, headers)

    carrier.transport.after = send_ahead
    with pytest.raises(CloudRejected, match="expected 524288, got 262144"):
        await carrier.attempt(in_turn(target))
    carrier.transport.after = nothing
    await carrier.attempt(in_turn(target))

    assert AUDIO == gcs.content(key)
    assert len(AUDIO) == carrier.sent_bytes


@pytest.mark.asyncio
async def test_a_crash_of_store_and_agent(gcs, key, target, carrier):
    """The session is found again by its saved URL, and goes on from its offset."""

    async def crash(exchange):
        if exchange.request.body_offset == 2 * CHUNK_BYTES:
            raise Stopped

    carrier.transport.after = crash
    with pytest.raises(Stopped):
        await carrier.attempt(in_turn(target))
    gcs.daemon.restart()
    carrier.transport.after = nothing
    await carrier.attempt(in_turn(target))

    assert AUDIO == gcs.content(key)
    assert len(AUDIO) == carrier.sent_bytes


@pytest.mark.asyncio
async def test_a_last_answer_that_is_lost_costs_the_medium_on_this_emulator(
    gcs, key, target, carrier
):
    """It has forgotten the session, as Google does only after a week: all goes again."""
    async with before(gcs.port) as proxy:

        async def cut_the_answer(request):
            if request.body_offset == 5 * CHUNK_BYTES and not proxy.cuts:
                proxy.set(Faults(cut_down_at=(proxy.down_bytes + 10,)))

        carrier.transport.before = cut_the_answer
        again = replace(target, url=gcs.open_session(key))
        await carrier.persist(in_turn(through(proxy, target), through(proxy, again)))

    assert 1 == proxy.cuts
    assert AUDIO == gcs.content(key)
    assert {404} == set(carrier.statuses()) - {None, 200, 308}
    assert 2 * len(AUDIO) == carrier.sent_bytes


@pytest.mark.asyncio
async def test_asking_about_an_empty_session_misleads_on_this_emulator(gcs, key, target, carrier):
    """It claims a byte that it has not: what follows is refused, and nothing wrong is stored."""
    with gcs.daemon.down(), pytest.raises(CloudUnreachable, match="cannot connect"):
        await carrier.attempt(in_turn(target))

    with pytest.raises(CloudRejected, match="expected 0, got 1"):
        await carrier.attempt(in_turn(target))

    assert gcs.content(key) is None
