"""Where the sender connects to: never where it must not, whatever a name stands for."""

import aiohttp
import pytest
import pytest_asyncio

from gateway.errors import Unavailable
from gateway.events.sender import Sender

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def sender():
    sender = Sender(agent="test", allow_http=False)
    yield sender
    await sender.aclose()


@pytest.fixture
def stands_for(monkeypatch):
    """Let every name stand for one address."""

    def stand(address, port):
        async def resolve(_self, host, _port=0, family=0):
            return [
                {
                    "hostname": host,
                    "host": address,
                    "port": port,
                    "family": 2,
                    "proto": 0,
                    "flags": 0,
                }
            ]

        monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", resolve)

    return stand


@pytest.mark.parametrize("url", ["http://box.local/", "https://backend.example.org/"])
async def test_a_name_for_a_forbidden_address_is_refused(sender, stands_for, url):
    """As a name that was good when the webhook was made can become one."""
    stands_for("169.254.169.254", 80)

    with pytest.raises(Unavailable, match="its address is no host's"):
        await sender.post(url, b"{}", {})


async def test_a_name_close_by_that_is_far_away_gets_no_http(sender, stands_for):
    """What goes there would be readable on the way."""
    stands_for("8.8.8.8", 80)

    with pytest.raises(Unavailable, match="or one that needs https"):
        await sender.post("http://backend/", b"{}", {})


async def test_an_address_that_is_forbidden_by_now_is_refused(sender):
    """Webhooks of before the rule are under it too."""
    with pytest.raises(Unavailable, match="its address is no host's"):
        await sender.post("http://169.254.169.254/", b"{}", {})


async def test_a_name_for_this_machine_is_reached(sender, stands_for, receiver):
    """Private networks are where most webhooks are."""
    port = int(receiver.url.split(":")[2].split("/")[0])
    stands_for("127.0.0.1", port)

    assert (200, "ok") == await sender.post(f"http://backend:{port}/", b"{}", {})


async def test_nothing_is_remembered_between_tries(sender, receiver):
    """No cookies; what the answer sets is not sent back."""
    receiver.fails(200, **{"Set-Cookie": "a=b; Path=/"})
    await sender.post(receiver.url, b"{}", {})
    await sender.post(receiver.url, b"{}", {})

    assert "Cookie" not in receiver.received[1].headers
