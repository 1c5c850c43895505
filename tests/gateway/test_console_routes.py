"""What the console asks for: the fleet, devices, keys, a device's new token."""

import pytest
import pytest_asyncio

from gateway.core.fleet import LOST
from gateway.model import Scope
from tests.gateway.serving import serving

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def api(tmp_path, clock):
    """A gateway called by an operator's key."""
    async with serving(tmp_path / "data", clock) as api:
        api.token = await api.api_key()
        yield api


async def test_the_fleet_is_one_row_a_device(api, clock):
    """What it said last, what waits, and what is wrong."""
    device_id, token = await api.device()
    await api.recording(token=token)
    report = {
        "battery_percent": 12,
        "flags": 3,
        "pending_recordings": 4,
        "device_name": "North mast",
        "connection_type": ["4g"],
    }
    await api.call("POST", f"/v1/devices/{device_id}/heartbeat", report, token=token)
    clock.advance(LOST.total_seconds())
    (row,) = (await api.call("GET", "/v1/fleet")).json["data"]

    assert (device_id, "AM-07", "North mast", 12, True, ["4g"]) == tuple(
        row[name]
        for name in (
            "id",
            "serial_number",
            "name",
            "battery_percent",
            "charging",
            "connection_type",
        )
    )
    assert (4, "2026-03-01T12:00:00Z") == (row["backlog_count"], row["backlog_oldest_at"])
    assert ["offline", "low_battery", "backlog_old"] == [each["code"] for each in row["problems"]]


@pytest.mark.parametrize("path", ["/v1/fleet", "/v1/devices"])
async def test_lists_of_devices_come_in_pages(api, path):
    """Oldest first, and whether there are more."""
    for number in range(3):
        await api.device(f"S{number}")
    pages = [(await api.call("GET", f"{path}?limit=2&offset={at}")).json for at in (0, 2)]

    assert [["S0", "S1"], ["S2"]] == [[row["serial_number"] for row in p["data"]] for p in pages]
    assert [True, False] == [page["has_more"] for page in pages]


SCOPES = (
    ("GET", "/v1/fleet", Scope.DEVICES_READ),
    ("GET", "/v1/devices", Scope.DEVICES_READ),
    ("POST", "/v1/devices/dev_x/token/rotate", Scope.DEVICES_WRITE),
    ("GET", "/v1/keys", Scope.ADMIN),
    ("POST", "/v1/keys", Scope.ADMIN),
    ("DELETE", "/v1/keys/key_x", Scope.ADMIN),
    ("GET", "/v1/live", Scope.ADMIN),
    ("GET", "/v1/recordings/rec_x/timeline", Scope.RECORDINGS_READ),
)


@pytest.mark.parametrize("scope", sorted({scope for _, _, scope in SCOPES}))
async def test_each_needs_its_scope(api, scope):
    """Neither a device nor a key without it gets in."""
    _, device = await api.device()
    lacking = await api.api_key(*(set(Scope) - {scope}))
    asked = [(method, path) for method, path, needed in SCOPES if needed is scope]
    got = [
        (await api.call(*each, token=token)).status for each in asked for token in (device, lacking)
    ]

    assert [403] * 2 * len(asked) == got


async def test_a_rotated_token_is_the_only_one(api):
    """What the device had ends at once."""
    device_id, before = await api.device()
    got = await api.call("POST", f"/v1/devices/{device_id}/token/rotate")
    after = got.json["device_token"]
    works = [
        (await api.call("GET", "/v1/devices/me", token=token)).status for token in (before, after)
    ]

    assert (200, "no-store", [401, 200]) == (got.status, got.headers["Cache-Control"], works)


async def test_a_device_that_is_none_gets_no_token(api):
    """It is not there."""
    got = await api.call("POST", "/v1/devices/dev_none/token/rotate")

    assert (404, "not_found") == (got.status, got.code)


async def test_a_key_is_shown_once(api):
    """In the answer that made it; it does what it may and nothing else."""
    made = await api.call("POST", "/v1/keys", {"name": "reader", "scopes": ["recordings:read"]})
    listed = await api.call("GET", "/v1/keys")
    text = made.json["key"]
    reads = await api.call("GET", "/v1/recordings", token=text)
    writes = await api.call("POST", "/v1/recordings", {}, token=text)

    assert (201, "rk_live_", "no-store") == (made.status, text[:8], made.headers["Cache-Control"])
    assert ["reader", "test"] == [key["name"] for key in listed.json["data"]]
    assert text not in listed.body.decode()
    assert [200, 403] == [reads.status, writes.status]


async def test_a_key_without_scopes_may_everything(api):
    """It is a secret key then, and says so by its first letters."""
    made = await api.call("POST", "/v1/keys", {"name": "backend"})

    assert (sorted(Scope), "sk_live_") == (made.json["scopes"], made.json["key"][:8])


async def test_a_key_makes_none_that_may_more(api):
    """Else whoever may make keys may everything, by one detour."""
    admin = await api.api_key(Scope.ADMIN, Scope.DEVICES_READ)
    asked = [
        {"name": "all"},
        {"name": "reader", "scopes": ["devices:read", "recordings:read"]},
        {"name": "fleet", "scopes": ["devices:read"]},
    ]
    got = [await api.call("POST", "/v1/keys", body, token=admin) for body in asked]

    assert [403, 403, 201] == [each.status for each in got]
    assert "recordings:read" in got[1].json["detail"]
    assert ["fleet"] == [
        key["name"] for key in (await api.call("GET", "/v1/keys")).json["data"][:-2]
    ]


async def test_a_revoked_key_opens_nothing(api):
    """It stays in the list, with the time."""
    made = await api.call("POST", "/v1/keys", {"name": "backend"})
    path = f"/v1/keys/{made.json['id']}"
    got = [(await api.call("DELETE", each)).status for each in (path, path, "/v1/keys/key_none")]
    used = await api.call("GET", "/v1/recordings", token=made.json["key"])
    (key, _) = (await api.call("GET", "/v1/keys")).json["data"]

    assert ([204, 204, 404], 401) == (got, used.status)
    assert "2026-03-01T12:00:00Z" == key["revoked_at"]


async def test_what_is_no_key_is_not_made(api):
    """A key has a name and scopes that there are."""
    bodies = (
        {},
        {"name": ""},
        {"name": "x" * 256},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "scopes": "admin"},
    )
    got = [await api.call("POST", "/v1/keys", body) for body in bodies]

    assert [(400, "invalid_request")] * 6 == [(each.status, each.code) for each in got]
    assert 1 == len(await api.gateway.store.keys.all())
