"""`fieldpost-gateway phones`: codes with a QR code, the list, revoking; audited."""

import asyncio
import json

import pytest

from device.clock import SystemClock
from gateway.phone.pairing import PhoneDesk
from gateway.store.sql import open_store
from tests.gateway.test_cli import run, run_json


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def paired(data, code):
    """Pair a phone as its page does; answers its id."""

    async def pair():
        async with open_store(data, None) as store:
            phone, _ = await PhoneDesk(store, SystemClock()).pair(code, guesser="test")
            return phone.id

    return asyncio.run(pair())


def test_a_code_is_drawn_and_pairs_a_phone(data):
    """A person scans it from the terminal; what it is called is listed."""
    told = run("phones", "code", "Anna's phone", "--public-url", "https://g.example", data=data)
    lines = told.stdout.splitlines()
    code = lines[-2].split()[1]
    phone = paired(data, code)
    listed = run("phones", "ls", data=data).stdout

    assert f"url   https://g.example/phone#{code}" in lines
    assert any("█" in line for line in lines)
    assert max(map(len, lines[:-1])) <= 80
    assert listed == f"{phone}  Anna's phone  last seen never\n"


def test_without_an_address_there_is_no_qr_code(data):
    """The command line does not know how phones reach the gateway unless somebody said so."""
    document = run_json("phones", "code", "Ben's phone", "--end-user", "eu_1", data=data)
    phone = paired(data, document["code"])
    (listed,) = run_json("phones", "ls", data=data)["phones"]

    assert document["url"] is None
    assert (phone, "eu_1") == (listed["phone_id"], listed["end_user_id"])


def test_a_phone_is_revoked(data):
    """It is not listed any more, and who did it is noted."""
    phone = paired(data, run_json("phones", "code", "Ben's phone", data=data)["code"])
    run("phones", "revoke", phone, data=data)
    told = run("phones", "ls", data=data).stdout
    noted = json.dumps(run_json("audit", data=data))

    assert told == "No phone is paired yet.\n"
    assert all(each in noted for each in ("phones code", "phones revoke", phone))


def test_an_unknown_phone_is_told(data):
    """And where to look."""
    told = run("phones", "revoke", "phn_0", data=data, code=1)

    assert "there is no such phone" in told.stderr
    assert "fieldpost-gateway phones ls" in told.stderr


def test_a_phone_without_a_name_gets_no_code(data):
    """Nobody could say later which one to revoke."""
    told = run("phones", "code", "  ", data=data, code=1)

    assert "a phone needs a name" in told.stderr
