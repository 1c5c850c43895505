"""Commands over the API: given, delivered, ended; none is lost and none is done twice."""

import asyncio

import pytest
import pytest_asyncio

from gateway.orders import MOST_WAITING
from tests.gateway.serving import serving

pytestmark = pytest.mark.asyncio

ME = "/v1/devices/me"


class Operator:
    """Whoever commands the device of `api`."""

    def __init__(self, api, key, device_id):
        self.api, self.key = api, key
        self.path = f"/v1/devices/{device_id}/commands"

    async def give(self, kind="trigger_upload", *, key=None, **body):
        body = {"type": kind, **body}
        return await self.api.call("POST", self.path, body, token=self.key, key=key)

    async def get(self, command_id):
        return (await self.api.call("GET", f"{self.path}/{command_id}", token=self.key)).json

    async def cancel(self, command_id):
        return await self.api.call("DELETE", f"{self.path}/{command_id}", token=self.key)

    async def ids(self, query=""):
        found = await self.api.call("GET", f"{self.path}{query}", token=self.key)
        return [each["id"] for each in found.json["data"]], found.json["has_more"]


@pytest_asyncio.fixture
async def operator(api):
    me = await api.call("GET", ME)
    return Operator(api, await api.api_key(), me.json["id"])


async def told(api):
    """Give the ids of the commands in the answer to a heartbeat."""
    return [c["id"] for c in (await api.call("POST", f"{ME}/heartbeat", {})).json["commands"]]


async def result(api, command_id, status="executed", **more):
    path = f"{ME}/commands/{command_id}/result"
    return await api.call("POST", path, {"status": status, **more})


async def test_a_command_is_delivered_executed_and_shown(api, operator, clock):
    """The whole life of a command, with its times."""
    given = await operator.give("start_recording", params={"metadata": {"job": "17"}})
    clock.advance(10)
    answer = await api.call("POST", f"{ME}/heartbeat", {})
    delivered = await operator.get(given.json["id"])
    clock.advance(5)
    ended = await result(api, given.json["id"], result={"recording_id": "rec_1"})

    params = {"max_duration_sec": 3600, "upload_immediately": True, "metadata": {"job": "17"}}
    order = {"id": given.json["id"], "type": "start_recording", "params": params}
    assert (given.status, given.json["status"]) == (201, "pending")
    assert [{**order, "expires_at": "2026-03-01T12:05:00Z"}] == answer.json["commands"]
    assert (delivered["status"], delivered["delivered_at"]) == ("delivered", "2026-03-01T12:00:10Z")
    assert (ended.status, ended.json["status"]) == (200, "executed")
    assert ended.json == await operator.get(given.json["id"])
    assert ended.json["executed_at"] == "2026-03-01T12:00:15Z"
    assert ended.json["result"] == {"recording_id": "rec_1"}


async def test_a_lost_answer_loses_no_command(api, operator, clock):
    """A command is in every answer until its result came; its delivery is the first of them."""
    command = (await operator.give()).json["id"]
    first = await told(api)
    clock.advance(60)
    again = await told(api)
    shown = await operator.get(command)
    await result(api, command, "failed", error="no recorder")
    after = await told(api)

    assert [command] == first == again
    assert shown["delivered_at"] == "2026-03-01T12:00:00Z"
    assert after == []


async def test_commands_are_told_in_the_order_they_were_given(api, operator):
    """Oldest first: a stop that was given after a start is told after it."""
    given = [(await operator.give(kind)).json["id"] for kind in ("start_recording",) * 3]
    given.append((await operator.give("stop_recording")).json["id"])

    assert given == await told(api)


async def test_a_command_expires_by_the_gateways_clock(api, operator, clock):
    """From `expires_at` on it is told no more, and shown as expired."""
    command = (await operator.give(ttl_seconds=60)).json
    clock.advance(59)
    before = await told(api)
    clock.advance(1)

    assert command["expires_at"] == "2026-03-01T12:01:00Z"
    assert [command["id"]] == before
    assert await told(api) == []
    assert (await operator.get(command["id"]))["status"] == "expired"


async def test_a_result_may_be_told_again_and_not_changed(api, operator):
    """The same result is a 200 as often as it comes; another one is a conflict."""
    command = (await operator.give()).json["id"]
    await told(api)
    first = await result(api, command, result={"n": 1})
    again = await result(api, command, result={"n": 1})
    other = await result(api, command, "failed", error="x")

    assert (first.status, first.json) == (200, again.json)
    assert (other.status, other.code) == (409, "command_over")
    assert (await operator.get(command))["status"] == "executed"


async def test_two_words_at_once_end_in_one(api, operator):
    """Of contradicting results at the same moment one counts, and the other hears of it."""
    command = (await operator.give()).json["id"]
    answers = await asyncio.gather(result(api, command), result(api, command, "failed"))
    kept = (await operator.get(command))["status"]

    assert [200, 409] == sorted(each.status for each in answers)
    assert [kept] == [each.json["status"] for each in answers if each.status == 200]


async def test_a_result_is_taken_after_the_command_expired(api, operator, clock):
    """What a device did in time counts, however late it can tell."""
    command = (await operator.give()).json["id"]
    await told(api)
    clock.advance(9000)
    late = await result(api, command)

    assert (late.status, late.json["status"]) == (200, "executed")


async def test_a_cancelled_command_is_not_told(api, operator):
    """Cancelling is repeatable; what is over cannot be cancelled."""
    command, done = [(await operator.give()).json["id"] for _ in range(2)]
    cancelled = [await operator.cancel(command) for _ in range(2)]
    heard = await told(api)
    await result(api, done)
    late = await operator.cancel(done)

    assert [(200, "cancelled")] * 2 == [(c.status, c.json["status"]) for c in cancelled]
    assert cancelled[0].json["cancelled_at"] == "2026-03-01T12:00:00Z"
    assert [done] == heard
    assert (late.status, late.code) == (409, "command_over")


async def test_a_command_is_given_once_for_its_key(api, operator):
    """The key works in the header and in the body; with another request it is refused."""
    first = await operator.give(idempotency_key="job-17")
    again = await operator.give(key="job-17")
    other = await operator.give("stop_recording", key="job-17")
    both = await operator.give(key="a", idempotency_key="b")

    assert (first.status, again.status) == (201, 200)
    assert first.json == again.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status, other.code) == (422, "idempotency_mismatch")
    assert (both.status, both.code) == (400, "invalid_request")
    assert [first.json["id"]] == await told(api)


async def test_the_same_command_many_times_at_once_is_one(api, operator):
    """Equal requests at the same moment wait for each other."""
    answers = await asyncio.gather(*(operator.give(key="k") for _ in range(6)))

    assert len({each.json["id"] for each in answers}) == 1


async def test_a_device_touches_only_its_own_commands(api, operator):
    """Another device's command is not found, under any path."""
    command = (await operator.give()).json["id"]
    other, token = await api.device("AM-08")
    path = f"/v1/devices/{other}/commands/{command}"
    answers = [
        await api.call("POST", f"{ME}/commands/{command}/result", RESULT, token=token),
        await api.call("GET", f"{ME}/commands/{command}", token=token),
        await api.call("GET", path, token=operator.key),
        await api.call("DELETE", path, token=operator.key),
    ]
    heard = await api.call("POST", f"{ME}/heartbeat", {}, token=token)

    assert {404} == {each.status for each in answers}
    assert heard.json["commands"] == []


RESULT = {"status": "executed"}


async def test_commands_are_listed_newest_first_and_by_status(operator, api, clock):
    """Pages and statuses, expiry included."""
    gone = (await operator.give(ttl_seconds=1)).json["id"]
    clock.advance(1)
    done, here = [(await operator.give()).json["id"] for _ in range(2)]
    await result(api, done)
    waiting = (await operator.give()).json["id"]
    await operator.cancel(here)

    assert await operator.ids("?limit=3") == ([waiting, here, done], True)
    assert await operator.ids("?limit=3&offset=3") == ([gone], False)
    for status, expected in {
        "pending": [waiting],
        "delivered": [],
        "executed": [done],
        "expired": [gone],
        "cancelled": [here],
    }.items():
        assert await operator.ids(f"?status={status}") == (expected, False)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "dance"}, "type"),
        ({"type": "trigger_upload", "ttl_seconds": 0}, "ttl_seconds"),
        ({"type": "trigger_upload", "ttl_seconds": 604801}, "ttl_seconds"),
        ({"type": "trigger_upload", "params": {"a": 1}}, "params"),
        ({"type": "start_recording", "params": {"max_duration_sec": 0}}, "params.max_duration_sec"),
        (
            {"type": "start_recording", "params": {"max_duration_sec": 86401}},
            "params.max_duration_sec",
        ),
        ({"type": "start_recording", "params": {"max_duration_secs": 60}}, "params"),
        ({"type": "start_recording", "params": {"metadata": {"a": "x" * 4096}}}, "params.metadata"),
        ({"type": "trigger_upload", "idempotency_key": "no blanks"}, "idempotency_key"),
    ],
)
async def test_a_command_that_cannot_be_is_refused_by_its_field(api, operator, body, field):
    """What is wrong is named, and nothing waits for the device."""
    refused = await api.call("POST", operator.path, body, token=operator.key)

    assert (refused.status, refused.code) == (400, "invalid_request")
    assert refused.json["error"]["details"]["field"] == field
    assert await told(api) == []


async def test_a_device_that_takes_nothing_is_given_no_more(api, operator, clock):
    """So many commands may wait; those that expired do not count."""
    for at in range(MOST_WAITING):
        await operator.give(key=f"k{at}", ttl_seconds=60)
    refused = await operator.give()
    known = await operator.give(key="k0", ttl_seconds=60)
    clock.advance(60)
    fresh = await operator.give()

    assert (refused.status, refused.code) == (429, "too_many_commands")
    assert "Retry-After" in refused.headers
    assert (known.status, fresh.status) == (200, 201)


async def test_commands_outlive_the_gateway(tmp_path, clock):
    """What was given or said before a restart counts after it."""
    async with serving(tmp_path / "data", clock) as api:
        device_id, token = await api.device()
        api.token = token
        operator = Operator(api, await api.api_key(), device_id)
        done, waits = [(await operator.give()).json["id"] for _ in range(2)]
        await told(api)
        await result(api, done)
        key = operator.key
    async with serving(tmp_path / "data", clock) as api:
        api.token = token
        operator = Operator(api, key, device_id)
        again = await result(api, done)
        heard = await told(api)

    assert again.status == 200
    assert [waits] == heard
