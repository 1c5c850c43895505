"""The name that a request calls the gateway by, where URLs are made of it."""

import pytest
import pytest_asyncio

from tests.gateway.serving import serving

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def api(tmp_path, clock):
    async with serving(tmp_path / "data", clock) as api:
        api.token = await api.api_key()
        yield api


@pytest.mark.parametrize(
    "host", ["inside/delete?all=", "a b", "user@host", "", "h:999999", "\udcff"]
)
async def test_a_host_that_is_none_gets_no_url(api, host):
    """A device's request ends up in what others fetch: it must not choose the path, too."""
    recording = await api.recording()
    got = await api.call(
        "POST",
        f"/v1/recordings/{recording}/upload-url",
        {"type": "audio"},
        headers={"Host": host},
    )

    assert (400, "invalid_request") == (got.status, got.code)


@pytest.mark.parametrize("host", ["gateway.example.org", "box:8470", "[::1]:8470", "10.0.0.7"])
async def test_urls_are_of_the_host_that_was_asked(api, host):
    """Where nobody has said what the gateway is called."""
    recording = await api.recording()
    got = await api.call(
        "POST",
        f"/v1/recordings/{recording}/upload-url",
        {"type": "audio"},
        headers={"Host": host},
    )

    assert got.json["upload_url"].startswith(f"http://{host}/v1/uploads/")
