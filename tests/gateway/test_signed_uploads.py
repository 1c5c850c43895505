"""A gateway that hands out Google's signed URLs: Google is not asked before they are used."""

import asyncio
import contextlib
import io

import pytest
import pytest_asyncio
from yarl import URL

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
from tests.fakes.google_bucket import BUCKET, GoogleBucket
from tests.fakes.uploads import CHUNK_BYTES, noise, sealed_entry, spool_in
from tests.gateway.serving import digest, serving

pytestmark = pytest.mark.asyncio

LONG = noise(3 * CHUNK_BYTES + 77)
SHORT = noise(30_000, seed=2)


@pytest_asyncio.fixture
async def google(tmp_path):
    async with GoogleBucket(tmp_path) as google:
        yield google


@pytest_asyncio.fixture
async def api(tmp_path, clock, google):
    config = GcsConfig(
        bucket=BUCKET,
        emulator=google.origin,
        credentials_file=google.key_file,
        signed_uploads=True,
        single_put_bytes=CHUNK_BYTES,
    )
    async with serving(tmp_path / "data", clock, objects=config) as api:
        _, api.token = await api.device()
        google.asked.clear()
        yield api


async def bring(api, clock, folder, *contents):
    with spool_in(folder / "spool", clock) as spool:
        entry = await asyncio.to_thread(sealed_entry, spool, folder, *contents)
        async with Transport() as transport:
            config = CloudConfig(base_url=f"{api.url}/v1", allow_http=True)
            for left in range(3, 0, -1):
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


async def put(api, target, body, headers=None):
    """PUT to a URL of which not one character is quoted anew; answers the status."""
    url = URL(target["upload_url"], encoded=True)
    sent = target["headers"] | (headers or {})
    async with api.session.put(url, data=io.BytesIO(body), headers=sent) as answer:
        return answer.status


async def test_the_agent_brings_a_recording(api, clock, google, tmp_path):
    """A long medium starts its own session, a short and an empty one are one PUT each."""
    contents = [LONG, SHORT, b""]
    done = await bring(api, clock, tmp_path, *contents)
    stored = google.contents().values()
    first_api = google.asked.index("api")

    assert done.state is State.STORED
    assert sorted(map(digest, contents)) == sorted(map(digest, stored))
    assert 3 == google.asked.count("signed")
    assert {"signed", "session"} >= {*google.asked[:first_api]} - {"token"}


async def test_google_is_not_asked_for_a_url(api, google):
    """Both kinds of URL are signed without a request to anybody."""
    recording = await api.recording()
    targets = [await api.target(recording, each) for each in (LONG, SHORT)]

    assert ["chunked_put", "single_put"] == [each["upload_protocol"] for each in targets]
    assert [] == google.asked


async def test_a_url_is_good_for_its_own_bytes_once(api, google):
    """Another size and another type are refused, and so is a second object in the first's place."""
    target = await api.target(await api.recording(), SHORT)
    tries = [
        (SHORT + b"!", {}),
        (SHORT, {"Content-Type": "text/html"}),
        (SHORT, {"x-goog-content-length-range": "0,99999999"}),
        (SHORT, {}),
        (SHORT[::-1], {}),
    ]
    answers = [await put(api, target, body, headers) for body, headers in tries]

    assert [400, 403, 403, 200, 412] == answers
    assert [SHORT] == [*google.contents().values()]


async def test_a_url_ends_by_googles_clock(api, google):
    """What is signed is the gateway's URL_TTL_S."""
    target = await api.target(await api.recording(), SHORT)
    google.pass_time(3600)
    late = await put(api, target, SHORT)

    assert (400, {}) == (late, google.objects)


async def test_wrong_bytes_are_noticed_and_come_again(api, google):
    """What is not what was announced makes way for what is, by the same kind of URL."""
    recording = await api.recording()
    target = await api.target(recording, SHORT, key="m-0")
    await put(api, target, SHORT[::-1])
    refused = await api.complete(recording, SHORT)
    again = await api.target(recording, SHORT, key="m-0")
    await put(api, again, SHORT)
    done = await api.complete(recording, SHORT)

    assert (409, "media_pending") == (refused.status, refused.code)
    assert (200, digest(SHORT)) == (done.status, done.json["content_sha256"])


async def test_a_bucket_that_is_none_is_told(api, google):
    """The readiness check names the setting with the bucket's name."""
    well = await api.call("GET", "/readyz", token="")
    google.bucket = "another"
    unwell = await api.call("GET", "/readyz", token="")

    assert (200, 503) == (well.status, unwell.status)
    assert "FIELDPOST_GATEWAY_OBJECTS" in unwell.json["checks"]["objects"]


async def test_an_account_that_was_closed_is_told(api, google):
    """So is the file with the account's key, without what is in it."""
    google.grants = False
    unwell = await api.call("GET", "/readyz", token="")

    assert 503 == unwell.status
    assert "FIELDPOST_GATEWAY_GCS_CREDENTIALS_FILE" in unwell.json["checks"]["objects"]
    assert "PRIVATE" not in unwell.body.decode()


async def test_a_session_begun_before_the_setting_goes_on(api, google):
    """What an earlier setting opened is not begun anew."""
    recording = await api.recording()
    objects = api.gateway.objects
    signed = objects._config
    objects._config = GcsConfig(bucket=BUCKET, emulator=google.origin)
    first = await api.target(recording, LONG, key="m-0")
    await api.put(first["upload_url"], LONG[:CHUNK_BYTES], 0, len(LONG))
    objects._config = signed
    again = await api.target(recording, LONG, key="m-0")

    assert first["upload_url"] == again["upload_url"]
