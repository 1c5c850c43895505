"""Recordings over the API: create, find, list, complete, download, delete."""

import asyncio

import pytest

from gateway.model import Scope
from gateway.objects import ObjectRef
from tests.gateway.serving import digest, serving

AUDIO = b"OggS" * 50_000
IMAGE = b"\xff\xd8jpeg" * 1000

pytestmark = pytest.mark.asyncio


async def uploaded(api, *contents, recording=None):
    recording = recording or await api.recording()
    for content in contents:
        target = await api.target(recording, content, kind="image" if content is IMAGE else "audio")
        await api.call("PUT", target["upload_url"], body=content)
    return recording


async def test_create_answers_the_whole_object(api):
    """A created recording carries what the device said and whose it is."""
    said = {
        "name": "Site visit",
        "started_at": "2026-03-01T12:00:00+01:00",
        "metadata": {"fieldpost_ref": "e1", "nested": {"a": [1]}},
        "a_field_of_tomorrow": 1,
    }

    made = await api.call("POST", "/v1/recordings", said)

    assert made.status == 201
    assert made.json["name"] == "Site visit"
    assert made.json["started_at"] == "2026-03-01T11:00:00Z"
    assert made.json["metadata"] == said["metadata"]
    assert made.json["status"] == "pending"
    assert made.json["media"] == []
    assert made.json["device_id"].startswith("dev_")


async def test_create_is_done_once_per_key(api):
    """The same key with the same body is the same recording, and says so."""
    first = await api.call("POST", "/v1/recordings", {"name": "a"}, key="fp-1")
    again = await api.call("POST", "/v1/recordings", {"name": "a"}, key="fp-1")

    assert (first.status, again.status) == (201, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.json["id"] == again.json["id"]


async def test_a_key_belongs_to_one_body(api):
    """The same key with another body is refused."""
    await api.call("POST", "/v1/recordings", {"name": "a"}, key="fp-1")
    other = await api.call("POST", "/v1/recordings", {"name": "b"}, key="fp-1")

    assert (other.status, other.code) == (422, "idempotency_mismatch")


async def test_simultaneous_creates_with_one_key_make_one_recording(api):
    """Twenty equal requests at once make one recording."""
    made = await asyncio.gather(
        *(api.call("POST", "/v1/recordings", {}, key="fp-1") for _ in range(20))
    )
    listed = await api.call("GET", "/v1/recordings")

    assert len({each.json["id"] for each in made}) == 1
    assert sorted(each.status for each in made) == [200] * 19 + [201]
    assert len(listed.json["data"]) == 1


async def test_two_devices_may_use_the_same_key(api):
    """Keys of different devices do not meet."""
    first = await api.call("POST", "/v1/recordings", {}, key="fp-1")
    _, other = await api.device("AM-08")
    second = await api.call("POST", "/v1/recordings", {}, key="fp-1", token=other)

    assert (first.status, second.status) == (201, 201)


async def test_a_key_outlives_the_process(tmp_path, clock):
    """After a restart the same key still gives the same recording."""
    async with serving(tmp_path / "data", clock) as api:
        _, token = await api.device()
        first = await api.call("POST", "/v1/recordings", {}, key="fp-1", token=token)
    async with serving(tmp_path / "data", clock) as api:
        again = await api.call("POST", "/v1/recordings", {}, key="fp-1", token=token)

    assert first.json["id"] == again.json["id"]


@pytest.mark.parametrize(
    "body",
    [
        {"started_at": "yesterday"},
        {"started_at": "2026-03-01T11:00:00"},
        {"name": 7},
        {"metadata": []},
        [],
    ],
)
async def test_a_field_of_the_wrong_kind_is_refused(api, body):
    """What cannot be read is a 400 in both error shapes."""
    refused = await api.call("POST", "/v1/recordings", body)

    assert (refused.status, refused.code) == (400, "invalid_request")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json["type"] == "/problems/invalid-request"
    assert refused.json["error"]["request_id"] == refused.headers["X-Request-ID"]


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"\xff",
        b"<html>",
        b'{"name":"\xff"}',
        rb'{"name":"\ud800"}',
        b'{"metadata":{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}}",
        b'{"metadata":{"a":' + b"[" * 700 + b"]" * 700 + b"}}",
        b'{"metadata":{"a":1e999}}',
    ],
    ids=lambda raw: raw[:20].decode(errors="replace"),
)
async def test_a_body_that_is_not_json_is_refused(api, raw):
    """Broken JSON is a 400, not a 500."""
    refused = await api.call("POST", "/v1/recordings", body=raw)

    assert (refused.status, refused.code) == (400, "invalid_request")


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_time_outside_the_calendar_is_refused(api, at):
    """A time that UTC has no year for is the client's mistake, not a fault of ours."""
    refused = await api.call("POST", "/v1/recordings", {"started_at": at})

    assert (refused.status, refused.json["error"]["details"]) == (400, {"field": "started_at"})


async def test_a_huge_body_is_refused(api):
    """JSON bodies are small."""
    refused = await api.call("POST", "/v1/recordings", {"name": "x" * 70_000})

    assert (refused.status, refused.code) == (413, "body_too_large")


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 256])
async def test_a_malformed_key_is_refused(api, key):
    """Idempotency keys have Bota's form."""
    refused = await api.call("POST", "/v1/recordings", {}, key=key)

    assert refused.status == 400


async def test_list_pages_newest_first(api):
    """Pages follow limit and offset, newest first."""
    made = [await api.recording() for _ in range(5)]
    first = await api.call("GET", "/v1/recordings?limit=2")
    last = await api.call("GET", "/v1/recordings?limit=2&offset=4")

    assert [r["id"] for r in first.json["data"]] == [made[4], made[3]]
    assert first.json["has_more"] is True
    assert [r["id"] for r in last.json["data"]] == [made[0]]
    assert last.json["has_more"] is False


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "status=odd"])
async def test_list_refuses_odd_questions(api, query):
    """Bounds of a listing are kept."""
    refused = await api.call("GET", f"/v1/recordings?{query}")

    assert refused.status == 400


async def test_a_device_sees_its_own_recordings_only(api):
    """Another device's recording looks like none at all, for every operation."""
    recording = await uploaded(api, AUDIO)
    medium = (await api.call("GET", f"/v1/recordings/{recording}")).json["media"][0]["id"]
    own_id, own = await api.device("AM-08")
    path = f"/v1/recordings/{recording}"
    answers = [
        await api.call("GET", path, token=own),
        await api.call("POST", f"{path}/upload-url", {"type": "audio"}, token=own),
        await api.call("POST", f"{path}/upload-complete", {}, token=own),
        await api.call("POST", f"{path}/download-url", {"media_id": medium}, token=own),
    ]
    listed = await api.call("GET", f"/v1/recordings?device_id={own_id}", token=own)

    assert [a.status for a in answers] == [404] * 4
    assert listed.json["data"] == []


async def test_a_server_names_the_device(api):
    """An API key says for which device it creates, and an unknown one is refused."""
    secret = await api.api_key()
    device, _ = await api.device("AM-08")
    good = await api.call("POST", "/v1/recordings", {"device_id": device}, token=secret)
    bad = await api.call("POST", "/v1/recordings", {"device_id": "dev_0"}, token=secret)
    listed = await api.call("GET", f"/v1/recordings?device_id={device}", token=secret)

    assert good.json["device_id"] == device
    assert bad.status == 400
    assert [r["id"] for r in listed.json["data"]] == [good.json["id"]]


async def test_complete_says_uploaded_with_every_digest(api):
    """When all media are whole the recording is uploaded under its audio's digest."""
    recording = await uploaded(api, IMAGE, AUDIO)
    done = await api.complete(recording, AUDIO)

    assert done.status == 200
    assert done.json["status"] == "uploaded"
    assert done.json["content_sha256"] == digest(AUDIO)
    assert done.json["content_sha256_verified_at"] == "2026-03-01T12:00:00Z"
    assert [m["status"] for m in done.json["media"]] == ["uploaded", "uploaded"]
    assert [m["content_sha256"] for m in done.json["media"]] == [digest(IMAGE), digest(AUDIO)]


async def test_complete_is_repeatable(api):
    """The same request gives the same answer."""
    recording = await uploaded(api, AUDIO)
    first = await api.complete(recording, AUDIO, key="c-1")
    again = await api.complete(recording, AUDIO, key="c-1")

    assert first.json == again.json


async def test_simultaneous_completes_agree(api):
    """Equal completes at once all get the same answer."""
    recording = await uploaded(api, AUDIO)
    answers = await asyncio.gather(*(api.complete(recording, AUDIO) for _ in range(8)))

    assert {a.status for a in answers} == {200}
    assert len({a.body for a in answers}) == 1


async def test_a_complete_key_belongs_to_one_body(api):
    """A complete with a known key and another digest is refused as such."""
    recording = await uploaded(api, AUDIO)
    await api.complete(recording, AUDIO, key="c-1")
    other = await api.complete(recording, IMAGE, key="c-1")

    assert (other.status, other.code) == (422, "idempotency_mismatch")


async def test_complete_after_complete_with_another_digest_is_a_conflict(api):
    """A finished recording keeps its digest."""
    recording = await uploaded(api, AUDIO)
    await api.complete(recording, AUDIO)
    other = await api.complete(recording, IMAGE)

    assert (other.status, other.code) == (409, "digest_mismatch")


async def test_complete_names_the_media_that_are_missing(api):
    """Pending media are named, and nothing changes."""
    recording = await uploaded(api, AUDIO)
    missing = await api.target(recording, IMAGE, kind="image")
    refused = await api.complete(recording, AUDIO)

    assert (refused.status, refused.code) == (409, "media_pending")
    assert refused.json["error"]["details"] == {"media_ids": [missing["media_id"]]}


async def test_complete_without_media_is_a_conflict(api):
    """An empty recording is not uploaded."""
    refused = await api.complete(await api.recording(), AUDIO)

    assert (refused.status, refused.code) == (409, "no_media_uploaded")


async def test_a_wrong_claim_about_a_verified_medium_changes_nothing(api):
    """A medium that matched its declared digest is not thrown away for a wrong claim."""
    recording = await uploaded(api, AUDIO)
    refused = await api.complete(recording, IMAGE)
    good = await api.complete(recording, AUDIO)

    assert (refused.status, refused.code) == (409, "digest_mismatch")
    assert good.json["status"] == "uploaded"


async def test_a_wrong_digest_reopens_an_unverified_medium_alone(api):
    """Without a declared digest a mismatch starts that medium anew; the others stay."""
    recording = await uploaded(api, IMAGE)
    target = await api.target(recording, AUDIO, declare=False)
    await api.call("PUT", target["upload_url"], body=b"x" * len(AUDIO))
    refused = await api.complete(recording, AUDIO)
    between = await api.call("GET", f"/v1/recordings/{recording}")
    held = (await api.ask(target["upload_url"], len(AUDIO))).held
    await api.call("PUT", target["upload_url"], body=AUDIO)
    done = await api.complete(recording, AUDIO)

    assert (refused.status, refused.code) == (409, "digest_mismatch")
    assert between.json["status"] == "integrity_failure"
    assert [m["status"] for m in between.json["media"]] == ["uploaded", "pending"]
    assert held == 0
    assert done.json["status"] == "uploaded"


async def test_a_complete_recording_takes_no_more_media(api):
    """New media are refused, a repeated upload-url is not."""
    recording = await api.recording()
    target = await api.target(recording, AUDIO, key="m-0")
    await api.call("PUT", target["upload_url"], body=AUDIO)
    await api.complete(recording, AUDIO)
    refused = await api.call("POST", f"/v1/recordings/{recording}/upload-url", {"type": "image"})
    again = await api.target(recording, AUDIO, key="m-0")

    assert (refused.status, refused.code) == (409, "recording_already_uploaded")
    assert again["media_id"] == target["media_id"]
    assert (await api.ask(again["upload_url"], len(AUDIO))).status == 200


async def test_download_gives_the_bytes_back(api):
    """What went up comes down, whole and by range, never rendered in place."""
    recording = await uploaded(api, AUDIO)
    medium = (await api.call("GET", f"/v1/recordings/{recording}")).json["media"][0]["id"]
    link = await api.call("POST", f"/v1/recordings/{recording}/download-url", {"media_id": medium})
    whole = await api.call("GET", link.json["download_url"])
    part = await api.call("GET", link.json["download_url"], headers={"Range": "bytes=4-7"})

    assert link.json["file_size_bytes"] == len(AUDIO)
    assert whole.body == AUDIO
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert (part.status, part.body) == (206, AUDIO[4:8])


async def test_a_lost_object_is_a_clear_answer(api):
    """An object that is not on the disk any more is a 503 in both error shapes."""
    recording = await uploaded(api, AUDIO)
    media_id = (await api.call("GET", f"/v1/recordings/{recording}")).json["media"][0]["id"]
    made = await api.call(
        "POST", f"/v1/recordings/{recording}/download-url", {"media_id": media_id}
    )
    await asyncio.to_thread(api.gateway.objects.path(ObjectRef(recording, media_id)).unlink)
    lost = await api.call("GET", made.json["download_url"])

    assert (lost.status, lost.code) == (503, "storage_failed")


async def test_a_pending_medium_cannot_be_downloaded(api):
    """There is no URL for bytes that are not whole."""
    recording = await api.recording()
    target = await api.target(recording, AUDIO)
    path = f"/v1/recordings/{recording}/download-url"
    pending = await api.call("POST", path, {"media_id": target["media_id"]})
    unknown = await api.call("POST", path, {"media_id": "med_0"})

    assert (pending.status, pending.code) == (409, "media_pending")
    assert unknown.status == 404


async def test_delete_removes_recording_and_bytes(api, tmp_path):
    """A deleted recording is gone from the API and from the disk."""
    secret = await api.api_key()
    recording = await uploaded(api, AUDIO)
    half = await api.target(recording, IMAGE, kind="image")
    await api.put(half["upload_url"], IMAGE[:100], 0, len(IMAGE))
    path = f"/v1/recordings/{recording}"
    deleted = await api.call("DELETE", path, token=secret)
    left = [p for p in (tmp_path / "data").glob("*/**/*") if p.is_file()]

    assert deleted.status == 204
    assert (await api.call("GET", path)).status == 404
    assert (await api.ask(half["upload_url"], len(IMAGE))).status == 404
    assert left == []


async def test_a_deleted_recording_does_not_come_back_by_its_key(api):
    """A replayed create of a deleted recording is a conflict for a person to look at."""
    secret = await api.api_key()
    made = await api.call("POST", "/v1/recordings", {}, key="fp-1")
    await api.call("DELETE", f"/v1/recordings/{made.json['id']}", token=secret)
    again = await api.call("POST", "/v1/recordings", {}, key="fp-1")

    assert (again.status, again.code) == (409, "recording_deleted")


async def test_an_interrupted_delete_is_finished_at_start(tmp_path, clock):
    """Bytes of a recording that was deleted before a crash are removed at the next start."""
    folder = tmp_path / "data"
    async with serving(folder, clock) as api:
        _, api.token = await api.device()
        recording = await uploaded(api, AUDIO)
        await api.gateway.store.recordings.delete(recording, clock.now())
    async with serving(folder, clock):
        pass

    assert list((folder / "objects").iterdir()) == []


async def test_a_device_may_not_delete(api):
    """Deleting needs an API key."""
    refused = await api.call("DELETE", f"/v1/recordings/{await api.recording()}")

    assert (refused.status, refused.code) == (403, "forbidden")


async def test_a_device_withdraws_its_own_trial(api):
    """What a device made to try the way out it takes away again, bytes and all."""
    trial = {"metadata": {"fieldpost_trial": "1"}}
    made = await api.call("POST", "/v1/recordings", trial, key="trial-1")
    recording = await uploaded(api, AUDIO, recording=made.json["id"])
    path = f"/v1/recordings/{recording}"

    assert (await api.call("DELETE", path)).status == 204
    assert (await api.call("GET", path)).status == 404


async def test_a_trial_that_was_completed_stays(api):
    """What the gateway has acknowledged no device deletes, whatever it called it."""
    trial = {"metadata": {"fieldpost_trial": "1"}}
    made = await api.call("POST", "/v1/recordings", trial, key="trial-1")
    recording = await uploaded(api, AUDIO, recording=made.json["id"])
    await api.call("POST", f"/v1/recordings/{recording}/upload-complete", {})
    refused = await api.call("DELETE", f"/v1/recordings/{recording}")

    assert (refused.status, refused.code) == (403, "forbidden")


async def test_unfinished_media_are_limited_per_device(tmp_path, clock):
    """A runaway device cannot fill the gateway with sessions, nor take others' room."""
    async with serving(tmp_path / "data", clock, max_sessions=2) as api:
        _, api.token = await api.device()
        recording = await api.recording()
        for _ in range(2):
            await api.target(recording, AUDIO)
        path = f"/v1/recordings/{recording}/upload-url"
        refused = await api.call("POST", path, {"type": "audio"})
        secret = await api.api_key(Scope.RECORDINGS_WRITE)
        other = await api.recording(token=secret)
        made = await api.call(
            "POST", f"/v1/recordings/{other}/upload-url", {"type": "audio"}, token=secret
        )

    assert (refused.status, refused.code) == (429, "too_many_sessions")
    assert refused.headers["Retry-After"] == "60"
    assert made.status == 200


async def test_a_medium_that_comes_while_its_recording_is_deleted_leaves_nothing(api, tmp_path):
    """A medium added between looking and deleting is purged with the others."""
    recording = await api.recording()
    find, late = api.gateway.recordings.find, []

    async def slow(caller, recording_id):
        found = await find(caller, recording_id)
        if not late:
            late.append(recording_id)
            target = await api.target(recording_id, AUDIO)
            await api.put(target["upload_url"], AUDIO[:100], 0, len(AUDIO))
        return found

    api.gateway.recordings.find = slow
    gone = await api.call("DELETE", f"/v1/recordings/{recording}", token=await api.api_key())
    left = await asyncio.to_thread(_files, tmp_path / "data" / "parts")

    assert gone.status == 204
    assert left == []


async def test_a_folder_that_cannot_be_removed_does_not_stop_the_gateway(tmp_path, clock):
    """What a deletion leaves behind is a warning at the next start."""
    folder = tmp_path / "data"
    async with serving(folder, clock) as api:
        _, api.token = await api.device()
        recording = await uploaded(api, AUDIO)
        stray = folder / "objects" / recording / "stray"
        await asyncio.to_thread(stray.write_bytes, b"")
        gone = await api.call("DELETE", f"/v1/recordings/{recording}", token=await api.api_key())
    async with serving(folder, clock) as api:
        alive = await api.call("GET", "/livez")

    assert (gone.status, alive.status) == (204, 200)


async def test_a_replaced_medium_is_not_blamed_for_the_old_digest(api):
    """A verdict on bytes that were replaced meanwhile leaves the new ones alone."""
    recording = await api.recording()
    target = await api.target(recording, AUDIO, declare=False)
    await api.call("PUT", target["upload_url"], body=AUDIO[::-1])
    judged = await api.gateway.store.recordings.medium(target["media_id"])
    await api.call("PUT", target["upload_url"], body=AUDIO)
    await api.gateway.receiving.reopen(judged)
    done = await api.complete(recording, AUDIO)

    assert (done.status, done.json["status"]) == (200, "uploaded")


def _files(folder):
    return [path.name for path in folder.iterdir()]
