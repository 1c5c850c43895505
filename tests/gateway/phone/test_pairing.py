"""Pairing: one code, one phone; its cookie opens its own page's routes and nothing else."""

import asyncio

import pytest
import pytest_asyncio

from gateway.core.guesses import PER_ADDRESS
from gateway.model import Scope
from gateway.routes import Admits
from gateway.routes.phone import COOKIE
from gateway.routes.table import PAGE_ROUTES, ROUTES
from tests.fakes.clock import FakeClock
from tests.gateway.serving import serving

pytestmark = pytest.mark.asyncio

CODES = "/v1/phones/codes"


@pytest.fixture
def clock():
    return FakeClock()


@pytest_asyncio.fixture
async def api(tmp_path, clock):
    async with serving(tmp_path / "data", clock) as api:
        api.token = await api.api_key()
        yield api


async def new_code(api, **more):
    return (await api.call("POST", CODES, {"name": "Anna's phone", **more})).json


async def pair(api, code, origin=None):
    headers = {"Origin": origin or api.url}
    return await api.call("POST", "/phone/pair", {"code": code}, token="", headers=headers)


def cookie_of(answer):
    return answer.headers["Set-Cookie"].partition("=")[2].partition(";")[0]


async def as_phone(api, method, path, cookie, **more):
    headers = {"Cookie": f"{COOKIE}={cookie}", "Origin": api.url}
    return await api.call(method, path, token="", headers=headers, **more)


async def test_a_code_pairs_a_phone(api):
    """The phone gets a cookie that no script can read, for its own pages alone."""
    made = await new_code(api, end_user_id="eu_42")
    given = await pair(api, made["code"].lower())
    me = await as_phone(api, "GET", "/phone/me", cookie_of(given))
    (listed,) = (await api.call("GET", "/v1/phones")).json["data"]
    flags = given.headers["Set-Cookie"]

    assert made["url"] == f"{api.url}/phone#{made['code']}"
    assert (201, "Anna's phone") == (given.status, given.json["phone"]["name"])
    assert given.json == me.json
    assert (given.json["phone"]["id"], "eu_42") == (listed["id"], listed["end_user_id"])
    assert all(each in flags for each in ("HttpOnly", "SameSite=Strict", "Path=/phone"))
    assert "Secure" not in flags


async def test_under_tls_the_cookie_stays_there(api):
    """A browser that came by https sends it by https alone."""
    code = (await new_code(api))["code"]
    host = api.url.removeprefix("http://")
    given = await pair(api, code, origin=f"https://{host}")

    assert "Secure" in given.headers["Set-Cookie"]


async def test_a_code_is_good_once(api):
    """Of two phones with the same code one is paired."""
    code = (await new_code(api))["code"]
    answers = await asyncio.gather(pair(api, code), pair(api, code))

    assert [201, 403] == sorted(each.status for each in answers)


async def test_a_code_is_good_for_fifteen_minutes(api, clock):
    """After that it pairs nothing."""
    code = (await new_code(api))["code"]
    clock.advance(15 * 60)
    late = await pair(api, code)

    assert (403, "code_refused") == (late.status, late.code)


async def test_guesses_are_limited(api):
    """After some wrong codes an address has to wait, with the right one too."""
    code = (await new_code(api))["code"]
    wrong = [(await pair(api, "no code")).status for _ in range(PER_ADDRESS)]
    late = await pair(api, code)

    assert {403} == set(wrong)
    assert (429, "too_many_guesses") == (late.status, late.code)


async def test_a_boxs_code_pairs_no_phone(api):
    """Nor does a phone's code enrol a box."""
    device, _ = await api.device()
    boxs = (await api.call("POST", f"/v1/devices/{device}/enrol-codes")).json["code"]
    phones = (await new_code(api))["code"]
    paired = await pair(api, boxs)
    enrolled = await api.call("POST", "/v1/enrol", {"code": phones}, token="")

    assert (403, 403) == (paired.status, enrolled.status)


async def test_another_sites_page_pairs_nothing(api):
    """A page elsewhere cannot make a browser a phone of ours."""
    code = (await new_code(api))["code"]
    given = await pair(api, code, origin="https://elsewhere.example")

    assert 403 == given.status


async def test_neither_codes_nor_tokens_are_kept(api, tmp_path):
    """The database holds hashes."""
    code = (await new_code(api))["code"]
    token = cookie_of(await pair(api, code))
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("gateway.db*"))

    assert [False, False] == [each.encode() in kept for each in (code, token)]


async def test_a_revoked_phone_is_nobody(api):
    """Revoking twice is fine; its cookie opens nothing any more."""
    given = await pair(api, (await new_code(api))["code"])
    path = f"/v1/phones/{given.json['phone']['id']}"
    answers = [(await api.call("DELETE", path)).status for _ in range(2)]
    me = await as_phone(api, "GET", "/phone/me", cookie_of(given))
    listed = (await api.call("GET", "/v1/phones")).json["data"]

    assert ([204, 204], 401, []) == (answers, me.status, listed)


async def test_a_phone_forgets_itself(api):
    """Whoever holds it can unpair it."""
    given = await pair(api, (await new_code(api))["code"])
    left = await as_phone(api, "DELETE", "/phone/me", cookie_of(given))
    me = await as_phone(api, "GET", "/phone/me", cookie_of(given))

    assert (204, 401) == (left.status, me.status)


async def test_nobody_revokes_what_is_not_there(api):
    """An unknown phone is told as such."""
    answers = [
        (await api.call("DELETE", "/v1/phones/phn_0")).status,
        (await api.call("GET", "/v1/phones/phn_0/visits")).status,
    ]

    assert [404, 404] == answers


@pytest.mark.parametrize("path", ["/v1/phones", "/v1/phones/phn_0/visits"])
async def test_phones_are_the_operators(api, path):
    """A key without `admin`, a device and nobody are refused."""
    _, device = await api.device()
    key = await api.api_key(Scope.RECORDINGS_READ)
    answers = [(await api.call("GET", path, token=each)).status for each in (key, device, "")]

    assert [403, 403, 401] == answers


async def test_a_phones_token_can_do_nothing_else(api):
    """Every route that asks who is calling refuses it, as a cookie and as a bearer."""
    token = cookie_of(await pair(api, (await new_code(api))["code"]))
    open_to_all = (Admits.ANYONE, Admits.SIGNED_URL)
    guarded = [route for route in (*ROUTES, *PAGE_ROUTES) if route.admits not in open_to_all]
    let_in = []
    for route in guarded:
        path = route.path.replace("{", "").replace("}", "")
        by_cookie = await as_phone(api, route.method, path, token)
        by_bearer = await api.call(route.method, path, token=token)
        if (by_cookie.status, by_bearer.status) != (401, 401):
            let_in.append((route.operation_id, by_cookie.status, by_bearer.status))

    assert len(guarded) > 30
    assert [] == let_in


async def test_pairing_and_revoking_are_audited(api):
    """Who made the code, which phone used it, and who revoked it can be looked up."""
    given = await pair(api, (await new_code(api))["code"])
    phone = given.json["phone"]["id"]
    await api.call("DELETE", f"/v1/phones/{phone}")
    noted = (await api.call("GET", "/v1/audit")).json["data"]
    did = [each["action"] for each in noted]

    assert ["revokePhone", "pairPhone", "createPhoneCode"] == did[:3]
