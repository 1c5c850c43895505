"""Checks of the clouds against servers that fail the way they do in the field."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from device.config import NetworkConfig
from device.doctor import clouds
from device.doctor.running import examine
from device.verdict import Verdict
from tests.fakes.clock import FakeClock
from tests.fakes.raw_server import listening
from tests.fakes.scene import PORTAL, answering, config_of, scene_of, trusting
from tests.gateway.serving import serving

pytestmark = pytest.mark.asyncio

OK, WARNING, FAILED, SKIPPED = Verdict.OK, Verdict.WARNING, Verdict.FAILED, Verdict.SKIPPED


def serving_tls(folder: Path, host: str = "127.0.0.1", **times) -> ssl.SSLContext:
    """A certificate for `host`; its authority is in ca.pem."""
    authority = trustme.CA(organization_name="Field Test Authority")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host, **times).configure_cert(context)
    return context


async def found(base_url: str, folder: Path, network: NetworkConfig | None = None, **scene):
    config = config_of(base_url, folder, network=network or NetworkConfig())
    results = await examine(scene_of(config, **scene), _checks())
    return {each.code: each for each in results}


def _checks():
    """These checks alone; the first one then needs nothing."""
    from dataclasses import replace  # noqa: PLC0415 - here alone

    first, *rest = clouds.CHECKS
    return [replace(first, needs=()), *rest]


async def test_a_gateway_of_ours_is_tried_all_the_way(tmp_path):
    """One kilobyte goes up, and nothing of it stays."""
    async with serving(tmp_path / "data", FakeClock()) as api:
        _, api.token = await api.device()
        (tmp_path / "token").write_text(api.token)
        results = await found(f"{api.url}/v1", tmp_path)
        listed = await api.call("GET", "/v1/recordings")

    assert {"dns": OK, "gateway-tls": OK, "gateway-auth": OK, "presigned-put": OK} == {
        code: each.finding.verdict for code, each in results.items() if code != "clock-skew"
    }
    assert [] == listed.json["data"]


async def test_a_wrong_token_is_told_with_its_file(tmp_path):
    """Whoever stands there learns which file to mend; no trial is sent."""
    async with serving(tmp_path / "data", FakeClock()) as api:
        results = await found(f"{api.url}/v1", tmp_path)
    auth = results["gateway-auth"].finding

    assert (FAILED, True) == (auth.verdict, "refuses the token" in auth.sentence)
    assert str(tmp_path / "token") in (auth.fix or "")
    assert "gateway-auth" == results["presigned-put"].because


async def test_a_missing_token_is_told(tmp_path):
    """A device that is not enrolled fails before anybody is asked."""
    async with answering() as port:
        config = config_of(f"http://127.0.0.1:{port}/v1", tmp_path)
        (tmp_path / "token").unlink()
        results = await examine(scene_of(config), _checks())

    assert (FAILED, True) == (
        results[2].finding.verdict,
        "not enrolled" in results[2].finding.sentence,
    )


async def test_another_cloud_gets_no_trial(tmp_path):
    """What nobody completes would stay in its lists for ever."""
    async with answering() as port:
        results = await found(f"http://127.0.0.1:{port}/v1", tmp_path)

    assert OK is results["gateway-auth"].finding.verdict
    assert SKIPPED is results["presigned-put"].finding.verdict


@pytest.mark.parametrize("status", ["200 OK", "302 Found", "404 Not Found"])
async def test_a_portal_is_known_by_its_page(tmp_path, status):
    """Whatever status it comes with."""
    async with answering(PORTAL, status=status, kind="text/html") as port:
        results = await found(f"http://127.0.0.1:{port}/v1", tmp_path)
    auth = results["gateway-auth"].finding

    assert FAILED is auth.verdict
    assert "portal" in (auth.fix or "")


async def test_a_name_without_address_stops_there(tmp_path):
    """Nothing behind it is looked at."""
    results = await found("https://nothing.invalid/v1", tmp_path)

    assert (FAILED, "dns") == (results["dns"].finding.verdict, results["gateway-tls"].because)
    assert "nothing.invalid" in (results["dns"].finding.fix or "")


async def test_a_good_certificate_is_told_with_its_end(tmp_path):
    """By whom it is, and how long it holds."""
    tls = serving_tls(tmp_path, not_after=datetime(2999, 6, 1, tzinfo=UTC))
    async with answering(tls=tls) as port:
        results = await found(f"https://127.0.0.1:{port}/v1", tmp_path, trusting(tmp_path))
    told = results["gateway-tls"].finding

    assert OK is told.verdict, told.sentence
    assert "Field Test Authority" in told.sentence


async def test_an_authority_nobody_knows_is_named(tmp_path):
    """A company's proxy shows itself by its name."""
    async with answering(tls=serving_tls(tmp_path)) as port:
        results = await found(f"https://127.0.0.1:{port}/v1", tmp_path)
    told = results["gateway-tls"].finding

    assert (FAILED, True) == (told.verdict, "Field Test Authority" in told.sentence)
    assert "ca_file" in (told.fix or "")


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ({"not_after": datetime(2026, 2, 1, tzinfo=UTC)}, "ended 2026-02-01"),
        ({"not_before": datetime(2999, 2, 1, tzinfo=UTC)}, "begins 2999-02-01"),
    ],
)
async def test_a_certificate_out_of_its_time_is_told_with_our_clock(tmp_path, times, said):
    """Either it ended or our clock is wrong: both times are told."""
    limits = {"not_before": datetime(2020, 1, 1, tzinfo=UTC), **times}
    limits.setdefault("not_after", datetime(3000, 1, 1, tzinfo=UTC))
    async with answering(tls=serving_tls(tmp_path, **limits)) as port:
        results = await found(f"https://127.0.0.1:{port}/v1", tmp_path, trusting(tmp_path))
    told = results["gateway-tls"].finding

    assert FAILED is told.verdict
    assert said in told.sentence
    assert "2026-03-01 12:00 by this computer's clock" in told.sentence
    assert "timedatectl" in (told.fix or "")


async def test_a_certificate_for_somebody_else_names_whom(tmp_path):
    """A portal that intercepts TLS shows its own name."""
    tls = serving_tls(tmp_path, "portal.hotel.example")
    async with answering(tls=tls) as port:
        results = await found(f"https://127.0.0.1:{port}/v1", tmp_path, trusting(tmp_path))

    assert "it is for portal.hotel.example" in results["gateway-tls"].finding.sentence


async def test_a_server_without_tls_is_told(tmp_path):
    """Portals answer in clear on any port."""

    async def serve(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with listening(serve) as port:
        results = await found(f"https://127.0.0.1:{port}/v1", tmp_path)

    assert "does not speak TLS" in results["gateway-tls"].finding.sentence


async def test_a_certificate_that_ends_soon_is_a_warning(tmp_path):
    """While there is still time to renew it."""
    tls = serving_tls(tmp_path, not_after=datetime(2999, 1, 1, tzinfo=UTC))
    late = FakeClock(datetime(2998, 12, 25, tzinfo=UTC))
    async with answering(tls=tls) as port:
        results = await found(
            f"https://127.0.0.1:{port}/v1", tmp_path, trusting(tmp_path), clock=late
        )

    assert WARNING is results["gateway-tls"].finding.verdict


async def test_a_clock_that_is_off_is_told_by_how_much(tmp_path):
    """The server's Date is the measure."""
    ahead = FakeClock(datetime(2026, 3, 1, 15, 0, tzinfo=UTC))
    async with answering() as port:
        results = await found(f"http://127.0.0.1:{port}/v1", tmp_path, clock=ahead)
    told = results["clock-skew"].finding

    assert (WARNING, True) == (told.verdict, "3 h ahead" in told.sentence)


async def test_a_server_without_a_clock_is_no_failure(tmp_path):
    """Some do not tell the time."""
    async with answering(date=None) as port:
        results = await found(f"http://127.0.0.1:{port}/v1", tmp_path)

    assert SKIPPED is results["clock-skew"].finding.verdict


async def test_a_refused_connection_is_told(tmp_path):
    """The port is named: a technician may have mistyped it."""
    async with answering() as port:
        pass
    results = await found(f"http://127.0.0.1:{port}/v1", tmp_path)

    assert f"port {port}: Connection refused" in results["gateway-tls"].finding.sentence
