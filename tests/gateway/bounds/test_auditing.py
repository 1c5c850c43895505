"""The audit log: one row for each change that a person or a server makes, before it is answered."""

import json
from datetime import timedelta

import pytest
import pytest_asyncio

from gateway.errors import Unavailable
from gateway.model import Scope
from gateway.routes.table import PAGE_ROUTES, ROUTES
from tests.gateway.serving import serving

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def api(tmp_path, clock):
    """A gateway called by a secret key."""
    async with serving(tmp_path / "data", clock) as api:
        api.token = await api.api_key()
        yield api


async def entries(api, **query):
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return (await api.call("GET", f"/v1/audit?{asked}")).json["data"]


async def test_a_change_is_noted_with_who_what_and_when(api, clock):
    """And under the id that the answer was given."""
    device, _ = await api.device()
    done = await api.call(
        "PATCH", f"/v1/devices/{device}/settings", {"upload": {"allow_roaming": True}}
    )
    [entry] = await entries(api)
    del entry["seq"]

    assert entry == {
        "at": clock.now().isoformat().replace("+00:00", "Z"),
        "actor": "key_0",
        "actor_name": "test",
        "action": "changeDeviceSettings",
        "subject": device,
        "details": {"upload": {"allow_roaming": True}},
        "request_id": done.headers["X-Request-ID"],
    }


async def test_what_was_made_is_the_subject(api):
    """Where the path names nothing, the answer does."""
    made = await api.call("POST", "/v1/devices", {"serial_number": "AM-08"})
    recording = await api.recording()
    await api.call("PUT", "/v1/settings", {})

    assert ["settings", recording, made.json["id"]] == [e["subject"] for e in await entries(api)]


async def test_no_secret_is_kept(api):
    """Neither what was sent nor what was answered, beside the fields that are named."""
    made = await api.call("POST", "/v1/keys", {"name": "reader", "scopes": ["recordings:read"]})
    [entry] = await entries(api)

    assert {"name": "reader", "scopes": ["recordings:read"]} == entry["details"]
    assert made.json["key"] not in json.dumps(entry)


async def test_reads_and_traffic_are_not_noted(api):
    """What devices do, also where a key relays it, is told by the recordings themselves."""
    _, token = await api.device()
    mine = await api.recording(token=token)
    await api.complete(mine, None, token=token)
    await api.call("GET", "/v1/recordings")
    relayed = await api.recording()
    await api.target(relayed, b"sound")

    assert ["createRecording"] == [entry["action"] for entry in await entries(api)]


async def test_what_fails_is_no_change(api):
    """Nothing was made or found."""
    await api.call("DELETE", "/v1/recordings/rec_0")
    await api.call("PUT", "/v1/settings", {"upload": {"nonsense": 1}})

    assert [] == await entries(api)


async def test_who_may_not_is_noted_once_an_hour(api, clock):
    """With a credential that is good, and with the reason."""
    reader = await api.api_key(Scope.RECORDINGS_READ)
    device, token = await api.device()
    for _ in range(3):
        await api.call("DELETE", "/v1/recordings/rec_0", token=reader)
        await api.call("GET", f"/v1/devices/{device}/quota", token=token)
    await api.call("DELETE", "/v1/recordings/rec_0", token="rk_live_nobody")  # noqa: S106
    first = await entries(api)
    clock.advance(3700)
    await api.call("DELETE", "/v1/recordings/rec_0", token=reader)

    assert [device, "key_1"] == [entry["actor"] for entry in first]
    assert ["this needs an API key", "the API key lacks the scope recordings:write"] == [
        entry["details"]["refused"] for entry in first
    ]
    assert 3 == len(await entries(api))


async def test_made_up_ids_do_not_fill_the_log(api):
    """What may not be done is the same, whatever it was asked of."""
    _, token = await api.device()
    for number in range(3):
        await api.call("DELETE", f"/v1/keys/key_{number}", token=token)

    assert ["key_0"] == [entry["subject"] for entry in await entries(api)]


async def test_a_change_that_cannot_be_noted_is_not_answered(api, monkeypatch):
    """The client asks again; then the row is there."""
    device, _ = await api.device()

    async def away(_):
        raise Unavailable("the database cannot be used now")

    with monkeypatch.context() as broken:
        broken.setattr(api.gateway.store.audit, "note", away)
        first = await api.call("POST", f"/v1/devices/{device}/unbind")
    second = await api.call("POST", f"/v1/devices/{device}/unbind")

    assert (503, 200) == (first.status, second.status)
    assert ["unbindDevice"] == [entry["action"] for entry in await entries(api)]


async def test_the_log_is_read_by_pages_and_filters(api):
    """Newest first, from a place on, of one subject or actor; by whoever may administer."""
    for n in range(3):
        await api.call("POST", "/v1/devices", {"serial_number": f"AM-{n}"})
    first = await api.call("GET", "/v1/audit?limit=2")
    rest = await entries(api, before=first.json["data"][-1]["seq"])
    of_one = await entries(api, subject=rest[0]["subject"], actor="key_0")
    reader = await api.api_key(Scope.DEVICES_READ)
    refused = await api.call("GET", "/v1/audit", token=reader)

    assert ["AM-2", "AM-1"] == [e["details"]["serial_number"] for e in first.json["data"]]
    assert (True, 1) == (first.json["has_more"], len(rest))
    assert rest == of_one
    assert [] == await entries(api, actor="cli")
    assert 403 == refused.status


async def test_a_large_change_is_noted_by_its_fields(api):
    """A row stays a row."""
    serial = "A" * 3000
    await api.call("POST", "/v1/devices", {"serial_number": "AM-1", "model": serial})
    found = await entries(api)

    assert all(len(json.dumps(entry)) < 3000 for entry in found)


async def test_old_entries_are_forgotten(api, clock):
    """From before the days that are kept."""
    audit = api.gateway.store.audit
    await api.call("POST", "/v1/devices", {"serial_number": "AM-1"})
    clock.advance(60)
    await api.call("POST", "/v1/devices", {"serial_number": "AM-2"})
    forgotten = await audit.forget(clock.now() - timedelta(seconds=30))

    assert 1 == forgotten
    assert ["AM-2"] == [entry["details"]["serial_number"] for entry in await entries(api)]


async def test_every_change_that_keys_alone_may_make_is_audited():
    """A new route cannot forget it: only a picture of a code is no change."""
    exempt = {
        route.operation_id
        for route in (*ROUTES, *PAGE_ROUTES)
        if route.admits == "keys" and route.method not in ("GET", "HEAD") and not route.is_audited
    }

    assert {"drawQr"} == exempt
