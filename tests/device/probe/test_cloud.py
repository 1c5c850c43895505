"""Probing a cloud: each step tells what it found, the last one is the first that failed."""

import pytest
import trustme

from device.config import NetworkConfig
from device.probe import cloud
from device.verdict import Verdict
from tests.device.doctor.test_clouds import serving_tls
from tests.fakes.clock import FakeClock
from tests.fakes.connect_proxy import ConnectProxy
from tests.fakes.scene import PORTAL, answering, config_of, probe_of, trusting
from tests.gateway.serving import serving

pytestmark = pytest.mark.asyncio


async def gone(url, config, **more):
    return {step.name: step async for step in cloud.steps(probe_of(url, config, **more))}


async def test_our_gateway_is_gone_through_to_the_end(tmp_path):
    """A kilobyte and, where asked for, more; nothing of either stays."""
    async with serving(tmp_path / "data", FakeClock()) as api:
        _, api.token = await api.device()
        (tmp_path / "token").write_text(api.token)
        url = f"{api.url}/v1"
        steps = await gone(url, config_of(url, tmp_path), send_bytes=300_000)
        listed = await api.call("GET", "/v1/recordings")

    assert ["resolve", "connect", "http", "clock", "path", "token", "upload"] == list(steps)
    assert 300_000 == steps["upload"].facts["sent_bytes"]
    assert [] == listed.json["data"]


async def test_tls_tells_version_cipher_and_issuer(tmp_path):
    """For whoever looks after the server."""
    async with answering(tls=serving_tls(tmp_path)) as port:
        url = f"https://127.0.0.1:{port}/v1"
        steps = await gone(url, config_of(url, tmp_path, network=trusting(tmp_path)))

    assert Verdict.OK is steps["tls"].finding.verdict
    assert ("TLSv1.3", "Field Test Authority") == (
        steps["tls"].facts["version"],
        steps["tls"].facts["issuer"],
    )


async def test_what_fails_is_the_last_step(tmp_path):
    """Nothing behind it could be true."""
    async with answering(tls=serving_tls(tmp_path)) as port:
        url = f"https://127.0.0.1:{port}/v1"
        steps = await gone(url, config_of(url, tmp_path))

    assert ["resolve", "connect", "tls"] == list(steps)
    assert Verdict.FAILED is steps["tls"].finding.verdict


async def test_the_kernel_tells_of_the_path(tmp_path):
    """MTU and round trip are its own measures."""
    async with answering() as port:
        url = f"http://127.0.0.1:{port}/v1"
        facts = (await gone(url, config_of(url, tmp_path)))["path"].facts

    assert facts["mtu_bytes"] > 1280
    assert facts["rtt_ms"] < 1000


async def test_no_token_is_shown_to_a_stranger(tmp_path):
    """Only an address that is configured gets to see it."""
    async with answering() as port:
        steps = await gone(f"http://127.0.0.1:{port}/", config_of("https://x.example/v1", tmp_path))

    assert (Verdict.SKIPPED, Verdict.SKIPPED) == (
        steps["token"].finding.verdict,
        steps["upload"].finding.verdict,
    )


async def test_a_page_for_people_is_called_so(tmp_path):
    """It may be a portal, and the way to it works all the same."""
    async with answering(PORTAL, status="200 OK", kind="text/html") as port:
        url = f"http://127.0.0.1:{port}/"
        steps = await gone(url, config_of("https://x.example/v1", tmp_path))

    assert Verdict.WARNING is steps["http"].finding.verdict


async def test_nobody_there_ends_the_way(tmp_path):
    """Refused is not the same as no answer, and is told so."""
    async with answering() as port:
        pass
    url = f"http://127.0.0.1:{port}/"
    steps = await gone(url, config_of(url, tmp_path))

    assert ["resolve", "connect"] == list(steps)
    assert "Connection refused" in steps["connect"].finding.sentence


@pytest.mark.parametrize("login", [None, "box:geheim"])
async def test_the_way_leads_through_the_proxy(tmp_path, login):
    """Its name is resolved, it is connected to, and TLS goes through it to the server."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = serving_tls(tmp_path, "store.example")
    (tmp_path / "login").write_text(login or "")
    (tmp_path / "login").chmod(0o600)
    async with (
        answering(tls=tls) as port,
        ConnectProxy({"store.example": port}, login=login) as proxy,
    ):
        network = NetworkConfig(
            ca_file=str(tmp_path / "ca.pem"),
            proxy=f"http://127.0.0.1:{proxy.port}",
            proxy_login_file=str(tmp_path / "login") if login else "",
        )
        url = f"https://store.example:{port}/v1"
        steps = await gone(url, config_of("https://x.example/v1", tmp_path, network=network))

    assert Verdict.OK is steps["tls"].finding.verdict
    assert "store.example" in " ".join(proxy.lines)
    assert [] == proxy.faults


async def test_a_proxy_that_refuses_is_told(tmp_path):
    """It is neither the network nor the cloud."""
    async with ConnectProxy({}, answers=407) as proxy:
        network = NetworkConfig(proxy=f"http://127.0.0.1:{proxy.port}")
        url = "https://store.example/v1"
        steps = await gone(url, config_of(url, tmp_path, network=network))

    assert "the proxy asks for credentials" in steps["tls"].finding.sentence
