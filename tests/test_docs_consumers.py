"""The sample consumers of docs/, run as a reader would against a real gateway."""

import asyncio
import sqlite3
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from device.clock import SystemClock
from gateway.config_events import EventsConfig
from gateway.core.webhooks import signature
from gateway.model import Scope
from tests.gateway.events.receiver import settle
from tests.gateway.serving import serving
from tests.servers.nats import NatsServer

pytestmark = pytest.mark.asyncio

DOCS = Path(__file__).parents[1] / "docs"
AUDIO, IMAGE = b"OggS" * 5000, b"\xff\xd8" * 300


@asynccontextmanager
async def program(name, *arguments):
    """Run a sample; yields its first line and the stream of the others."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(DOCS / name), *map(str, arguments)), stdout=asyncio.subprocess.PIPE
    )
    try:
        yield (await process.stdout.readline()).decode().strip(), process.stdout
    finally:
        process.kill()
        await process.wait()
        process._transport.close()


async def uploaded(api):
    """Upload a recording of two media; answers its id and the ids of the media."""
    recording = await api.recording()
    media = []
    for content, kind in ((AUDIO, "audio"), (IMAGE, "image")):
        target = await api.target(recording, content, kind=kind)
        await api.put(target["upload_url"], content, 0, len(content))
        media.append(target["media_id"])
    assert (await api.complete(recording, AUDIO)).status == 200
    return recording, media


@asynccontextmanager
async def gateway(tmp_path, **config):
    async with serving(tmp_path / "data", SystemClock(), **config) as api:
        _, api.token = await api.device()
        yield api


async def line(stream):
    return (await stream.readline()).decode().split()


def kept(folder, recording, media):
    return [(folder / recording / each).read_bytes() for each in media]


async def webhook(api, url):
    key = await api.api_key()
    body = {"url": url, "events": ["recording.uploaded"]}
    return (await api.call("POST", "/v1/webhooks", body, token=key)).json["secret"], key


@asynccontextmanager
async def receiving(tmp_path):
    """Run the receiver beside a gateway that tells it."""
    secret_file, folder = tmp_path / "secret", tmp_path / "kept"
    async with gateway(tmp_path) as api:
        port = api.url.rpartition(":")[2]
        # The secret is known once the webhook is made, and its port once the receiver runs.
        made, key = await webhook(api, "http://127.0.0.1:9/")
        await asyncio.to_thread(secret_file.write_text, made + "\n")
        arguments = ("--secret-file", secret_file, "--folder", folder, "--listen", "127.0.0.1:0")
        async with program("consumer.py", *arguments) as (ready, told):
            url = ready.rpartition(" ")[2]
            [hook] = (await api.call("GET", "/v1/webhooks", token=key)).json["data"]
            path = f"/v1/webhooks/{hook['id']}"
            await api.call("PATCH", path, {"url": url}, token=key)
            assert port not in url
            yield api, key, url, told, folder


async def test_the_receiver_keeps_what_was_recorded(tmp_path):
    """Every medium, byte by byte, before it acknowledges."""
    async with receiving(tmp_path) as (api, _, _, told, folder):
        recording, media = await uploaded(api)
        event_id, *rest = await line(told)
        found = await asyncio.to_thread(kept, folder, recording, media)

    assert event_id.startswith("evt_")
    assert ["recording.uploaded", "done"] == rest
    assert [AUDIO, IMAGE] == found


async def test_the_receiver_does_an_event_once(tmp_path):
    """A replay has the same id: it is acknowledged and nothing is done."""
    async with receiving(tmp_path) as (api, key, _, told, _):
        await uploaded(api)
        first = await line(told)
        while not (
            found := await api.call("GET", "/v1/deliveries?status=delivered", token=key)
        ).json["data"]:
            await settle()
        delivery = found.json["data"][0]["id"]
        await api.call("POST", f"/v1/deliveries/{delivery}/replay", token=key)
        again = await line(told)

    assert [first[0], "recording.uploaded", "known"] == again


@pytest.mark.parametrize(("age_s", "mine"), [(0, False), (3600, True)])
async def test_the_receiver_refuses_strangers(tmp_path, age_s, mine):
    """No signature of ours, or one of an hour ago."""
    async with receiving(tmp_path) as (api, _, url, _, _):
        secret = await asyncio.to_thread((tmp_path / "secret").read_text) if mine else "other"
        sent_s = int(SystemClock().now().timestamp()) - age_s
        headers = {
            "X-Bota-Timestamp": str(sent_s),
            "X-Bota-Signature": signature(secret.strip(), sent_s, b"{}"),
        }
        refused = await api.call("POST", url, body=b"{}", headers=headers)

    assert 403 == refused.status


async def test_the_consumer_of_the_stream_keeps_what_was_recorded(tmp_path):
    """With fresh URLs of the gateway, and acknowledged: it does not come again."""
    server = NatsServer(tmp_path)
    try:
        events = EventsConfig(nats_url=server.url)
        async with gateway(tmp_path, events=events) as api:
            reader = await api.api_key(Scope.RECORDINGS_READ)
            key_file, folder = tmp_path / "key", tmp_path / "kept"
            await asyncio.to_thread(key_file.write_text, reader)
            recording, media = await uploaded(api)
            while not api.gateway.metrics.streamed._value.get():
                await settle()
            arguments = ("--nats", server.url, "--api", f"{api.url}/v1", "--key-file", key_file)
            async with program("consumer_nats.py", *arguments, "--folder", folder) as (ready, told):
                event_id, *rest = await line(told)
            found = await asyncio.to_thread(kept, folder, recording, media)
            done = await asyncio.to_thread(done_in, folder)
    finally:
        server.daemon.kill()

    assert ("ready", ["recording.uploaded", "done"]) == (ready, rest)
    assert [AUDIO, IMAGE] == found
    assert [event_id] == done


def done_in(folder):
    database = sqlite3.connect(folder / "inbox.db")
    try:
        return [row[0] for row in database.execute("SELECT event_id FROM done")]
    finally:
        database.close()
