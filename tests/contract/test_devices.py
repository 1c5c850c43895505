"""Devices: tokens, heartbeats, commands, settings."""

import pytest

pytestmark = pytest.mark.asyncio


async def test_a_serial_number_is_one_device(client):
    """Registering again gives the same device."""
    again = await client.call(
        "POST", "/v1/devices", {"serial_number": "fieldpost-contract"}, token=client.site.key
    )
    me = await client.call("GET", "/v1/devices/me")

    assert (200, client.device) == (again.status, again.json["id"])
    assert client.device == me.json["id"]


async def test_a_token_is_followed_by_the_next(client):
    """A lost answer costs nothing; the new token's first use ends the old one."""
    path = "/v1/devices/me/token/refresh"
    first = await client.call("POST", path)
    again = await client.call("POST", path)
    old = await client.call("GET", "/v1/devices/me")
    fresh = again.json["device_token"]
    new = [await client.call("GET", "/v1/devices/me", token=fresh) for _ in client.site.urls]

    assert first.json == again.json
    assert fresh != client.token
    assert {200} == {each.status for each in (first, again, old, *new)}


async def test_unbinding_ends_a_token(client):
    """A device that was freed is 401 until it is enrolled again."""
    freed = await client.call("POST", f"/v1/devices/{client.device}/unbind", token=client.site.key)
    refused = await client.call("GET", "/v1/devices/me")

    assert 200 == freed.status
    assert 401 == refused.status


async def test_a_device_hears_its_commands(client):
    """A command is in every heartbeat's answer until its result is told."""
    path = f"/v1/devices/{client.device}/commands"
    asked = {"type": "trigger_upload", "ttl_seconds": 60}
    given = await client.call("POST", path, asked, token=client.site.key, key="c")
    again = await client.call("POST", path, asked, token=client.site.key, key="c")
    beat = {"battery_percent": 81, "device_state": "idle"}
    heard = [await client.call("POST", "/v1/devices/me/heartbeat", beat) for _ in range(2)]
    result = f"/v1/devices/me/commands/{given.json['id']}/result"
    done = await client.call("POST", result, {"status": "executed", "result": {}})
    after = await client.call("POST", "/v1/devices/me/heartbeat", beat)

    assert (201, 200) == (given.status, again.status)
    assert given.json["id"] == again.json["id"]
    assert [[given.json["id"]]] * 2 == [[c["id"] for c in h.json["commands"]] for h in heard]
    assert (200, []) == (done.status, after.json["commands"])


async def test_a_device_is_told_its_settings(client):
    """What a key sets is in the next heartbeat's answer, and null takes it back."""
    path = f"/v1/devices/{client.device}/settings"
    told = {"upload": {"daily_data_limit_mb": 300}}
    await client.call("PATCH", path, told, token=client.site.key)
    heard = await client.call("POST", "/v1/devices/me/heartbeat", {})
    await client.call(
        "PATCH", path, {"upload": {"daily_data_limit_mb": None}}, token=client.site.key
    )
    after = await client.call("GET", path, token=client.site.key)

    assert 300 == heard.json["settings"]["upload"]["daily_data_limit_mb"]
    assert "upload" not in after.json["own"]


async def test_too_many_commands_are_told_to_wait(client):
    """429 says in Retry-After when to come again."""
    path = f"/v1/devices/{client.device}/commands"
    given = []
    try:
        for _ in range(33):
            asked = {"type": "trigger_upload", "ttl_seconds": 60}
            given.append(await client.call("POST", path, asked, token=client.site.key))
    finally:
        for each in given[:-1]:
            await client.call("DELETE", f"{path}/{each.json['id']}", token=client.site.key)

    assert {201} == {each.status for each in given[:-1]}
    assert (429, "too_many_commands") == (given[-1].status, given[-1].code)
    assert int(given[-1].headers["Retry-After"]) >= 1


async def test_a_device_is_told_what_it_may_still_do(client):
    """Each answer says how many requests are left of how many, and until when."""
    answered = await client.call("GET", "/v1/devices/me")
    names = [f"X-RateLimit-{name}" for name in ("Remaining", "Limit", "Reset")]
    if names[0] not in answered.headers:
        pytest.skip("this gateway limits no rates")
    left, most, reset = (int(answered.headers[name]) for name in names)

    assert 0 <= left < most
    assert reset > 0
