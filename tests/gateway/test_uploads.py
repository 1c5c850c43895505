"""Chunked PUTs: offsets, overlaps, gaps, digests, signatures."""

import pytest

from gateway.core.signing import Purpose, signed_url
from tests.gateway.serving import SECRET, digest, serving

AUDIO = bytes(range(256)) * 1024
TOTAL = len(AUDIO)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def url(api):
    async def make(**more):
        target = await api.target(await api.recording(), AUDIO, **more)
        return target["upload_url"]

    return make


async def test_the_target_names_its_protocol(api):
    """The answer says that the URL speaks chunked_put, and when it ends."""
    target = await api.target(await api.recording(), AUDIO)

    assert target["upload_protocol"] == "chunked_put"
    assert target["expires_at"] == "2026-03-01T13:00:00Z"
    assert target["headers"] == {"Content-Type": "audio/opus"}
    assert target["upload_url"].startswith(f"{api.url}/v1/uploads/{target['media_id']}?")


async def test_the_same_key_gives_the_same_medium_and_a_fresh_url(api, clock):
    """A repeated upload-url continues the session under a new signature."""
    recording = await api.recording()
    first = await api.target(recording, AUDIO, key="m-0")
    await api.put(first["upload_url"], AUDIO[:1000], 0, TOTAL)
    clock.advance(3601)
    again = await api.target(recording, AUDIO, key="m-0")

    assert again["media_id"] == first["media_id"]
    assert (await api.ask(first["upload_url"], TOTAL)).code == "url_expired"
    assert (await api.ask(again["upload_url"], TOTAL)).held == 1000


async def test_a_medium_key_belongs_to_one_digest(api):
    """The same key with another declared digest is refused."""
    recording = await api.recording()
    await api.target(recording, AUDIO, key="m-0")
    other = await api.target(recording, AUDIO[::-1], key="m-0")

    assert other["error"]["code"] == "idempotency_mismatch"


async def test_nothing_held_has_no_range(api, url):
    """A fresh session answers 308 without a Range header."""
    fresh = await api.ask(await url(), TOTAL)

    assert fresh.status == 308
    assert "Range" not in fresh.headers


async def test_chunks_add_up(api, url):
    """Chunks in order end in 200 with size and digest."""
    where = await url()
    first = await api.put(where, AUDIO[:100_000], 0, TOTAL)
    second = await api.put(where, AUDIO[100_000:200_000], 100_000, TOTAL)
    last = await api.put(where, AUDIO[200_000:], 200_000, TOTAL)

    assert (first.held, second.held) == (100_000, 200_000)
    assert last.status == 200
    assert last.json["file_size_bytes"] == TOTAL
    assert last.json["content_sha256"] == digest(AUDIO)


async def test_a_whole_put_needs_no_range(api, url):
    """A client that knows nothing of chunks sends the body at once."""
    done = await api.call("PUT", await url(), body=AUDIO)

    assert (done.status, done.json["content_sha256"]) == (200, digest(AUDIO))


async def test_an_overlap_counts_once(api, url):
    """The known part of a chunk is left out."""
    where = await url()
    await api.put(where, AUDIO[:100_000], 0, TOTAL)
    over = await api.put(where, AUDIO[50_000:150_000], 50_000, TOTAL)
    known = await api.put(where, AUDIO[:10], 0, TOTAL)
    done = await api.put(where, AUDIO[150_000:], 150_000, TOTAL)

    assert over.held == 150_000
    assert known.held == 150_000
    assert done.json["content_sha256"] == digest(AUDIO)


async def test_a_gap_stores_nothing(api, url):
    """A chunk beyond the offset is not kept, and the true offset is told."""
    where = await url()
    await api.put(where, AUDIO[:1000], 0, TOTAL)
    gap = await api.put(where, AUDIO[2000:3000], 2000, TOTAL)

    assert gap.held == 1000
    assert (await api.ask(where, TOTAL)).held == 1000


async def test_a_whole_medium_answers_the_same_for_ever(api, url):
    """Repeats of the last chunk and questions after the end get the final answer."""
    where = await url()
    done = await api.call("PUT", where, body=AUDIO)
    asked = await api.ask(where, TOTAL)
    repeated = await api.put(where, AUDIO[200_000:], 200_000, TOTAL)

    assert asked.json == repeated.json == done.json


async def test_an_empty_medium_is_whole_when_asked(api):
    """Zero bytes are complete at once."""
    target = await api.target(await api.recording(), b"")
    done = await api.ask(target["upload_url"], 0)

    assert (done.status, done.json["content_sha256"]) == (200, digest(b""))


async def test_a_medium_of_unknown_size_ends_where_the_client_says(api):
    """Without file_size_bytes the total of the last chunk counts."""
    made = await api.call(
        "POST", f"/v1/recordings/{await api.recording()}/upload-url", {"type": "audio"}
    )
    where = made.json["upload_url"]
    first = await api.call(
        "PUT", where, body=AUDIO[:1000], headers={"Content-Range": "bytes 0-999/*"}
    )
    last = await api.put(where, AUDIO[1000:2000], 1000, 2000)

    assert first.held == 1000
    assert last.json["file_size_bytes"] == 2000


async def test_a_wrong_digest_empties_the_medium(api):
    """Bytes that do not have the declared digest are refused, and the medium starts again."""
    target = await api.target(await api.recording(), AUDIO)
    where = target["upload_url"]
    await api.put(where, b"x" * 1000, 0, TOTAL)
    refused = await api.put(where, AUDIO[1000:], 1000, TOTAL)
    after = await api.ask(where, TOTAL)
    done = await api.put(where, AUDIO, 0, TOTAL)

    assert (refused.status, refused.code) == (422, "digest_mismatch")
    assert after.held == 0
    assert done.json["content_sha256"] == digest(AUDIO)


async def test_a_body_sent_in_chunked_coding_is_taken(api, url):
    """A chunk whose body comes without Content-Length is bounded by its range."""

    async def pieces():
        for start in range(0, 5000, 1000):
            yield AUDIO[start : start + 1000]

    answer = await api.call(
        "PUT",
        await url(),
        body=pieces(),
        headers={"Content-Range": f"bytes 0-2999/{TOTAL}", "Content-Type": "audio/ogg"},
    )

    assert answer.held == 3000


@pytest.mark.parametrize(
    "span",
    [
        "bytes 0-9/10",
        f"bytes 0-8/{TOTAL}",
        f"bytes 9-0/{TOTAL}",
        f"bytes {TOTAL}-{TOTAL + 9}/*",
        "bytes=0-9",
        "octets 0-9/10",
        f"bytes 0-9/{TOTAL}, bytes 10-19/{TOTAL}",
    ],
)
async def test_a_range_that_does_not_fit_is_refused(api, url, span):
    """A range at odds with the medium or the body is a 400 and changes nothing."""
    where = await url()
    refused = await api.call("PUT", where, body=AUDIO[:10], headers={"Content-Range": span})

    assert (refused.status, refused.code) == (400, "invalid_content_range")
    assert (await api.ask(where, TOTAL)).held == 0


async def test_an_expired_url_is_refused(api, url, clock):
    """After its hour a URL opens nothing."""
    where = await url()
    clock.advance(3601)
    refused = await api.put(where, AUDIO, 0, TOTAL)

    assert (refused.status, refused.code) == (403, "url_expired")


@pytest.mark.parametrize(
    "change",
    [
        lambda u: u.replace("signature=", "signature=A"),
        lambda u: u.replace("expires=1", "expires=2"),
        lambda u: u.partition("?")[0],
        lambda u: u.replace("uploads/med_", "uploads/med_0"),
    ],
)
async def test_a_forged_url_is_refused(api, url, change):
    """No part of a signed URL can be changed."""
    refused = await api.put(change(await url()), AUDIO, 0, TOTAL)

    assert (refused.status, refused.code) == (403, "signature_invalid")


async def test_an_upload_url_does_not_download(api, url):
    """A signature for one purpose does not open the other."""
    where = (await url()).replace("/uploads/", "/objects/")
    refused = await api.call("GET", where)

    assert (refused.status, refused.code) == (403, "signature_invalid")


async def test_an_unknown_session_is_gone(api, clock):
    """A signed URL of a medium that is not there is a 404."""
    expires = int(clock.now().timestamp()) + 60
    where = signed_url(SECRET, Purpose.UPLOAD, "med_0", base_url=f"{api.url}/v1", expires=expires)
    gone = await api.ask(where, TOTAL)

    assert (gone.status, gone.code) == (404, "not_found")


async def test_a_medium_beyond_the_limit_is_refused(tmp_path, clock):
    """Too large a medium is refused before and while it is sent."""
    async with serving(tmp_path / "data", clock, max_medium_bytes=1000) as api:
        _, api.token = await api.device()
        recording = await api.recording()
        announced = await api.target(recording, AUDIO)
        made = await api.call("POST", f"/v1/recordings/{recording}/upload-url", {"type": "audio"})
        where = made.json["upload_url"]
        sent = await api.call("PUT", where, body=AUDIO)
        beyond = await api.call(
            "PUT", where, body=b"x", headers={"Content-Range": "bytes 1000-1000/*"}
        )

    assert announced["error"]["code"] == "medium_too_large"
    assert (sent.status, sent.code) == (413, "medium_too_large")
    assert beyond.status == 413


async def test_a_complete_recording_keeps_its_bytes(api):
    """After upload-complete a whole PUT cannot replace what was acknowledged."""
    recording = await api.recording()
    target = await api.target(recording, AUDIO, declare=False)
    await api.call("PUT", target["upload_url"], body=AUDIO)
    await api.complete(recording, AUDIO)
    refused = await api.call("PUT", target["upload_url"], body=AUDIO[::-1])
    still = await api.ask(target["upload_url"], TOTAL)

    assert (refused.status, refused.code) == (409, "recording_already_uploaded")
    assert still.json["content_sha256"] == digest(AUDIO)


async def test_a_second_whole_put_replaces_the_first(api):
    """Before upload-complete a whole PUT overwrites, as on any object store."""
    target = await api.target(await api.recording(), AUDIO, declare=False)
    await api.call("PUT", target["upload_url"], body=AUDIO[::-1])
    second = await api.call("PUT", target["upload_url"], body=AUDIO)

    assert second.json["content_sha256"] == digest(AUDIO)


@pytest.mark.parametrize(
    ("kind", "content_type", "status"),
    [
        ("audio", "audio/ogg; codecs=opus", 200),
        ("image", "image/jpeg", 200),
        ("image", "audio/ogg", 400),
        ("audio", "text/html", 400),
        ("audio", "audio/ogg\r\nX: y", 400),
        ("text", "text/plain", 400),
    ],
)
async def test_the_content_type_fits_the_kind(api, kind, content_type, status):
    """A medium has a type of its own kind and nothing that could break a header."""
    made = await api.call(
        "POST",
        f"/v1/recordings/{await api.recording()}/upload-url",
        {"type": kind, "content_type": content_type},
    )

    assert made.status == status


@pytest.mark.parametrize("size", [-1, 1.5, "7", True, 2**60])
async def test_an_absurd_size_is_refused(api, size):
    """A size is a whole number that a disk could hold."""
    made = await api.call(
        "POST",
        f"/v1/recordings/{await api.recording()}/upload-url",
        {"type": "audio", "file_size_bytes": size},
    )

    assert made.status == 400


async def test_a_malformed_declared_digest_is_refused(api):
    """A digest that is none is not silently ignored."""
    made = await api.call(
        "POST",
        f"/v1/recordings/{await api.recording()}/upload-url",
        {"type": "audio"},
        headers={"X-Content-SHA256": "abc"},
    )

    assert (made.status, made.code) == (400, "invalid_request")


async def test_the_public_url_is_handed_out(tmp_path, clock):
    """Behind a proxy the URLs are those that clients can reach."""
    async with serving(tmp_path / "data", clock, public_url="https://gw.example.org/fp") as api:
        _, api.token = await api.device()
        target = await api.target(await api.recording(), AUDIO)

    assert target["upload_url"].startswith("https://gw.example.org/fp/v1/uploads/med_")
