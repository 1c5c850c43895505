from datetime import timedelta

import pytest
import pytest_asyncio

from device.clock import SystemClock
from gateway.core.tokens import credential_hash
from gateway.model_phones import Phone as PhoneRow
from gateway.model_phones import PhoneCode
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


async def paired(api, name="Anna's phone", end_user_id=None) -> Phone:
    """Pair a phone, without the code's slow hash."""
    now = api.gateway.clock.now()
    code = PhoneCode(
        id=f"phc_{name}",
        code_hash=f"hash of {name}",
        name=name,
        end_user_id=end_user_id,
        created_at=now,
        expires_at=now + timedelta(minutes=15),
    )
    cookie = f"ptok_{name.partition(chr(39))[0]}"
    made = PhoneRow(
        id=f"phn_{name.partition(chr(39))[0]}",
        name="",
        token_hash=credential_hash(cookie),
        created_at=now,
    )
    await api.gateway.store.phones.add_code(code)
    phone = Phone(api.url, cookie, api.session)
    phone.id = (await api.gateway.store.phones.pair(code.code_hash, made)).id
    return phone


@pytest_asyncio.fixture
async def phone(api):
    return await paired(api)
