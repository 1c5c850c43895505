"""Recordings from creation to deletion, as every implementation of the API must keep them."""

import asyncio

import pytest

from tests.contract.client import digest

pytestmark = pytest.mark.asyncio

IMAGE = bytes(range(256)) * 100
OTHER = bytes(reversed(IMAGE))


async def test_a_repeated_creation_is_the_same_recording(client):
    """The same Idempotency-Key with the same body creates once, also when both come at once."""
    made = await asyncio.gather(
        *(client.call("POST", "/v1/recordings", {"name": "one"}, key="twice") for _ in range(4))
    )
    client.later_deleted(made[0].json["id"])

    assert {made[0].json["id"]} == {each.json["id"] for each in made}
    assert [200, 200, 200, 201] == sorted(each.status for each in made)
    assert 3 == [each.headers.get("Idempotent-Replayed") for each in made].count("true")


async def test_a_key_of_another_creation_is_refused(client):
    """The same Idempotency-Key with another body is 422 and creates nothing."""
    made = await client.call("POST", "/v1/recordings", {"name": "one"}, key="other")
    client.later_deleted(made.json["id"])
    refused = await client.call("POST", "/v1/recordings", {"name": "two"}, key="other")

    assert (422, "idempotency_mismatch") == (refused.status, refused.code)


async def test_a_repeated_target_is_the_same_medium(client):
    """The same Idempotency-Key asks for a fresh URL of the same medium, though reckoned anew."""
    recording = await client.recording()
    first = await client.target(recording, IMAGE, "m")
    again = await client.target(recording, IMAGE, "m")
    reckoned = await client.target(recording, IMAGE, "m", captured_at="2026-03-01T12:00:00Z")
    refused = await client.target(recording, IMAGE, "m", content_type="image/png")

    assert {first.json["media_id"]} == {again.json["media_id"], reckoned.json["media_id"]}
    assert (422, "idempotency_mismatch") == (refused.status, refused.code)


async def test_many_targets_are_had_at_once(client):
    """upload-urls answers in order, and knows the keys of upload-url."""
    recording = await client.recording()
    keys = [f"{client.run}-b{number}" for number in range(12)]
    media = [
        {
            "type": "image",
            "content_type": "image/jpeg",
            "file_size_bytes": len(IMAGE),
            "idempotency_key": key,
            "sha256": digest(IMAGE),
        }
        for key in keys
    ]
    path = f"/v1/recordings/{recording}/upload-urls"
    many = await client.call("POST", path, {"media": media})
    again = await client.call("POST", path, {"media": media[::-1]})
    single = await client.target(recording, IMAGE, "b5")
    ids = [each["media_id"] for each in many.json["media"]]

    assert 12 == len(set(ids))
    assert ids == [each["media_id"] for each in again.json["media"]][::-1]
    assert ids[5] == single.json["media_id"]


async def test_of_many_targets_all_or_none_are_made(client):
    """One item that is refused leaves the recording without any medium."""
    recording = await client.recording()
    item = {"type": "image", "idempotency_key": "same", "file_size_bytes": 1}
    refused = await client.call(
        "POST", f"/v1/recordings/{recording}/upload-urls", {"media": [item, item]}
    )
    shown = await client.call("GET", f"/v1/recordings/{recording}")

    assert (400, "invalid_request") == (refused.status, refused.code)
    assert [] == shown.json["media"]


async def test_a_medium_is_stored_and_fetched(client):
    """What was PUT comes back byte by byte, and upload-complete can be repeated."""
    recording = await client.recording()
    target = (await client.target(recording, IMAGE, "m")).json
    sent = await client.put(target, IMAGE)
    done = await client.complete(recording)
    again = await client.complete(recording)
    path = f"/v1/recordings/{recording}/download-url"
    where = await client.call("POST", path, {"media_id": target["media_id"]}, token=client.site.key)
    fetched = await client.call("GET", where.json["download_url"])

    assert (200, 200, 200) == (sent.status, done.status, again.status), (sent, done)
    assert done.json == again.json
    assert "uploaded" == done.json["status"]
    assert [digest(IMAGE)] == [each["content_sha256"] for each in done.json["media"]]
    assert (200, IMAGE) == (fetched.status, fetched.body)


async def test_a_recording_is_not_complete_before_its_media(client):
    """upload-complete says what is missing: nothing at all, or which media."""
    recording = await client.recording()
    empty = await client.complete(recording)
    target = (await client.target(recording, IMAGE, "m")).json
    pending = await client.complete(recording)

    assert (409, "no_media_uploaded") == (empty.status, empty.code)
    assert (409, "media_pending") == (pending.status, pending.code)
    assert [target["media_id"]] == pending.json["error"]["details"]["media_ids"]


async def test_a_complete_recording_takes_no_more(client):
    """A new medium of a recording that is complete is 409."""
    recording = await client.recording()
    await client.put((await client.target(recording, IMAGE, "m")).json, IMAGE)
    await client.complete(recording)
    refused = await client.target(recording, OTHER, "late")

    assert (409, "recording_already_uploaded") == (refused.status, refused.code)


async def test_bytes_of_another_digest_do_not_count(client):
    """Bytes of another digest never complete a recording; the right ones still do."""
    recording = await client.recording()
    target = (await client.target(recording, IMAGE, "m")).json
    wrong = await client.put(target, OTHER)
    early = await client.complete(recording)
    fresh = (await client.target(recording, IMAGE, "m")).json
    await client.put(fresh, IMAGE)
    done = await client.complete(recording)

    assert wrong.status >= 400
    assert 409 == early.status, early
    assert early.code in {"media_pending", "digest_mismatch"}
    assert (200, target["media_id"]) == (done.status, fresh["media_id"]), done


async def test_a_completion_of_another_digest_is_refused(client):
    """upload-complete that names another digest than the stored one's is 409."""
    recording = await client.recording()
    target = await client.target(recording, IMAGE, "m", type="audio", content_type="audio/opus")
    await client.put(target.json, IMAGE)
    refused = await client.complete(recording, OTHER)

    assert (409, "digest_mismatch") == (refused.status, refused.code)


async def test_a_broken_upload_goes_on(client):
    """A chunked PUT is asked for what is held and goes on there (where the gateway stores)."""
    recording = await client.recording()
    target = (await client.target(recording, IMAGE, "m")).json
    if target["upload_protocol"] != "chunked_put":
        pytest.skip("clients reach this object store themselves")
    total, half = len(IMAGE), len(IMAGE) // 2
    ask = {"Content-Range": f"bytes */{total}"}
    nothing = await client.put(target, b"", **ask)
    begun = await client.put(
        target, IMAGE[:half], **{"Content-Range": f"bytes 0-{half - 1}/{total}"}
    )
    held = await client.put(target, b"", **ask)
    hole = await client.put(
        target, IMAGE[-10:], **{"Content-Range": f"bytes {total - 10}-{total - 1}/{total}"}
    )
    ended = await client.put(
        target, IMAGE[half:], **{"Content-Range": f"bytes {half}-{total - 1}/{total}"}
    )
    asked = await client.put(target, b"", **ask)

    assert (308, None) == (nothing.status, nothing.headers.get("Range"))
    spans = [(each.status, each.headers.get("Range")) for each in (begun, held, hole)]
    assert [(308, f"bytes=0-{half - 1}")] * 3 == spans
    assert (200, digest(IMAGE)) == (ended.status, ended.json["content_sha256"])
    assert 200 == asked.status


async def test_a_forged_url_opens_nothing(client):
    """A signed URL that was changed is 403."""
    recording = await client.recording()
    target = (await client.target(recording, IMAGE, "m")).json
    name, _, value = target["upload_url"].rpartition("=")
    forged = {**target, "upload_url": f"{name}={'A' * len(value)}"}
    refused = await client.put(forged, IMAGE)

    assert 403 == refused.status


async def test_a_deleted_recording_is_gone(client):
    """It is 404 everywhere, its key stays used, its bytes are not handed out any more."""
    made = await client.call("POST", "/v1/recordings", {}, key="gone")
    recording = made.json["id"]
    target = (await client.target(recording, IMAGE, "m")).json
    await client.put(target, IMAGE)
    await client.complete(recording)
    deleted = await client.call("DELETE", f"/v1/recordings/{recording}", token=client.site.key)
    shown = await client.call("GET", f"/v1/recordings/{recording}")
    path = f"/v1/recordings/{recording}/download-url"
    download = await client.call("POST", path, {"media_id": target["media_id"]})
    again = await client.call("POST", "/v1/recordings", {}, key="gone")
    listed = await client.call("GET", "/v1/recordings?limit=100")

    assert (204, b"") == (deleted.status, deleted.body)
    assert [(404, "not_found")] * 2 == [(each.status, each.code) for each in (shown, download)]
    assert (409, "recording_deleted") == (again.status, again.code)
    assert recording not in {each["id"] for each in listed.json["data"]}


async def test_a_device_deletes_nothing(client):
    """Deleting a recording needs an API key."""
    recording = await client.recording()
    refused = await client.call("DELETE", f"/v1/recordings/{recording}")

    assert (403, "forbidden") == (refused.status, refused.code)


async def test_pages_follow_each_other(client):
    """Newest first, each recording once, and an end."""
    made = [await client.recording(name=f"{number}") for number in range(5)]
    pages = [
        (await client.call("GET", f"/v1/recordings?limit=2&offset={offset}")).json
        for offset in (0, 2, 4)
    ]
    listed = [each["id"] for page in pages for each in page["data"]]

    assert made[::-1] == listed[:5]
    assert [True, True] == [page["has_more"] for page in pages[:2]]


async def test_filters_narrow_a_list(client):
    """By status and by device."""
    recording = await client.recording()
    ours = await client.call(
        "GET", f"/v1/recordings?device_id={client.device}&status=pending", token=client.site.key
    )
    others = await client.call("GET", "/v1/recordings?device_id=dev_none", token=client.site.key)

    assert recording in {each["id"] for each in ours.json["data"]}
    assert {"data": [], "has_more": False} == others.json
