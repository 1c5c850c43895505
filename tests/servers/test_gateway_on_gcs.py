"""A gateway in front of Google's object store: sessions it opens, bytes it never carries."""

import asyncio
import contextlib
import uuid

import pytest
import pytest_asyncio

from device.cloud.bota import Bota
from device.config import CloudConfig, UploadConfig
from device.core.uploads.classify import Stores
from device.errors import CloudError
from device.model import State
from device.progress import Silent
from device.transport import Transport
from device.upload import upload_entry
from device.upload_slots import UploadSlots
from gateway.config_objects import GcsConfig
from tests.fakes.chaos_proxy import ChaosProxy, Faults
from tests.fakes.clock import FakeClock
from tests.fakes.uploads import CHUNK_BYTES, noise, sealed_entry, spool_in
from tests.gateway.serving import digest, serving
from tests.servers import gcs as emulator

pytestmark = pytest.mark.asyncio

LONG = noise(5 * CHUNK_BYTES + 77)
SHORT = noise(30_000, seed=2)


@pytest.fixture
def clock():
    return FakeClock()


def bucket(endpoint):
    return GcsConfig(bucket=emulator.BUCKET, prefix=f"{uuid.uuid4().hex}/", emulator=endpoint)


@pytest_asyncio.fixture
async def api(tmp_path, clock, gcs):
    async with serving(tmp_path / "data", clock, objects=bucket(gcs.endpoint)) as api:
        _, api.token = await api.device()
        yield api


@pytest.fixture
def bring(tmp_path, clock):
    """Seal media and bring them up by the agent's own code."""

    async def run(api, *contents, attempts=1):
        with spool_in(tmp_path / "spool", clock) as spool:
            entry = await asyncio.to_thread(sealed_entry, spool, tmp_path, *contents)
            async with Transport() as transport:
                config = CloudConfig(base_url=f"{api.url}/v1", allow_http=True)
                for left in range(attempts, 0, -1):
                    with contextlib.suppress(*([CloudError] if left > 1 else [])):
                        return await upload_entry(
                            entry.id,
                            spool=spool,
                            cloud=Bota(config, transport, clock, lambda: api.token),
                            transport=transport,
                            clock=clock,
                            stores=Stores(),
                            settings=UploadConfig(chunk_bytes=CHUNK_BYTES),
                            progress=Silent(),
                            slots=UploadSlots(2),
                        )
        raise AssertionError("never stored")

    return run


async def stored(api):
    (recording,) = (await api.call("GET", "/v1/recordings")).json["data"]
    return recording["status"], sorted(m["content_sha256"] for m in recording["media"])


async def test_the_agent_brings_a_recording(api, bring):
    """Chunks go into the session that the gateway opened; every object is read back."""
    done = await bring(api, LONG, SHORT, b"x")

    assert done.state is State.STORED
    assert ("uploaded", sorted(map(digest, [LONG, SHORT, b"x"]))) == await stored(api)


async def test_a_bad_line_to_the_store(tmp_path, clock, gcs, bring):
    """Cuts in chunks and in the gateway's own questions end in one whole recording."""
    cuts = Faults(cut_up_at=(300_000, 700_000, 1_100_000), cut_down_at=(400, 1_500))
    async with ChaosProxy("127.0.0.1", gcs.port, cuts) as proxy:
        config = bucket(f"http://127.0.0.1:{proxy.port}")
        async with serving(tmp_path / "data", clock, objects=config) as api:
            _, api.token = await api.device()
            done = await bring(api, LONG, attempts=30)
            found = await stored(api)

    assert done.state is State.STORED
    assert ("uploaded", [digest(LONG)]) == found
    assert proxy.cuts >= 3


async def test_a_session_goes_on_until_it_is_gone(api):
    """Asking again gives the same session while it lives, and a new one after that."""
    recording = await api.recording()
    first = await api.target(recording, LONG, key="m-0")
    await api.put(first["upload_url"], LONG[:CHUNK_BYTES], 0, len(LONG))
    again = await api.target(recording, LONG, key="m-0")
    await api.put(again["upload_url"], LONG[CHUNK_BYTES:], CHUNK_BYTES, len(LONG))
    # The emulator forgets a session as it ends; Google remembers it for a week.
    after = await api.target(recording, LONG, key="m-0")
    done = await api.complete(recording, LONG)

    assert "chunked_put" == first["upload_protocol"]
    assert first["upload_url"] == again["upload_url"] != after["upload_url"]
    assert (200, digest(LONG)) == (done.status, done.json["content_sha256"])


async def test_wrong_bytes_are_noticed(api):
    """What is not what was announced is put aside, and comes again."""
    recording = await api.recording()
    target = await api.target(recording, SHORT, key="m-0")
    await api.put(target["upload_url"], SHORT[::-1], 0, len(SHORT))
    refused = await api.complete(recording, SHORT)
    again = await api.target(recording, SHORT, key="m-0")
    await api.put(again["upload_url"], SHORT, 0, len(SHORT))
    done = await api.complete(recording, SHORT)

    assert (409, "media_pending") == (refused.status, refused.code)
    assert (200, digest(SHORT)) == (done.status, done.json["content_sha256"])
