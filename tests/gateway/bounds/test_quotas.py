"""Quotas through the API: read with what was used, replaced, and heeded by the next request."""

import pytest
import pytest_asyncio

from gateway.config_bounds import BoundsConfig
from tests.gateway.serving import serving

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def api(tmp_path, clock):
    """A gateway called by a secret key, where recordings are kept for 90 days."""
    async with serving(tmp_path / "data", clock, bounds=BoundsConfig(retention_days=90)) as api:
        api.token = await api.api_key()
        yield api


async def test_a_quota_is_merged_from_its_levels(api):
    """Its own, that of all devices, the setting, none."""
    device, _ = await api.device()
    await api.call("PUT", "/v1/quota", {"recordings_per_day": 5, "storage_bytes": 1000})
    put = await api.call("PUT", f"/v1/devices/{device}/quota", {"storage_bytes": 0})
    got = await api.call("GET", f"/v1/devices/{device}/quota")

    assert put.json == got.json
    assert {"storage_bytes": 0} == got.json["own"]
    assert got.json["value"] == {
        "recordings_per_day": 5,
        "media_bytes_per_day": 0,
        "storage_bytes": 0,
        "retention_days": 90,
    }


async def test_usage_is_told(api):
    """Of the UTC day of the gateway's clock."""
    device, token = await api.device()
    await api.target(await api.recording(token=token), b"sound")
    got = await api.call("GET", f"/v1/devices/{device}/quota")
    general = await api.call("GET", "/v1/quota")

    assert got.json["usage"] == {
        "day": "2026-03-01",
        "recordings": 1,
        "media": 1,
        "media_bytes": 5,
        "storage_bytes": 5,
    }
    assert general.json["usage"] is None


async def test_a_quota_counts_at_once(api):
    """And the refusal says until when, and to ask within the hour: quotas are raised."""
    device, token = await api.device()
    await api.call("PUT", f"/v1/devices/{device}/quota", {"recordings_per_day": 1})
    statuses = [
        (await api.call("POST", "/v1/recordings", {}, token=token)).status for _ in range(2)
    ]
    refused = await api.call("POST", "/v1/recordings", {}, token=token)

    assert [201, 429] == statuses
    assert ("quota_exceeded", "3600") == (refused.code, refused.headers["Retry-After"])
    assert "/problems/quota-exceeded" == refused.json["type"]


async def test_storage_that_is_used_up_is_told_as_such(api):
    """A 507 with an hour to wait, and no medium is made."""
    device, token = await api.device()
    await api.call("PUT", f"/v1/devices/{device}/quota", {"storage_bytes": 10})
    path = f"/v1/recordings/{await api.recording(token=token)}"
    refused = await api.call(
        "POST", f"{path}/upload-url", {"type": "audio", "file_size_bytes": 11}, token=token
    )
    seen = await api.call("GET", path)

    assert (507, "storage_quota_exceeded") == (refused.status, refused.code)
    assert "3600" == refused.headers["Retry-After"]
    assert [] == seen.json["media"]


async def test_a_key_has_a_quota_of_what_it_makes(api):
    """For whichever device; how long a device's recordings are kept is not for a key to say."""
    await api.call("PUT", "/v1/keys/key_0/quota", {"recordings_per_day": 1})
    statuses = [(await api.call("POST", "/v1/recordings", {})).status for _ in range(2)]
    got = await api.call("GET", "/v1/keys/key_0/quota")
    refused = await api.call("PUT", "/v1/keys/key_0/quota", {"retention_days": 1})

    assert [201, 429] == statuses
    assert ("key_0", None, 1) == (
        got.json["key_id"],
        got.json["device_id"],
        got.json["usage"]["recordings"],
    )
    assert 400 == refused.status


@pytest.mark.parametrize(
    "wrong", [{"recordings_per_day": -1}, {"recordings": 1}, {"retention_days": "1"}]
)
async def test_what_is_no_bound_is_refused(api, wrong):
    """A slip of the pen must not become a quota that is none."""
    refused = await api.call("PUT", "/v1/quota", wrong)

    assert (400, "invalid_request") == (refused.status, refused.code)


async def test_nobody_unknown_has_a_quota(api):
    """Neither a device nor a key."""
    statuses = [
        (await api.call(method, path, {} if method == "PUT" else None)).status
        for path in ("/v1/devices/dev_0/quota", "/v1/keys/key_x/quota")
        for method in ("GET", "PUT")
    ]

    assert [404] * 4 == statuses
