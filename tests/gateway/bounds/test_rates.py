"""Limits of requests: held in sum over processes, told with every answer, refused with a wait."""

import asyncio

import pytest

from gateway.bounds.rates import Counted, RateGate
from gateway.config_bounds import BoundsConfig
from gateway.model import KeyCaller
from tests.gateway.serving import serving

pytestmark = pytest.mark.asyncio
KEY = KeyCaller("key_1", frozenset())


async def spent(gate, times):
    """Count how many of so many requests pass."""
    told = [await gate.spend(KEY, Counted.CALLS) for _ in range(times)]
    return sum(each.refused_for_s is None for each in told)


@pytest.mark.parametrize("limit", [1, 3, 10, 25, 100])
async def test_a_process_alone_gives_all_that_is_allowed(any_store, clock, limit):
    """Not one less, and not one more."""
    gate = RateGate(any_store.rates, clock, BoundsConfig(key_per_min=limit))

    assert limit == await spent(gate, limit + 5)


async def test_processes_together_give_no_more_than_is_allowed(any_store, open_any, clock):
    """However the requests fall on them; and what one of them did not take, the other gives."""
    limits = BoundsConfig(key_per_min=50)
    async with open_any() as other:
        gates = [RateGate(store.rates, clock, limits) for store in (any_store, other)]
        passed = sum(await asyncio.gather(*(spent(gate, 30) for gate in gates)))

    assert 45 <= passed <= 50


async def test_requests_at_once_share_a_slice(any_store, clock):
    """Requests that all find nothing left take one slice together, and none is lost."""
    gate = RateGate(any_store.rates, clock, BoundsConfig(key_per_min=20))
    told = await asyncio.gather(*(gate.spend(KEY, Counted.CALLS) for _ in range(25)))

    assert 20 == sum(each.refused_for_s is None for each in told)
    assert list(range(20)) == sorted(each.remaining for each in told)[5:]


async def test_the_next_minute_begins_anew(any_store, clock):
    """And what was left of the last one is gone."""
    gate = RateGate(any_store.rates, clock, BoundsConfig(key_per_min=20))
    await spent(gate, 25)
    clock.advance(60)

    assert 20 == await spent(gate, 25)


def bounded(tmp_path, clock, **limits):
    return serving(tmp_path / "data", clock, bounds=BoundsConfig(**limits))


async def test_every_answer_tells_what_is_left(tmp_path, clock):
    """Good ones and refusals, until the end of the minute."""
    async with bounded(tmp_path, clock, device_per_min=7) as api:
        clock.advance(15)
        _, api.token = await api.device()
        good = await api.call("GET", "/v1/recordings")
        bad = await api.call("GET", "/v1/recordings/rec_0")

    names = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    reset = str(int(clock.now().timestamp()) + 45)
    assert ["7", "6", reset] == [good.headers[name] for name in names]
    assert (404, ["7", "5", reset]) == (bad.status, [bad.headers[name] for name in names])


async def test_one_too_many_is_refused_until_the_minute_is_over(tmp_path, clock):
    """With the seconds to wait; then it goes on."""
    async with bounded(tmp_path, clock, device_per_min=2) as api:
        _, api.token = await api.device()
        clock.advance(20)
        for _ in range(2):
            await api.call("GET", "/v1/recordings")
        refused = await api.call("GET", "/v1/recordings")
        clock.advance(40)
        later = await api.call("GET", "/v1/recordings")

    assert (429, "rate_limit_exceeded", "40") == (
        refused.status,
        refused.code,
        refused.headers["Retry-After"],
    )
    assert "0" == refused.headers["X-RateLimit-Remaining"]
    assert 200 == later.status


async def test_upload_urls_have_a_limit_of_their_own(tmp_path, clock):
    """Both calls count as one, however many media they name; other calls go on."""
    async with bounded(tmp_path, clock, device_urls_per_min=2) as api:
        _, api.token = await api.device()
        path = f"/v1/recordings/{await api.recording()}"
        media = {"media": [{"type": "image"}] * 20}
        many = await api.call("POST", f"{path}/upload-urls", media)
        one = await api.call("POST", f"{path}/upload-url", {"type": "audio"})
        refused = await api.call("POST", f"{path}/upload-url", {"type": "audio"})
        other = await api.call("GET", path)

    assert [200, 200, 429, 200] == [each.status for each in (many, one, refused, other)]


async def test_callers_have_limits_apart(tmp_path, clock):
    """A device's, a key's, and none where that is set."""
    async with bounded(tmp_path, clock, device_per_min=1, key_per_min=0) as api:
        tokens = [(await api.device(f"AM-{n}"))[1] for n in range(2)]
        key = await api.api_key()
        told = [
            await api.call("GET", "/v1/recordings", token=token)
            for token in (tokens[0], tokens[0], tokens[1], key, key)
        ]

    assert [200, 429, 200, 200, 200] == [each.status for each in told]
    assert "X-RateLimit-Limit" not in told[-1].headers


async def test_nobody_in_particular_has_no_limit_here(tmp_path, clock):
    """Neither strangers nor signed URLs are counted: bytes go on whatever calls are left."""
    async with bounded(tmp_path, clock, device_per_min=1) as api:
        stranger = await api.call("GET", "/v1/recordings", token="dtok_nobody")  # noqa: S106
        live = await api.call("GET", "/livez")

    assert (401, 200) == (stranger.status, live.status)
    assert "X-RateLimit-Limit" not in stranger.headers
