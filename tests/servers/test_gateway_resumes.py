"""The agent's own tus and IETF protocols against the gateway's upload URLs, over a bad line."""

import json
import subprocess
import sys
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio

from device.model import Target
from tests.fakes.chaos_proxy import Faults
from tests.fakes.uploads import noise
from tests.gateway.serving import Api, digest, serving
from tests.servers.carrier import KIB, MIB, Stopped, before, nothing, through
from tests.servers.daemon import Daemon, answers

AUDIO = noise(3 * MIB + 123)
HEADS_BYTES = 16 * KIB
LOST_BYTES = 256 * KIB
"""What a reset may overtake on loopback: two socket buffers."""

pytestmark = pytest.mark.asyncio


class Way:
    """One protocol to a medium of a gateway; `done` is how its last append is answered."""

    def __init__(self, protocol, done, headers=()):
        self.protocol, self.done, self.headers = protocol, done, headers

    def target(self, url):
        return Target(url=url, method="POST", protocol=self.protocol, headers=self.headers)


WAYS = {
    "tus": Way("tus", 204),
    "ietf8": Way("ietf", 200),
    "ietf6": Way("ietf", 200, (("Upload-Draft-Interop-Version", "6"),)),
}


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


@pytest.fixture
def clock(spool):
    return spool._clock


@pytest_asyncio.fixture
async def api(tmp_path, clock):
    async with serving(tmp_path / "gateway", clock) as api:
        _, api.token = await api.device()
        api.recording_id = await api.recording()
        yield api


@pytest.fixture
def medium(api, way):
    """Ask for the upload URL of the medium, a fresh one each time."""

    async def ask(key="m-0"):
        made = await api.target(api.recording_id, AUDIO, key=key)
        return way.target(made["upload_url"])

    return ask


def port_of(url):
    return urlsplit(url).port


async def stored(api):
    return (await api.complete(api.recording_id, AUDIO)).json["content_sha256"]


async def test_a_medium_is_stored(api, way, medium, carrier):
    """Created, then appended at once: every byte goes once."""
    target = await medium()
    await carrier.attempt(lambda: target)

    assert digest(AUDIO) == await stored(api)
    assert [201, way.done] == carrier.statuses()
    assert len(AUDIO) == carrier.sent_bytes


async def test_a_gateway_that_nobody_named_is_asked(api, medium, carrier):
    """OPTIONS announces tus; a plain PUT would have been the guess."""
    target = replace(await medium(), protocol=None)
    await carrier.attempt(lambda: target)

    assert digest(AUDIO) == await stored(api)
    assert ["OPTIONS", "POST", "PATCH"] == [each.request.method for each in carrier.exchanges]


@pytest.mark.parametrize("reset", [True, False], ids=["RST", "FIN"])
async def test_cuts(api, medium, reset, carrier):
    """What arrived before each is kept; only what was on the way goes again."""
    cuts = (300 * KIB, 1000 * KIB, 1500 * KIB, 2100 * KIB)
    target = await medium()
    async with before(port_of(api.url), cut_up_at=cuts, reset=reset) as proxy:
        await carrier.persist(lambda: through(proxy, target))

    assert digest(AUDIO) == await stored(api)
    assert len(cuts) == proxy.cuts
    assert len(AUDIO) + len(cuts) * LOST_BYTES + HEADS_BYTES >= proxy.up_bytes
    assert 1 == len(carrier.targets)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_an_answer_that_is_lost_costs_nothing(api, medium, method, carrier):
    """The creation is repeated, the last append is asked about."""
    target = await medium()
    async with before(port_of(api.url)) as proxy:

        async def cut_the_answer(request):
            if request.method == method and not proxy.cuts:
                proxy.set(Faults(cut_down_at=(proxy.down_bytes + 10,)))

        carrier.transport.before = cut_the_answer
        await carrier.persist(lambda: through(proxy, target))

    assert 1 == proxy.cuts
    assert digest(AUDIO) == await stored(api)
    assert len(AUDIO) == carrier.sent_bytes


async def test_somebody_else_appended(api, medium, carrier):
    """409: the gateway's offset is followed; the bytes are the same by the declared digest."""
    target, ahead = await medium(), 100 * KIB

    async def append(request):
        if request.body_bytes == len(AUDIO):
            await api.put(target.url, AUDIO[:ahead], 0, len(AUDIO))

    carrier.transport.before = append
    await carrier.attempt(lambda: target)

    assert digest(AUDIO) == await stored(api)
    assert 409 == carrier.statuses()[1]
    assert ahead == carrier.exchanges[-1].request.body_offset


async def test_a_url_that_expires_on_the_way(api, clock, medium, carrier):
    """A fresh one opens the same upload: what the gateway holds is not sent again."""
    targets = [await medium()]
    async with before(port_of(api.url), cut_up_at=(2 * MIB,), reset=False) as proxy:

        async def expire(_):
            if proxy.cuts and len(targets) == 1:
                clock.advance(3601)
                targets.append(await medium())

        carrier.transport.after = expire
        await carrier.persist(lambda: through(proxy, targets[-1]))

    assert digest(AUDIO) == await stored(api)
    assert 403 in carrier.statuses()
    assert len(AUDIO) + LOST_BYTES + HEADS_BYTES >= proxy.up_bytes


async def test_a_damaged_medium_begins_anew(api, medium, carrier):
    """Somebody else's bytes were held: 422 empties the medium, and it goes up whole."""
    target = await medium()
    await api.put(target.url, b"?" * 1000, 0, len(AUDIO))
    await carrier.persist(lambda: target)

    assert digest(AUDIO) == await stored(api)
    assert 422 in carrier.statuses()


@pytest.fixture
def gateway_process(tmp_path):
    """A gateway of its own, that can be killed."""
    folder = tmp_path / "process"
    folder.mkdir()
    program = (sys.executable, "-m", "gateway.cli")
    data = ("--data", str(folder / "data"))
    daemon = Daemon(
        lambda ports: [*program, "serve", *data, "--listen", f"127.0.0.1:{ports[0]}"],
        ports=1,
        ready=lambda ports: answers(ports[0], "/livez"),
        folder=folder,
    )
    added = [*program, "devices", "add", "AM-07", "--json", *data]
    shown = subprocess.run(added, capture_output=True, check=True)
    yield daemon, json.loads(shown.stdout)["device_token"]
    daemon.kill()


async def test_a_crash_of_gateway_and_agent(gateway_process, way, carrier):
    """Killed while bytes arrive: the upload goes on from what the disk holds."""
    daemon, token = gateway_process
    (port,) = daemon.ports
    async with aiohttp.ClientSession() as session:
        api = Api(f"http://127.0.0.1:{port}", session, None)
        api.token = token
        api.recording_id = await api.recording()
        target = way.target((await api.target(api.recording_id, AUDIO))["upload_url"])
        async with before(port, cut_up_at=(2 * MIB,), reset=False) as proxy:

            async def crash(_):
                if proxy.cuts:
                    raise Stopped

            carrier.transport.after = crash
            with pytest.raises(Stopped):
                await carrier.attempt(lambda: through(proxy, target))
            daemon.restart()
            carrier.transport.after = nothing
            await carrier.persist(lambda: through(proxy, target))

        assert digest(AUDIO) == await stored(api)
        assert 1 == len(carrier.targets)
        # Killed before the cut was noticed, it may have lost all that was not on the disk yet.
        assert len(AUDIO) + 2 * MIB + HEADS_BYTES >= proxy.up_bytes
