import pytest
import pytest_asyncio

from device.clock import SystemClock
from tests.device.drivers import bota_rig
from tests.gateway.phone.fake_phone import Phone
from tests.gateway.serving import serving


@pytest.fixture
def _quick(monkeypatch):
    bota_rig.hasten(monkeypatch)


@pytest_asyncio.fixture
async def api(tmp_path, _quick):
    """A gateway on the machine's clock, called by an operator."""
    async with serving(tmp_path / "data", SystemClock()) as api:
        api.token = await api.api_key()
        yield api


async def paired(api, name="Anna's phone", **more) -> Phone:
    """Pair a phone."""
    code = (await api.call("POST", "/v1/phones/codes", {"name": name, **more})).json["code"]
    given = await api.call(
        "POST", "/phone/pair", {"code": code}, token="", headers={"Origin": api.url}
    )
    cookie = given.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
    phone = Phone(api.url, cookie, api.session)
    phone.id = given.json["phone"]["id"]
    return phone


@pytest_asyncio.fixture
async def phone(api):
    return await paired(api)
