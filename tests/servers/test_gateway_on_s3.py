"""A gateway in front of real S3 servers, and the agent that uploads through both."""

import asyncio
import contextlib
import uuid
from dataclasses import replace

import pytest
import pytest_asyncio

from device.cloud.bota import Bota
from device.config import CloudConfig, UploadConfig
from device.core.uploads import Broken
from device.core.uploads.classify import Stores
from device.errors import CloudError
from device.model import State
from device.progress import Silent
from device.transport import Patience, Transport
from device.upload import upload_entry
from device.upload_slots import UploadSlots
from gateway.app import opened
from gateway.config import GatewayConfig
from gateway.config_objects import S3Config
from gateway.sweeping import Litter, Swept
from tests.fakes.chaos_proxy import ChaosProxy, Faults
from tests.fakes.clock import FakeClock
from tests.fakes.uploads import noise, sealed_entry, spool_in
from tests.gateway.serving import SECRET, digest, serving
from tests.servers import s3 as servers

pytestmark = pytest.mark.asyncio

MIB = 1024 * 1024
PART_BYTES = 5 * MIB
LONG = noise(2 * PART_BYTES + 12_345)
SHORT = noise(30_000, seed=2)
AGE_S = 30 * 24 * 3600
PATIENCE = Patience(connect_s=5, call_s=20, stall_s=10, response_s=20, continue_s=1.0)


def bucket(s3, **more):
    return S3Config(
        bucket=servers.BUCKET,
        prefix=f"{uuid.uuid4().hex}/",
        region=servers.REGION,
        key_id=servers.ACCESS_KEY,
        secret=servers.SECRET_KEY,
        single_put_bytes=PART_BYTES,
        **{"endpoint": s3.endpoint, **more},
    )


def key_of(config, recording, medium):
    return f"{config.prefix}objects/{recording}/{medium}"


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def config(s3):
    return bucket(s3)


@pytest_asyncio.fixture
async def api(tmp_path, clock, config):
    async with serving(tmp_path / "data", clock, objects=config) as api:
        _, api.token = await api.device()
        yield api


@pytest.fixture
def spool(tmp_path, clock):
    with spool_in(tmp_path / "spool", clock) as spool:
        yield spool


class Ears(Transport):
    """A transport that can lose the answer to a POST after the store has done it."""

    def __init__(self):
        super().__init__(patience=PATIENCE)
        self.loses = False
        self.sent = []

    async def send(self, request, file, progress):
        answer = await super().send(request, file, progress)
        self.sent.append((request.method, request.body_bytes))
        if self.loses and request.method == "POST":
            self.loses = False
            return Broken("the answer was lost")
        return answer


class Agent:
    """What of the agent brings one recording up."""

    def __init__(self, api, spool, clock, transport, folder):
        self.api, self.folder = api, folder
        self.transport, self.spool, self.clock = transport, spool, clock
        config = CloudConfig(base_url=f"{api.url}/v1", allow_http=True)
        self.cloud = Bota(config, transport, clock, lambda: api.token)

    async def seal(self, *contents):
        return await asyncio.to_thread(sealed_entry, self.spool, self.folder, *contents)

    async def upload(self, entry, attempts=1):
        for attempt in range(attempts):
            with contextlib.suppress(*([CloudError] if attempt < attempts - 1 else [])):
                return await upload_entry(
                    entry.id,
                    spool=self.spool,
                    cloud=self.cloud,
                    transport=self.transport,
                    clock=self.clock,
                    stores=Stores(),
                    settings=UploadConfig(),
                    progress=Silent(),
                    slots=UploadSlots(2),
                )
        raise AssertionError("never stored")


@pytest_asyncio.fixture
async def transport():
    async with Ears() as transport:
        yield transport


@pytest.fixture
def agent(api, spool, clock, transport, tmp_path):
    return Agent(api, spool, clock, transport, tmp_path)


async def media(api):
    """The one recording that the gateway lists, with its media's contents by id."""
    listed = (await api.call("GET", "/v1/recordings")).json["data"]
    (recording,) = listed
    return recording


async def check_stored(api, s3, config, contents):
    recording = await media(api)
    held = [
        await asyncio.to_thread(s3.content, key_of(config, recording["id"], medium["id"]))
        for medium in recording["media"]
    ]

    assert "uploaded" == recording["status"]
    assert sorted(map(digest, contents)) == sorted(map(digest, held))
    assert sorted(map(digest, contents)) == sorted(m["content_sha256"] for m in recording["media"])


async def test_the_agent_brings_a_recording(agent, s3, config):
    """Long audio in parts, images, an empty medium: all of it is in the bucket, verified."""
    contents = [LONG, SHORT, b"", b"x"]
    done = await agent.upload(await agent.seal(*contents))

    assert done.state is State.STORED
    await check_stored(agent.api, s3, config, contents)
    parts = [size for method, size in agent.transport.sent if method == "PUT" and size > len(SHORT)]
    assert [PART_BYTES, PART_BYTES, 12_345] == [*parts, 12_345]


async def test_a_lost_answer_to_the_last_step(agent, s3, config):
    """The store completed the parts and nobody heard: no byte goes twice."""
    entry = await agent.seal(LONG)
    agent.transport.loses = True
    done = await agent.upload(entry, attempts=3)

    assert done.state is State.STORED
    await check_stored(agent.api, s3, config, [LONG])
    assert len(LONG) == sum(size for _, size in agent.transport.sent)


async def test_a_bad_line_to_the_store(s3, spool, clock, transport, tmp_path):
    """Cuts in parts and in the gateway's own questions end in one whole recording."""
    cuts = Faults(cut_up_at=(3 * MIB, 7 * MIB, 9 * MIB, 11 * MIB), cut_down_at=(500, 2_000))
    async with ChaosProxy("127.0.0.1", s3.port, cuts) as proxy:
        config = bucket(s3, endpoint=f"http://127.0.0.1:{proxy.port}")
        async with serving(tmp_path / "data", clock, objects=config) as api:
            _, api.token = await api.device()
            agent = Agent(api, spool, clock, transport, tmp_path)
            done = await agent.upload(await agent.seal(LONG, SHORT), attempts=30)
            await check_stored(api, s3, config, [LONG, SHORT])

    assert done.state is State.STORED
    assert proxy.cuts >= 4


async def test_wrong_bytes_are_noticed_and_come_again(agent, s3, config):
    """An object that somebody replaced is put aside; the agent sends the medium again."""
    entry = await agent.seal(SHORT)
    real = agent.cloud.complete

    async def replaced_before(manifest, ref):
        agent.cloud.complete = real
        recording = await media(agent.api)
        key = key_of(config, recording["id"], recording["media"][0]["id"])
        await asyncio.to_thread(s3.call, "put_object", b"?" * len(SHORT), Key=key)
        return await real(manifest, ref)

    agent.cloud.complete = replaced_before
    done = await agent.upload(entry, attempts=3)

    assert done.state is State.STORED
    await check_stored(agent.api, s3, config, [SHORT])
    assert [len(SHORT)] * 2 == [size for method, size in agent.transport.sent if method == "PUT"]


async def test_complete_before_the_object_is_there(api):
    """The database believes the bucket alone."""
    recording = await api.recording()
    target = await api.target(recording, SHORT)
    answer = await api.complete(recording, SHORT)

    assert (409, "media_pending") == (answer.status, answer.code)
    assert [target["media_id"]] == answer.json["error"]["details"]["media_ids"]


async def test_an_object_replaced_after_it_was_verified(api):
    """A URL that still lives brings other bytes: refused, or what was verified counts no more."""
    recording = await api.recording()
    first = await api.target(recording, SHORT, declare=False)
    second = await api.target(recording, LONG, kind="image")
    await api.call("PUT", first["upload_url"], body=SHORT, headers=first["headers"])
    waiting = await api.complete(recording, SHORT)
    before = await media(api)
    sly = await api.call("PUT", first["upload_url"], body=SHORT[::-1], headers=first["headers"])
    answer = await api.complete(recording, SHORT)
    after = await media(api)

    assert [second["media_id"]] == waiting.json["error"]["details"]["media_ids"]
    assert digest(SHORT) == before["media"][0]["content_sha256"]
    there = SHORT if "If-None-Match" in first["headers"] else SHORT[::-1]
    assert (412 if there is SHORT else 200) == sly.status
    assert (409, digest(there)) == (answer.status, after["media"][0]["content_sha256"])


async def test_a_download_url_of_the_bucket(api):
    """What was stored comes back without the gateway in between."""
    recording = await api.recording()
    target = await api.target(recording, SHORT)
    await api.call("PUT", target["upload_url"], body=SHORT, headers=target["headers"])
    await api.complete(recording, SHORT)
    path = f"/v1/recordings/{recording}/download-url"
    url = (await api.call("POST", path, {"media_id": target["media_id"]})).json["download_url"]

    assert SHORT == (await api.call("GET", url)).body
    assert (await api.call("GET", f"/v1/objects/{target['media_id']}?x=1")).status == 403


async def test_a_large_medium_is_read_on_after_an_answer(api, s3, monkeypatch):
    """Reading outlives the request that asked for it; the next one finds it done."""
    reading = asyncio.Event()
    objects = api.gateway.objects
    real = objects.verify

    async def slow(ref):
        await reading.wait()
        return await real(ref)

    async def no_digest(ref):
        return replace(await look(ref), sha256=None)

    look = objects.look
    monkeypatch.setattr(objects, "verify", slow)
    monkeypatch.setattr(objects, "look", no_digest)
    monkeypatch.setattr(api.gateway.intake, "_patience_s", 0.01)
    recording = await api.recording()
    target = await api.target(recording, SHORT)
    await api.call("PUT", target["upload_url"], body=SHORT, headers=target["headers"])
    first = await api.complete(recording, SHORT)
    reading.set()
    await asyncio.wait(api.gateway.intake._checks.values())
    monkeypatch.setattr(api.gateway.intake, "_patience_s", 15)
    second = await api.complete(recording, SHORT)

    assert (503, "verifying") == (first.status, first.code)
    assert int(first.headers["Retry-After"]) > 0
    assert (200, "uploaded") == (second.status, second.json["status"])


async def document(api, target, first=1):
    return await api.call("GET", f"{target['upload_url']}&from={first}")


async def test_documents_asked_for_at_once_speak_of_one_upload(api):
    """Two first questions begin one upload; the surplus one is ended."""
    target = await api.target(await api.recording(), LONG)
    answers = await asyncio.gather(*(document(api, target) for _ in range(4)))
    begun = await api.gateway.objects.begun()
    uploads = {a.json["complete_url"].partition("uploadId=")[2].partition("&")[0] for a in answers}

    assert "s3_parts" == target["upload_protocol"]
    assert (1, 1) == (len(uploads), len(begun))
    assert [1, 2, 3] == [part["number"] for part in answers[0].json["parts"]]
    assert PART_BYTES == answers[0].json["part_bytes"]


async def test_a_parts_document_is_only_for_its_url(api, clock):
    """A changed or old URL gives no part URLs; an upload that is no more is gone."""
    target = await api.target(await api.recording(), LONG)
    other = {"upload_url": target["upload_url"].replace("signature=", "signature=A")}
    forged = await document(api, other)
    gone = await document(api, target, first=2)
    clock.advance(3601)
    expired = await document(api, target)

    assert (403, "signature_invalid") == (forged.status, forged.code)
    assert (410, "upload_gone") == (gone.status, gone.code)
    assert (403, "url_expired") == (expired.status, expired.code)


async def test_deleting_ends_what_is_under_way(api, s3, config):
    """Objects and half-sent uploads of a deleted recording leave the bucket."""
    recording = await api.recording()
    target = await api.target(recording, LONG)
    short = await api.target(recording, SHORT)
    parts = (await document(api, target)).json["parts"]
    await api.call("PUT", short["upload_url"], body=SHORT, headers=short["headers"])
    token = await api.api_key()
    done = await api.call("DELETE", f"/v1/recordings/{recording}", token=token)
    part = await api.call("PUT", parts[2]["url"], body=LONG[2 * PART_BYTES :])
    key = key_of(config, recording, short["media_id"])

    assert done.status == 204
    assert part.status == 404
    assert await asyncio.to_thread(s3.content, key) is None


async def swept(tmp_path, clock, config, **more):
    settings = GatewayConfig(data=tmp_path / "data", secret=SECRET, objects=config)
    async with opened(settings, clock) as found:
        return await found.sweeper.sweep(**more)


async def test_an_abandoned_upload_is_ended_in_the_store(tmp_path, clock, s3):
    """An idle medium loses its upload; its URLs die with it, and asking again begins another."""
    config = bucket(s3)
    async with serving(tmp_path / "data", clock, objects=config) as api:
        api.token = token = await api.api_key()
        recording = await api.recording()
        target = await api.target(recording, LONG, key="m-0")
        old = (await document(api, target)).json["parts"][2]["url"]
    clock.advance(AGE_S + 1)
    said = await swept(tmp_path, clock, config, dry_run=True)
    done = await swept(tmp_path, clock, config)
    async with serving(tmp_path / "data", clock, objects=config) as api:
        api.token = token
        part = await api.call("PUT", old, body=LONG[2 * PART_BYTES :])
        again = await api.target(recording, LONG, key="m-0")
        fresh = await document(api, again)

    assert said == done == [Swept(Litter.MEDIUM, target["media_id"])]
    assert part.status == 404
    assert (target["media_id"], 200) == (again["media_id"], fresh.status)


async def test_a_whole_object_is_never_swept(tmp_path, clock, s3):
    """What was put and never completed can be completed years later."""
    config = bucket(s3)
    async with serving(tmp_path / "data", clock, objects=config) as api:
        api.token = token = await api.api_key()
        recording = await api.recording()
        target = await api.target(recording, SHORT)
        await api.call("PUT", target["upload_url"], body=SHORT, headers=target["headers"])
    clock.advance(100 * AGE_S)
    done = await swept(tmp_path, clock, config)
    async with serving(tmp_path / "data", clock, objects=config) as api:
        api.token = token
        completed = await api.complete(recording, SHORT)

    assert done == []
    assert (200, "uploaded") == (completed.status, completed.json["status"])


async def test_an_object_that_came_after_its_deletion_is_swept(tmp_path, clock, s3):
    """A PUT by an old URL leaves nothing; what this gateway does not know stays."""
    config = bucket(s3)
    async with serving(tmp_path / "data", clock, objects=config) as api:
        token = await api.api_key()
        api.token = token
        recording = await api.recording()
        target = await api.target(recording, SHORT)
        await api.call("DELETE", f"/v1/recordings/{recording}")
        await api.call("PUT", target["upload_url"], body=SHORT, headers=target["headers"])
    strange = key_of(config, "rec_of_another", "med_of_another")
    await asyncio.to_thread(s3.call, "put_object", b"theirs", Key=strange)
    done = await swept(tmp_path, clock, config)
    key = key_of(config, recording, target["media_id"])

    assert [Swept(Litter.OBJECT, target["media_id"])] == done
    assert await asyncio.to_thread(s3.content, key) is None
    assert b"theirs" == await asyncio.to_thread(s3.content, strange)


class Killed(BaseException):
    """The process is gone."""


async def test_killed_between_upload_and_row(tmp_path, clock, config):
    """An upload that was begun and never noted is replaced at once, and swept by its age."""
    settings = GatewayConfig(data=tmp_path / "data", secret=SECRET, objects=config)
    async with serving(tmp_path / "data", clock, objects=config) as api:
        api.token = await api.api_key()
        target = await api.target(await api.recording(), LONG)
    async with opened(settings, clock) as found:

        async def kill(*_):
            raise Killed

        found.gateway.store.uploads.keep = kill
        with pytest.raises(Killed):
            await found.gateway.part_lists.list(target["media_id"], 1)
    async with opened(settings, clock) as found:
        first = await found.gateway.objects.begun()
        await found.gateway.part_lists.list(target["media_id"], 1)
        both = await found.gateway.objects.begun()
        noted = await found.gateway.store.uploads.all()
        young = await found.sweeper.sweep()
        # The store dates uploads by its own clock, which is years beyond this test's.
        found.gateway.clock.advance((both[0].begun_at - clock.now()).total_seconds() + AGE_S + 60)
        await found.gateway.store.recordings.touch_medium(target["media_id"], clock.now())
        old = await found.sweeper.sweep()
        left = await found.gateway.objects.begun()

    assert (1, 2) == (len(first), len(both))
    assert young == []
    assert [Swept(Litter.UPLOAD, target["media_id"])] == old
    assert list(noted.values()) == [each.handle for each in left]


async def test_killed_between_complete_and_verify(tmp_path, clock, config, s3):
    """An object that nobody verified is verified by the next process, before it counts."""
    settings = GatewayConfig(data=tmp_path / "data", secret=SECRET, objects=config)
    async with serving(tmp_path / "data", clock, objects=config) as api:
        api.token = token = await api.api_key()
        recording = await api.recording()
        target = await api.target(recording, SHORT)
        await api.call("PUT", target["upload_url"], body=SHORT, headers=target["headers"])
    async with opened(settings, clock) as found:

        async def kill(*_, **__):
            raise Killed

        found.gateway.store.recordings.finish_medium = kill
        medium = await found.gateway.store.recordings.medium(target["media_id"])
        with pytest.raises(Killed):
            await found.gateway.intake._checked(medium)
    async with serving(tmp_path / "data", clock, objects=config) as api:
        api.token = token
        before = (await api.call("GET", f"/v1/recordings/{recording}")).json["media"][0]["status"]
        done = await api.complete(recording, SHORT)

    assert "pending" == before
    assert (200, digest(SHORT)) == (done.status, done.json["content_sha256"])


async def test_a_store_that_is_away_is_no_answer(tmp_path, clock):
    """Nothing is taken for missing, or for whole, while the store cannot be asked."""
    nowhere = S3Config(bucket="recordings", endpoint="http://127.0.0.1:9", key_id="a")
    async with serving(tmp_path / "data", clock, objects=nowhere) as api:
        api.token = await api.api_key()
        recording = await api.recording()
        body = {"type": "audio", "file_size_bytes": 9 * MIB}
        await api.call("POST", f"/v1/recordings/{recording}/upload-url", body)
        done = await api.complete(recording, b"123456789")
        ready = await api.call("GET", "/readyz")

    assert (503, "unavailable") == (done.status, done.code)
    assert (503, "ok") == (ready.status, ready.json["checks"]["store"])
