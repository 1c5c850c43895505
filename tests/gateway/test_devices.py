"""Devices over the API, and the credentials that open each route."""

import asyncio

import pytest

from gateway.access import Access
from gateway.errors import Unauthorized
from gateway.model import Scope
from tests.gateway.serving import serving

pytestmark = pytest.mark.asyncio

RESULT = {"status": "executed"}
DEVICE = {"serial_number": "AM-09", "model": "fieldpost-box"}


@pytest.fixture
def refresh(api):
    async def call(token=None):
        return await api.call("POST", "/v1/devices/me/token/refresh", token=token)

    return call


async def works(api, token):
    return (await api.call("GET", "/v1/recordings", token=token)).status == 200


async def test_registering_is_idempotent_by_serial(api):
    """The same serial number is the same device: 201, then 200."""
    secret = await api.api_key()
    first = await api.call("POST", "/v1/devices", DEVICE, token=secret)
    again = await api.call("POST", "/v1/devices", DEVICE, token=secret)

    assert (first.status, again.status) == (201, 200)
    assert first.json["id"] == again.json["id"]
    assert first.json["status"] == "unbound"
    assert "device_token" not in first.json


async def test_bind_gives_a_token_once(api):
    """A bound device has a token that works, and cannot be bound again."""
    secret = await api.api_key()
    made = await api.call("POST", "/v1/devices", DEVICE, token=secret)
    path = f"/v1/devices/{made.json['id']}"
    bound = await api.call("POST", f"{path}/bind", {"end_user_id": "eu_1"}, token=secret)
    again = await api.call("POST", f"{path}/bind", {"end_user_id": "eu_2"}, token=secret)
    token = bound.json["device_token"]
    recording = await api.call("POST", "/v1/recordings", {}, token=token)

    assert (bound.status, bound.json["status"]) == (200, "bound")
    assert (again.status, again.code) == (409, "device_already_bound")
    assert recording.json["end_user_id"] == "eu_1"


async def test_a_repeated_bind_gives_the_same_token(api):
    """A lost answer to bind is repeated with its key, though no token's text is kept."""
    secret = await api.api_key()
    made = await api.call("POST", "/v1/devices", DEVICE, token=secret)
    path = f"/v1/devices/{made.json['id']}/bind"
    first = await api.call("POST", path, {"end_user_id": "eu_1"}, token=secret, key="b-1")
    again = await api.call("POST", path, {"end_user_id": "eu_1"}, token=secret, key="b-1")
    other = await api.call("POST", path, {"end_user_id": "eu_2"}, token=secret, key="b-1")

    assert first.json == again.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert await works(api, again.json["device_token"])
    assert other.code == "idempotency_mismatch"


async def test_unbind_revokes_and_is_repeatable(api):
    """An unbound device's token is dead; unbinding again changes nothing."""
    secret = await api.api_key()
    made = await api.call("POST", "/v1/devices", DEVICE, token=secret)
    path = f"/v1/devices/{made.json['id']}"
    bound = await api.call("POST", f"{path}/bind", {"end_user_id": "eu_1"}, token=secret)
    first = await api.call("POST", f"{path}/unbind", token=secret)
    again = await api.call("POST", f"{path}/unbind", token=secret)

    assert (first.status, again.status) == (200, 200)
    assert first.json["end_user_id"] is None
    assert not await works(api, bound.json["device_token"])


async def test_a_device_speaks_for_itself_only(api):
    """Another device's id is not found, for any call."""
    other, _ = await api.device("AM-08")
    answers = [
        await api.call("POST", f"/v1/devices/{other}/heartbeat", {}),
        await api.call("GET", f"/v1/devices/{other}"),
        await api.call("POST", f"/v1/devices/{other}/token/refresh"),
        await api.call("GET", f"/v1/devices/{other}/heartbeats"),
        await api.call("GET", f"/v1/devices/{other}/diagnostics"),
        await api.call("GET", f"/v1/devices/{other}/settings"),
        await api.call("GET", f"/v1/devices/{other}/commands"),
        await api.call("POST", f"/v1/devices/{other}/commands/cmd_0/result", RESULT),
    ]

    assert {404} == {a.status for a in answers}


async def test_the_old_token_works_until_the_new_one_is_used(api, refresh):
    """Refreshing takes nothing away; the first use of the new token does."""
    new = (await refresh()).json["device_token"]
    before = await works(api, api.token)
    used = await works(api, new)
    after = await works(api, api.token)

    assert (before, used, after) == (True, True, False)


async def test_a_lost_refresh_answer_is_given_again(api, refresh):
    """Repeating the refresh with the old token gives the same successor."""
    lost = await refresh()
    again = await refresh()

    assert lost.json == again.json
    assert await works(api, again.json["device_token"])


async def test_two_refreshes_at_once_give_one_successor(api, refresh):
    """A device whose request was sent twice holds one new token, whichever answer it reads."""
    answers = await asyncio.gather(*(refresh() for _ in range(8)))
    tokens = {each.json["device_token"] for each in answers}

    assert {200} == {each.status for each in answers}
    assert 1 == len(tokens)
    assert await works(api, tokens.pop())


async def test_a_refresh_beside_the_first_use_cuts_nobody_off(api, refresh):
    """Whatever order a refresh and the use of its successor take, the successor works."""
    new = (await refresh()).json["device_token"]
    again, used = await asyncio.gather(refresh(), works(api, new))

    assert used
    assert again.status == 401 or again.json["device_token"] == new
    assert await works(api, new)


async def test_a_refresh_survives_a_crash_before_its_answer(tmp_path, clock):
    """A gateway that dies between commit and answer gives the same token when it is back."""
    async with serving(tmp_path / "data", clock) as api:
        _, old = await api.device()
        lost = await api.call("POST", "/v1/devices/me/token/refresh", token=old)
    async with serving(tmp_path / "data", clock) as api:
        before = await works(api, old)
        again = await api.call("POST", "/v1/devices/me/token/refresh", token=old)
        good = await works(api, again.json["device_token"])

    assert before
    assert lost.json == again.json
    assert good


async def test_the_overlap_ends_after_a_day_but_nobody_is_locked_out(api, refresh, clock):
    """After 24 h the old token opens nothing but the way to its unused successor."""
    await refresh()
    clock.advance(24 * 3600)
    opens = await works(api, api.token)
    new = (await refresh()).json["device_token"]
    used = await works(api, new)
    dead = await refresh()

    assert (opens, used, dead.status) == (False, True, 401)


async def test_tokens_follow_each_other(api, refresh):
    """A chain of refreshes leaves exactly one good token."""
    second = (await refresh()).json["device_token"]
    third = (await refresh(second)).json["device_token"]
    await works(api, third)

    assert [await works(api, t) for t in (api.token, second, third)] == [False, False, True]


async def test_a_refresh_survives_a_new_signing_key(tmp_path, clock):
    """The successor that goes out is the one let in, even after the secret was exchanged."""
    async with serving(tmp_path / "data", clock) as api:
        _, old = await api.device()
        await api.call("POST", "/v1/devices/me/token/refresh", token=old)
    async with serving(tmp_path / "data", clock, secret=b"t" * 32) as api:
        again = await api.call("POST", "/v1/devices/me/token/refresh", token=old)
        good = await works(api, again.json["device_token"])

    assert good


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic abc", "Bearer dtok_no", "Bearer sk_live_no", "Bearer other"],
)
async def test_an_unknown_credential_is_refused(api, header):
    """Nobody gets in with nothing, with nonsense or with a guess."""
    refused = await api.call(
        "GET", "/v1/recordings", token="", headers={"Authorization": header} if header else None
    )

    assert (refused.status, refused.code) == (401, "unauthorized")
    assert refused.headers["WWW-Authenticate"] == "Bearer"


async def test_a_revoked_token_is_refused(api, clock):
    """Revoking works at once."""
    me = await api.call("GET", "/v1/devices/me")
    await api.gateway.store.devices.revoke(me.json["id"], clock.now())

    assert not await works(api, api.token)


async def test_a_revoked_key_is_refused(api, clock):
    """Revoking works at once."""
    secret = await api.api_key()
    before = await works(api, secret)
    await api.gateway.store.keys.revoke("key_0", clock.now())

    assert before
    assert not await works(api, secret)


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/recordings", Scope.RECORDINGS_WRITE),
        ("GET", "/v1/recordings", Scope.RECORDINGS_READ),
        ("GET", "/v1/recordings/rec_0", Scope.RECORDINGS_READ),
        ("DELETE", "/v1/recordings/rec_0", Scope.RECORDINGS_WRITE),
        ("POST", "/v1/recordings/rec_0/upload-url", Scope.RECORDINGS_WRITE),
        ("POST", "/v1/recordings/rec_0/upload-complete", Scope.RECORDINGS_WRITE),
        ("POST", "/v1/recordings/rec_0/download-url", Scope.RECORDINGS_READ),
        ("POST", "/v1/devices", Scope.DEVICES_WRITE),
        ("GET", "/v1/devices/dev_0", Scope.DEVICES_READ),
        ("POST", "/v1/devices/dev_0/bind", Scope.DEVICES_WRITE),
        ("POST", "/v1/devices/dev_0/unbind", Scope.DEVICES_WRITE),
        ("POST", "/v1/devices/dev_0/heartbeat", Scope.DEVICES_WRITE),
        ("GET", "/v1/devices/dev_0/heartbeats", Scope.DEVICES_READ),
        ("GET", "/v1/devices/dev_0/diagnostics", Scope.DEVICES_READ),
        ("POST", "/v1/devices/dev_0/commands", Scope.DEVICES_WRITE),
        ("GET", "/v1/devices/dev_0/commands", Scope.DEVICES_READ),
        ("GET", "/v1/devices/dev_0/commands/cmd_0", Scope.DEVICES_READ),
        ("DELETE", "/v1/devices/dev_0/commands/cmd_0", Scope.DEVICES_WRITE),
        ("POST", "/v1/devices/dev_0/commands/cmd_0/result", Scope.DEVICES_WRITE),
        ("GET", "/v1/devices/dev_0/settings", Scope.DEVICES_READ),
        ("PUT", "/v1/devices/dev_0/settings", Scope.DEVICES_WRITE),
        ("PATCH", "/v1/devices/dev_0/settings", Scope.DEVICES_WRITE),
        ("GET", "/v1/settings", Scope.DEVICES_READ),
        ("PUT", "/v1/settings", Scope.DEVICES_WRITE),
        ("PATCH", "/v1/settings", Scope.DEVICES_WRITE),
        ("POST", "/v1/devices/dev_0/enrol-codes", Scope.DEVICES_WRITE),
    ],
)
async def test_a_restricted_key_opens_what_its_scopes_say(api, method, path, scope):
    """Each route wants one scope: with it a key passes the door, with all others it does not."""
    good = await api.api_key(scope)
    bad = await api.api_key(*(s for s in Scope if s is not scope))

    assert (await api.call(method, path, token=bad)).status == 403
    assert (await api.call(method, path, token=good)).status not in (401, 403)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/devices"),
        ("POST", "/v1/devices/me/bind"),
        ("POST", "/v1/devices/me/unbind"),
        ("POST", "/v1/devices/me/commands"),
        ("DELETE", "/v1/devices/me/commands/cmd_0"),
        ("PUT", "/v1/devices/me/settings"),
        ("PATCH", "/v1/devices/me/settings"),
        ("GET", "/v1/settings"),
        ("POST", "/v1/devices/me/enrol-codes"),
    ],
)
async def test_some_routes_are_not_for_devices(api, method, path):
    """Administration needs an API key."""
    refused = await api.call(method, path)

    assert (refused.status, refused.code) == (403, "forbidden")


async def test_a_key_cannot_refresh_a_device_token(api):
    """Only the device renews its token."""
    refused = await api.call("POST", "/v1/devices/me/token/refresh", token=await api.api_key())

    assert (refused.status, refused.code) == (403, "forbidden")


async def test_no_credential_is_kept_as_text(api, tmp_path, refresh):
    """Neither database nor its log holds a token or key."""
    secret = await api.api_key()
    token = (await refresh()).json["device_token"]
    await works(api, token)
    kept = b"".join(p.read_bytes() for p in (tmp_path / "data").glob("gateway.db*"))

    assert [t in kept.decode("latin-1") for t in (secret, token, api.token)] == [False] * 3


async def test_a_refresh_does_not_outlive_a_revocation(api, clock):
    """A token revoked while its refresh is on the way gets no successor."""
    device_id, token = await api.device("AM-09")
    caller = await _caller(api, token)
    await api.gateway.store.devices.revoke(device_id, clock.now())
    with pytest.raises(Unauthorized):
        await api.gateway.devices.refresh(caller, "me")


async def _caller(api, token):
    access = Access(api.gateway.store, api.gateway.clock, own_key="")
    return await access.caller(f"Bearer {token}")


@pytest.mark.parametrize("prefix", ["dtok_", "sk_live_"])
async def test_a_credential_that_is_no_text_is_refused(api, prefix):
    """Raw bytes in the Authorization header are a 401, not a fault of ours."""
    refused = await api.call("GET", "/v1/recordings", token=f"{prefix}\udcff")

    assert (refused.status, refused.code) == (401, "unauthorized")
