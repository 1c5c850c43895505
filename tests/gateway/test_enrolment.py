"""Enrolment by code over the API: one code, one box, no lock-out, no guessing."""

import asyncio

import pytest
import pytest_asyncio
from multidict import CIMultiDict

from gateway.core.guesses import OVERALL, PER_ADDRESS
from gateway.core.tokens import credential_hash
from tests.gateway.serving import serving

pytestmark = pytest.mark.asyncio

NONCE = "a-nonce-of-the-box-1"


@pytest_asyncio.fixture
async def me(api):
    return (await api.call("GET", "/v1/devices/me")).json["id"]


@pytest_asyncio.fixture
async def code(api, me):
    return await new_code(api, me)


async def new_code(api, device_id):
    path = f"/v1/devices/{device_id}/enrol-codes"
    return (await api.call("POST", path, token=await key_of(api))).json["code"]


async def key_of(api):
    keys = await api.gateway.store.keys.all()
    if not keys:
        api.operator = await api.api_key()
    return api.operator


async def enrol(api, code, nonce=None, headers=None):
    body = {"code": code} | ({} if nonce is None else {"enrol_nonce": nonce})
    return await api.call("POST", "/v1/enrol", body, token="", headers=headers)


async def works(api, token):
    return (await api.call("GET", "/v1/recordings", token=token)).status == 200


async def test_a_code_gives_the_devices_token(api, me, code):
    """What a box gets opens that device, however the code was typed."""
    given = await enrol(api, code.lower().replace("-", " "))
    shown = await api.call("GET", "/v1/devices/me", token=given.json["device_token"])

    assert (given.status, given.json["device_id"]) == (200, me)
    assert shown.json["id"] == me


async def test_a_code_is_good_once(api, code):
    """A second box gets nothing for it."""
    first = await enrol(api, code)
    again = await enrol(api, code)
    other = await enrol(api, code, NONCE)

    assert first.status == 200
    assert {(403, "code_refused")} == {(each.status, each.code) for each in (again, other)}


async def test_a_refused_code_is_told_without_advice(api, code):
    """Which command makes another one is the client's to say, and it does."""
    await enrol(api, code)
    again = await enrol(api, code)

    assert "the code is wrong, used or too old" == again.json["error"]["message"]


async def test_a_lost_answer_is_given_again_to_the_same_client(api, code):
    """With its nonce a client gets the same token as often as it asks; with another, nothing."""
    lost = await enrol(api, code, NONCE)
    again = await enrol(api, code, NONCE)
    other = await enrol(api, code, NONCE.upper())
    anonymous = await enrol(api, code)

    assert lost.json == again.json
    assert await works(api, again.json["device_token"])
    assert [403, 403] == [other.status, anonymous.status]


async def test_a_token_that_ended_is_not_given_again(api, me, code):
    """Once a newer code's token was used, asking again for the older one's is refused."""
    await enrol(api, code, NONCE)
    newer = (await enrol(api, await new_code(api, me))).json["device_token"]
    used = await works(api, newer)
    again = await enrol(api, code, NONCE)

    assert used
    assert (403, "code_refused") == (again.status, again.code)


async def test_the_same_request_twice_at_once_gives_one_token(api, code):
    """Two requests of one client do not use the code up against each other."""
    answers = await asyncio.gather(*(enrol(api, code, NONCE) for _ in range(4)))

    assert {200} == {each.status for each in answers}
    assert len({each.json["device_token"] for each in answers}) == 1


async def test_two_clients_at_once_are_one_too_many(api, code):
    """Of two boxes with the same code one gets a token."""
    answers = await asyncio.gather(enrol(api, code, NONCE), enrol(api, code, NONCE[::-1]))

    assert [200, 403] == sorted(each.status for each in answers)


@pytest.mark.parametrize("nonce", [None, NONCE])
async def test_a_code_is_good_for_fifteen_minutes(api, me, code, clock, nonce):
    """After that it gives nothing, also to a client that asks again."""
    if nonce:
        await enrol(api, code, nonce)
    else:
        await new_code(api, me)
    clock.advance(15 * 60)
    late = await enrol(api, code, nonce)

    assert (late.status, late.code) == (403, "code_refused")


async def test_what_the_device_has_works_until_the_new_token_is_used(api, code):
    """A code typed at the wrong box cuts nobody off before that box uses what it got."""
    new = (await enrol(api, code)).json["device_token"]
    before = await works(api, api.token)
    used = await works(api, new)
    after = await works(api, api.token)

    assert (before, used, after) == (True, True, False)


async def test_a_token_that_is_never_used_ends_nothing(api, code, clock):
    """There is no day after which the old token dies, as after a refresh."""
    await enrol(api, code)
    clock.advance(40 * 24 * 3600)

    assert await works(api, api.token)


async def test_the_first_use_ends_everything_older(api, me, code, clock):
    """Also a successor that the old token got meanwhile, and a token of an earlier code."""
    older = (await enrol(api, code)).json["device_token"]
    newer = (await enrol(api, await new_code(api, me))).json["device_token"]
    refreshed = await api.call("POST", "/v1/devices/me/token/refresh")
    successor = refreshed.json["device_token"]
    good = await works(api, successor)
    used = await works(api, newer)
    left = [await works(api, each) for each in (api.token, successor, older)]

    assert (good, used, left) == (True, True, [False, False, False])


async def test_the_use_of_an_older_token_takes_nothing_from_a_newer(api, me, code):
    """A box that goes on with what it has does not end what a later code gave."""
    older = (await enrol(api, code)).json["device_token"]
    newer = (await enrol(api, await new_code(api, me))).json["device_token"]
    await works(api, older)

    assert await works(api, newer)


async def test_an_enrolled_token_is_refreshed_like_any_other(api, code):
    """Its successor works, and ends it."""
    token = (await enrol(api, code)).json["device_token"]
    refreshed = await api.call("POST", "/v1/devices/me/token/refresh", token=token)
    used = await works(api, refreshed.json["device_token"])
    kept = await api.gateway.store.devices.token(credential_hash(refreshed.json["device_token"]))

    assert (used, await works(api, token), await works(api, api.token)) == (True, False, False)
    assert kept.enrolment == 1


async def test_a_revocation_ends_codes_and_what_they_gave(api, me, code, clock):
    """Neither a waiting code nor a repeated request brings a revoked device back."""
    waiting = await new_code(api, me)
    await enrol(api, code, NONCE)
    await api.gateway.store.devices.revoke(me, clock.now())
    answers = [await enrol(api, code, NONCE), await enrol(api, waiting)]

    assert [403, 403] == [each.status for each in answers]


async def test_codes_and_tokens_are_not_kept_as_text(api, code, tmp_path):
    """Neither the database nor its log holds them."""
    token = (await enrol(api, code, NONCE)).json["device_token"]
    kept = b"".join(p.read_bytes() for p in (tmp_path / "data").glob("gateway.db*"))

    assert [each.encode() in kept for each in (code, code.replace("-", ""), token, NONCE)] == [
        False
    ] * 4


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"code": "not a code"}, 403),
        ({"code": ""}, 403),
        ({}, 400),
        ({"code": 5}, 400),
        ({"code": "K7QF-2MXP", "enrol_nonce": "short"}, 400),
        ({"code": "x" * 65}, 400),
    ],
)
async def test_what_is_no_code_is_refused(api, body, status):
    """Nonsense is refused and is no fault of ours."""
    refused = await api.call("POST", "/v1/enrol", body, token="")

    assert refused.status == status


async def test_a_client_that_asks_again_is_no_guesser(api, code):
    """On a bad line the same code may come more often than wrong ones may."""
    answers = [await enrol(api, code, NONCE) for _ in range(PER_ADDRESS + 2)]

    assert {200} == {each.status for each in answers}


async def test_guessing_is_slowed_down_for_the_one_who_guesses(api, code, clock):
    """After some wrong codes an address waits, also with a right one; others do not."""
    wrong = [await enrol(api, "0000-000", headers=BY) for _ in range(PER_ADDRESS)]
    waits = await enrol(api, code, headers=BY)
    other = await enrol(api, code, headers={"X-Forwarded-For": "198.51.100.2"})
    clock.advance(60)
    after = await enrol(api, "0000-000", headers=BY)

    assert {403} == {each.status for each in wrong}
    assert (waits.status, waits.code) == (429, "too_many_guesses")
    assert waits.headers["Retry-After"] == "60"
    assert (other.status, after.status) == (200, 403)


async def test_a_guesser_cannot_name_himself(api):
    """A proxy that adds a line of its own to the client's is believed, not the client."""
    for at in range(PER_ADDRESS + 1):
        lines = CIMultiDict(
            [("X-Forwarded-For", f"198.51.100.{at}"), ("X-Forwarded-For", "8.8.8.8")]
        )
        refused = await enrol(api, "0000-000", headers=lines)

    assert refused.status == 429


BY = {"X-Forwarded-For": "198.51.100.1"}


async def test_guessing_from_everywhere_is_slowed_down(api, code):
    """All addresses together have a limit too."""
    for at in range(OVERALL):
        await enrol(api, "0000-000", headers={"X-Forwarded-For": f"198.51.100.{at}"})
    refused = await enrol(api, code, headers={"X-Forwarded-For": "8.8.8.8"})

    assert refused.status == 429


async def test_an_enrolment_survives_a_crash_before_its_answer(tmp_path, clock):
    """A gateway that dies between commit and answer gives the same token when it is back."""
    async with serving(tmp_path / "data", clock) as api:
        device_id, _ = await api.device()
        code = await new_code(api, device_id)
        lost = await enrol(api, code, NONCE)
    async with serving(tmp_path / "data", clock) as api:
        again = await enrol(api, code, NONCE)

        assert lost.json == again.json
        assert await works(api, again.json["device_token"])


async def test_a_new_signing_key_gives_no_token_that_would_not_work(tmp_path, clock):
    """A token derived from another secret than the kept one is refused, not handed out dead."""
    async with serving(tmp_path / "data", clock) as api:
        device_id, _ = await api.device()
        code = await new_code(api, device_id)
        await enrol(api, code, NONCE)
    async with serving(tmp_path / "data", clock, secret=b"t" * 32) as api:
        again = await enrol(api, code, NONCE)

    assert (again.status, again.code) == (403, "code_refused")
