"""Times that are reckoned anew: what an Idempotency-Key is tied to does not hang on them."""

import msgspec
import pytest
from sqlalchemy import update

from gateway.core.idempotency import fingerprint
from gateway.routes.bodies import RecordingCreate
from gateway.store.schema import intents

pytestmark = pytest.mark.asyncio


UNSURE = {"fieldpost_times_trusted": "false", "fieldpost_ref": "r1"}


async def test_times_that_were_reckoned_anew_are_the_same_request(api):
    """A recorder without a clock that is read again, by another process, has other times."""
    bodies = [
        {"metadata": UNSURE, "started_at": f"2026-03-01T10:00:0{n}Z", "ended_at": ended}
        for n, ended in enumerate(["2026-03-01T10:01:00Z", "2026-03-01T10:01:09Z"])
    ]
    first, second = [await api.call("POST", "/v1/recordings", body, key="k") for body in bodies]

    assert (201, 200) == (first.status, second.status)
    assert (first.json["id"], first.json["started_at"]) == (
        second.json["id"],
        second.json["started_at"],
    )


async def test_times_that_are_trusted_belong_to_the_request(api):
    """Another time is another recording there, and needs another key."""
    first, second = [
        await api.call(
            "POST",
            "/v1/recordings",
            {"started_at": f"2026-03-01T10:00:0{n}Z"},
            key="k",
        )
        for n in range(2)
    ]

    assert (201, 422) == (first.status, second.status)


async def test_a_picture_whose_time_was_reckoned_anew_is_the_same(api):
    """Both are given the same medium."""
    recording = await api.recording()
    first, second = [
        await api.call(
            "POST",
            f"/v1/recordings/{recording}/upload-url",
            {"type": "image", "captured_at": f"2026-03-01T10:00:0{n}Z"},
            key="m",
        )
        for n in range(2)
    ]

    assert (200, first.json["media_id"]) == (second.status, second.json["media_id"])


async def test_a_key_that_an_earlier_version_kept_is_known(api):
    """It kept a fingerprint with the times, and the agent repeats the same request."""
    body = {"metadata": UNSURE, "started_at": "2026-03-01T10:00:00Z"}
    parsed = msgspec.json.decode(msgspec.json.encode(body), type=RecordingCreate)
    former = fingerprint("", msgspec.json.encode(parsed, order="sorted"))
    first = await api.call("POST", "/v1/recordings", body, key="k")
    database = api.gateway.store._database
    kept = update(intents).values(fingerprint=former)
    await database.writing(lambda connection: connection.execute(kept) and None)
    again = await api.call("POST", "/v1/recordings", body, key="k")

    assert (200, first.json["id"]) == (again.status, again.json["id"])
