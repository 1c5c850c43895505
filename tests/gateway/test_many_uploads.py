"""Upload URLs of many media at once: all or nothing, and the same media as one by one."""

import asyncio

import pytest

from tests.gateway.serving import digest, serving

IMAGES = [b"\xff\xd8" + bytes([number]) * 2000 for number in range(3)]

pytestmark = pytest.mark.asyncio


def item(content, **more):
    return {
        "type": "image",
        "content_type": "image/jpeg",
        "file_size_bytes": len(content),
        "sha256": digest(content),
        **more,
    }


async def ask(api, recording, *items):
    return await api.call("POST", f"/v1/recordings/{recording}/upload-urls", {"media": items})


async def media(api, recording):
    return (await api.call("GET", f"/v1/recordings/{recording}")).json["media"]


async def test_each_gets_its_own_url_in_order(api):
    """The answers are in the order of the questions, and every URL takes its own medium."""
    recording = await api.recording()
    told = await ask(api, recording, *map(item, IMAGES))
    for content, target in zip(IMAGES, told.json["media"], strict=True):
        put = await api.put(target["upload_url"], content, 0, len(content))
        assert put.json["content_sha256"] == digest(content)
    done = await api.complete(recording, None)

    assert told.status == 200
    assert [m["id"] for m in done.json["media"]] == [t["media_id"] for t in told.json["media"]]
    assert "uploaded" == done.json["status"]


async def test_it_answers_as_the_single_route(api):
    """Each answer has the fields that upload-url answers with."""
    recording = await api.recording()
    one = await api.target(recording, IMAGES[0], kind="image")
    told = await ask(api, recording, item(IMAGES[0]))

    assert set(one) == set(told.json["media"][0])
    assert one["headers"] == told.json["media"][0]["headers"]


async def test_creating_announces_it(api):
    """A created recording says how many media one request may ask for, a repeated one too."""
    made = await api.call("POST", "/v1/recordings", {}, key="k")
    again = await api.call("POST", "/v1/recordings", {}, key="k")

    assert (50, 50) == (made.json["batch_upload_url"], again.json["batch_upload_url"])


async def test_a_key_means_the_same_on_both_routes(api):
    """What one route made, the other gives again."""
    recording = await api.recording()
    body = {"type": "image", "content_type": "image/jpeg", "file_size_bytes": len(IMAGES[0])}
    single = await api.call("POST", f"/v1/recordings/{recording}/upload-url", body, key="a")
    told = await ask(
        api,
        recording,
        item(IMAGES[0], idempotency_key="a"),
        item(IMAGES[1], idempotency_key="b"),
    )
    body["file_size_bytes"] = len(IMAGES[1])
    again = await api.call("POST", f"/v1/recordings/{recording}/upload-url", body, key="b")

    assert single.json["media_id"] == told.json["media"][0]["media_id"]
    assert told.json["media"][1]["media_id"] == again.json["media_id"]
    assert 2 == len(await media(api, recording))


async def test_the_same_question_twice_makes_nothing_new(api):
    """Repeated and simultaneous questions with keys give the same media."""
    recording = await api.recording()
    items = [item(content, idempotency_key=f"k{n}") for n, content in enumerate(IMAGES)]
    told = await asyncio.gather(*(ask(api, recording, *items) for _ in range(5)))

    assert 1 == len({tuple(t["media_id"] for t in each.json["media"]) for each in told})
    assert 3 == len(await media(api, recording))


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"content_type": "audio/ogg"}, "invalid_request"),
        ({"file_size_bytes": 2**45}, "medium_too_large"),
        ({"sha256": "no"}, "invalid_request"),
        ({"idempotency_key": "no key"}, "invalid_request"),
        ({"idempotency_key": "first"}, "invalid_request"),
        ({"idempotency_key": "taken"}, "idempotency_mismatch"),
    ],
)
async def test_one_that_is_refused_refuses_all(api, wrong, code):
    """Nothing is made where one of the media is refused, and the problem is that one's."""
    recording = await api.recording()
    other = await api.recording()
    await ask(api, other, item(IMAGES[2], idempotency_key="taken"))
    refused = await ask(
        api,
        recording,
        item(IMAGES[0], idempotency_key="first"),
        {**item(IMAGES[1]), **wrong},
    )

    assert code == refused.code
    assert [] == await media(api, recording)


@pytest.mark.parametrize("count", [0, 51])
async def test_the_number_is_bounded(api, count):
    """No media, and more than fifty, are refused."""
    recording = await api.recording()
    refused = await ask(api, recording, *[item(IMAGES[0])] * count)

    assert (400, "invalid_request") == (refused.status, refused.code)


async def test_fifty_of_the_longest_fit_in_a_request(api):
    """The limit of a body leaves room for all that may be asked for."""
    recording = await api.recording()
    items = [
        item(
            IMAGES[0],
            idempotency_key=f"{number:0255}",
            content_type="image/" + "x" * 60,
            captured_at="2026-03-01T12:00:00.123456+01:00",
        )
        for number in range(50)
    ]
    told = await ask(api, recording, *items)

    assert (200, 50) == (told.status, len(told.json["media"]))


async def test_the_limit_of_unfinished_media_counts_all(tmp_path, clock):
    """Media asked for at once count one by one, and those that were known do not count again."""
    async with serving(tmp_path / "data", clock, max_sessions=3) as api:
        _, api.token = await api.device()
        recording = await api.recording()
        two = [item(IMAGES[n], idempotency_key=f"k{n}") for n in range(2)]
        first = await ask(api, recording, *two)
        refused = await ask(api, recording, item(IMAGES[0]), item(IMAGES[1]))
        fits = await ask(api, recording, *two, item(IMAGES[2]))

        assert (200, 429, 200) == (first.status, refused.status, fits.status)
        assert 3 == len(await media(api, recording))


async def test_no_more_are_announced_than_may_be_unfinished(tmp_path, clock):
    """A device that asked for more at once would be refused for ever."""
    async with serving(tmp_path / "data", clock, max_sessions=3) as api:
        _, api.token = await api.device()
        made = await api.call("POST", "/v1/recordings", {})

        assert 3 == made.json["batch_upload_url"]


async def test_another_devices_recording_is_not_found(api):
    """Media are not added to a recording of another device, nor to a deleted one."""
    recording = await api.recording()
    _, other = await api.device("AM-08")
    body = {"media": [item(IMAGES[0])]}
    path = f"/v1/recordings/{recording}/upload-urls"
    foreign = await api.call("POST", path, body, token=other)
    await api.call("DELETE", f"/v1/recordings/{recording}", token=await api.api_key())
    gone = await api.call("POST", path, body)

    assert (404, 404) == (foreign.status, gone.status)


async def test_a_complete_recording_takes_no_more(api):
    """After upload-complete new media are refused, and known ones are given again."""
    recording = await api.recording()
    known = item(IMAGES[0], idempotency_key="k")
    told = (await ask(api, recording, known)).json["media"][0]
    await api.put(told["upload_url"], IMAGES[0], 0, len(IMAGES[0]))
    await api.complete(recording, None)
    again = await ask(api, recording, known)
    refused = await ask(api, recording, known, item(IMAGES[1]))

    assert told["media_id"] == again.json["media"][0]["media_id"]
    assert (409, "recording_already_uploaded") == (refused.status, refused.code)
