"""Clients that nobody here wrote, against the gateway: tuspy, tus-js-client, Google's own."""

import asyncio
import io
import json
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
import requests
from google.resumable_media.common import InvalidResponse, RetryStrategy
from google.resumable_media.requests import ResumableUpload
from tusclient.client import TusClient
from tusclient.exceptions import TusUploadFailed

from tests.fakes.uploads import noise
from tests.gateway.serving import digest, serving
from tests.servers import tus_node
from tests.servers.carrier import KIB, MIB, before

AUDIO = noise(2 * MIB + 123)
CHUNK_BYTES = 256 * KIB
CUTS = (300 * KIB, 1000 * KIB, 1500 * KIB)

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def api(tmp_path, clock):
    async with serving(tmp_path / "gateway", clock) as api:
        _, api.token = await api.device()
        api.recording_id = await api.recording()
        yield api


@pytest.fixture
def clock(spool):
    return spool._clock


@pytest.fixture
def url(api):
    async def ask(content=AUDIO, **more):
        return (await api.target(api.recording_id, content, **more))["upload_url"]

    return ask


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "medium.opus"
    path.write_bytes(AUDIO)
    return path


def port_of(url):
    return urlsplit(url).port


def through(proxy, url):
    return urlsplit(url)._replace(netloc=f"127.0.0.1:{proxy.port}").geturl()


async def stored(api, content=AUDIO):
    done = await api.complete(api.recording_id, content)
    return done.json["content_sha256"]


def by_tuspy(url, content=AUDIO, *, start_at=None, **options):
    """Upload in a thread of its own; answers where it ended."""

    def work():
        uploader = TusClient(url).uploader(
            file_stream=io.BytesIO(content), url=start_at, retry_delay=0, **options
        )
        uploader.upload()
        return uploader.url

    return asyncio.to_thread(work)


@pytest.mark.parametrize("chunk_bytes", [CHUNK_BYTES, 2 * len(AUDIO)])
async def test_tuspy(api, url, chunk_bytes):
    """It creates, and appends piece by piece."""
    where = await url()
    ended = await by_tuspy(where, chunk_size=chunk_bytes, metadata={"name": "visit"})

    assert digest(AUDIO) == await stored(api)
    assert ended == where


async def test_tuspy_over_a_bad_line(api, url):
    """It asks after each cut and goes on."""
    async with before(port_of(api.url), cut_up_at=CUTS, reset=False) as proxy:
        where = through(proxy, await url())
        await by_tuspy(where, chunk_size=CHUNK_BYTES, retries=9)

    assert len(CUTS) == proxy.cuts
    assert digest(AUDIO) == await stored(api)
    assert len(AUDIO) + len(CUTS) * CHUNK_BYTES >= proxy.up_bytes


async def test_tuspy_goes_on_where_another_left(api, url):
    """With the URL that it had kept."""
    where = await url()
    await api.put(where, AUDIO[:1000], 0, len(AUDIO))
    await by_tuspy(where, start_at=where)

    assert digest(AUDIO) == await stored(api)


async def test_tuspy_hears_of_a_wrong_digest(api, url):
    """422 for its last piece."""
    with pytest.raises(TusUploadFailed) as failed:
        await by_tuspy(await url(), AUDIO[::-1])

    assert 422 == failed.value.status_code


async def by_tus_js(file, **options):
    """Run the client to its end; answers what it printed."""
    if why := tus_node.missing("tus-js-client"):
        pytest.skip(why)
    options = {"retryDelays": [0] * 9, "chunkSize": CHUNK_BYTES, **options}
    process = await asyncio.create_subprocess_exec(
        *("env", "--chdir", str(tus_node.NODE_FOLDER), "node", "--input-type=module"),
        *("--eval", tus_node.CLIENT.read_text(), "--"),
        json.dumps({"file": str(file), "options": options}),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    return [json.loads(line) for line in said.splitlines()]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunkSize": 2 * len(AUDIO)},
        {"uploadDataDuringCreation": True},
        {"overridePatchMethod": True},
        {"protocol": "ietf-draft-05"},
        {"protocol": "ietf-draft-05", "uploadDataDuringCreation": True},
    ],
    ids=["tus", "one-patch", "with-creation", "no-patch", "ietf", "ietf-with-creation"],
)
async def test_tus_js_client(api, url, file, options):
    """The client of most browsers, in the ways it can be told to go."""
    where = await url()
    *requests_made, end = await by_tus_js(file, endpoint=where, **options)

    assert digest(AUDIO) == await stored(api)
    assert where == end["url"]
    assert {"method": "POST", "status": 201} == requests_made[0]


@pytest.mark.parametrize("protocol", ["tus-v1", "ietf-draft-05"])
async def test_tus_js_client_over_a_bad_line(api, url, file, protocol):
    """It asks after each cut and goes on."""
    async with before(port_of(api.url), cut_up_at=CUTS) as proxy:
        where = through(proxy, await url())
        end = (await by_tus_js(file, endpoint=where, protocol=protocol))[-1]

    assert {"url": where} == end
    assert len(CUTS) == proxy.cuts
    assert digest(AUDIO) == await stored(api)
    assert len(AUDIO) + len(CUTS) * CHUNK_BYTES >= proxy.up_bytes


async def test_tus_js_client_goes_on_where_another_left(api, url, file):
    """With the URL that it had kept, by HEAD."""
    where = await url()
    await api.put(where, AUDIO[:1000], 0, len(AUDIO))
    said = await by_tus_js(file, uploadUrl=where)

    assert digest(AUDIO) == await stored(api)
    assert {"method": "HEAD", "status": 204} == said[0]


async def test_tus_js_client_sends_an_empty_medium(api, url, tmp_path):
    """Its creation is all that it sends."""
    empty = tmp_path / "empty.opus"
    empty.write_bytes(b"")
    said = await by_tus_js(empty, endpoint=await url(b""))

    assert {"method": "POST", "status": 201} == said[0]
    assert digest(b"") == await stored(api, b"")


async def test_tus_js_client_hears_that_its_url_expired(api, url, file, clock):
    """403, and it does not try for ever."""
    where = await url()
    clock.advance(3601)
    said = await by_tus_js(file, endpoint=where)

    assert 403 == said[-1]["status"]


def by_google(work):
    """Do `work` with an HTTP session, in a thread of its own."""

    def run():
        with requests.Session() as session:
            return work(session)

    return asyncio.to_thread(run)


def google_upload(url):
    upload = ResumableUpload(url, CHUNK_BYTES, headers={"x-goog-resumable": "start"})
    upload._retry_strategy = RetryStrategy(max_retries=0)
    return upload


async def test_googles_client(api, url):
    """It starts a session at the URL, then sends chunk after chunk."""
    where = await url()

    def work(session):
        upload = google_upload(where)
        upload.initiate(session, io.BytesIO(AUDIO), {}, "audio/opus")
        while not upload.finished:
            upload.transmit_next_chunk(session)
        return upload.resumable_url, upload.bytes_uploaded

    assert (where, len(AUDIO)) == await by_google(work)
    assert digest(AUDIO) == await stored(api)


async def test_googles_client_streams(api, url):
    """Without a total until the last chunk, as from a recording that is still being made."""
    where = await url()

    def work(session):
        upload = google_upload(where)
        upload.initiate(session, io.BytesIO(AUDIO), {}, "audio/opus", stream_final=False)
        while not upload.finished:
            upload.transmit_next_chunk(session)

    await by_google(work)

    assert digest(AUDIO) == await stored(api)


async def test_googles_client_over_a_bad_line(api, url):
    """It recovers after each cut, from the offset that the gateway tells."""
    async with before(port_of(api.url), cut_up_at=CUTS, reset=False) as proxy:
        where = through(proxy, await url())

        def work(session):
            upload = google_upload(where)
            upload.initiate(session, io.BytesIO(AUDIO), {}, "audio/opus")
            while not upload.finished:
                try:
                    upload.transmit_next_chunk(session)
                except requests.ConnectionError:
                    upload._make_invalid()
                    upload.recover(session)

        await by_google(work)

    assert len(CUTS) == proxy.cuts
    assert digest(AUDIO) == await stored(api)
    assert len(AUDIO) + len(CUTS) * CHUNK_BYTES >= proxy.up_bytes


async def test_googles_client_hears_of_a_wrong_digest(url):
    """422 for its last chunk."""
    where = await url()

    def work(session):
        upload = google_upload(where)
        upload.initiate(session, io.BytesIO(AUDIO[::-1]), {}, "audio/opus")
        while not upload.finished:
            upload.transmit_next_chunk(session)

    with pytest.raises(InvalidResponse) as failed:
        await by_google(work)

    assert 422 == failed.value.response.status_code
