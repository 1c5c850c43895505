"""TLS: own authorities, a certificate of our own, the cheaper cipher."""

import asyncio
import ssl
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from device.config import NetworkConfig
from device.core.uploads import Broken, Request, Response
from device.errors import CloudUnreachable, ConfigInvalid, NotTheCloud
from device.http_trouble import reason
from device.tls import client_context, file_problems, has_aes
from device.transport import Patience, Transport
from tests.fakes.raw_server import Sink, listening

QUICK = Patience(connect_s=2, call_s=2, stall_s=0.4, response_s=0.4, continue_s=0.05)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.pem, a server's and a device's certificate, and files that are no use."""
    folder = tmp_path_factory.mktemp("pem")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name, issued in (
        ("server", authority.issue_cert("127.0.0.1")),
        ("device", authority.issue_cert("device-7.example")),
    ):
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
        issued.private_key_and_cert_chain_pem.write_to_path(folder / f"{name}-both.pem")
    (folder / "nonsense.pem").write_text("nothing of use")
    return folder


def serving(folder: Path, *, asks: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.pem"))
    context.load_cert_chain(folder / "server-both.pem")
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def put(port: int) -> Request:
    return Request(method="PUT", url=f"https://127.0.0.1:{port}/o", body_bytes=100_000)


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    file = tmp_path / "audio.opus"
    file.write_bytes(bytes(100_000))
    return file


@pytest.mark.parametrize("files", [("device.pem", "device.key"), ("device-both.pem", "")])
@pytest.mark.asyncio
async def test_this_device_says_who_it_is(
    folder: Path, medium: Path, files: tuple[str, str]
) -> None:
    """A server that asks for a certificate gets ours, the key in its own file or not."""
    cert, key = (str(folder / name) if name else "" for name in files)
    network = NetworkConfig(ca_file=str(folder / "ca.pem"), client_cert=cert, client_key=key)
    context = await asyncio.to_thread(client_context, network)
    sink = Sink()
    async with (
        listening(sink, serving(folder, asks=True)) as port,
        Transport(patience=QUICK, tls=context) as transport,
    ):
        answer = await transport.send(put(port), medium, lambda _: None)

    assert isinstance(answer, Response)
    assert [bytes(100_000)] == sink.bodies


@pytest.mark.asyncio
async def test_a_server_that_asks_in_vain(folder: Path, medium: Path) -> None:
    """Without a certificate of ours the server hangs up, and no byte is believed to be there."""
    sink = Sink()
    network = NetworkConfig(ca_file=str(folder / "ca.pem"))
    context = await asyncio.to_thread(client_context, network)
    async with (
        listening(sink, serving(folder, asks=True)) as port,
        Transport(patience=QUICK, tls=context) as transport,
    ):
        answer = await transport.send(put(port), medium, lambda _: None)
        with pytest.raises(CloudUnreachable):
            await transport.call("GET", f"https://127.0.0.1:{port}/", {}, None)

    assert isinstance(answer, Broken)
    assert [] == sink.heads


@pytest.mark.parametrize(
    ("not_before", "not_after"),
    [
        (datetime(2001, 1, 1, tzinfo=UTC), datetime(2002, 1, 1, tzinfo=UTC)),
        (datetime(2090, 1, 1, tzinfo=UTC), datetime(2091, 1, 1, tzinfo=UTC)),
    ],
)
@pytest.mark.asyncio
async def test_a_certificate_of_another_time(
    medium: Path, not_before: datetime, not_after: datetime
) -> None:
    """One that is good but not today points at this machine's clock: boxes start in 1970."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    issued = authority.issue_cert("127.0.0.1", not_before=not_before, not_after=not_after)
    issued.configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with (
        listening(Sink(), server) as port,
        Transport(patience=QUICK, tls=trusting) as transport,
    ):
        with pytest.raises(NotTheCloud) as told:
            await transport.send(put(port), medium, lambda _: None)

    assert "the certificate of 127.0.0.1 is not valid today, by this machine's clock" == str(
        told.value
    )
    assert "timedatectl" in (told.value.hint or "")


def test_an_alert_is_told_in_words() -> None:
    """A server that wants a certificate names the keys to set."""
    alert = "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required"

    assert "[network] client_cert" in reason(ssl.SSLError(1, alert))


def test_old_tls_is_not_spoken() -> None:
    """Nothing below 1.2 is offered, and certificates and names are checked."""
    context = client_context(NetworkConfig())

    assert ssl.TLSVersion.TLSv1_2 == context.minimum_version
    assert (ssl.CERT_REQUIRED, True) == (context.verify_mode, context.check_hostname)


def test_chacha_comes_first_where_aes_is_slow() -> None:
    """The same ciphers in another order, for TLS 1.2 at least."""
    fast = client_context(NetworkConfig(), fast_aes=True).get_ciphers()
    slow = client_context(NetworkConfig(), fast_aes=False).get_ciphers()
    old = [cipher["name"] for cipher in slow if cipher["protocol"] == "TLSv1.2"]

    assert {each["name"] for each in fast} == {each["name"] for each in slow}
    assert "CHACHA20" in old[0]
    assert "CHACHA20" not in next(c["name"] for c in fast if c["protocol"] == "TLSv1.2")


@pytest.mark.parametrize(
    ("machine", "layout", "pairs", "expected"),
    [
        ("aarch64", "QQ", [(16, 0b11111111)], True),
        ("aarch64", "QQ", [(3, 99), (16, 0b00000111), (0, 0)], False),
        ("aarch64", "II", [(16, 0b11111111), (26, 0b1)], True),
        ("armv7l", "II", [(16, 0b11111111), (26, 0b0)], False),
        ("armv6l", "II", [], False),
        ("x86_64", "QQ", [], True),
    ],
)
def test_a_board_tells_whether_it_has_aes(machine, layout, pairs, expected) -> None:
    """From the auxiliary vector: another bit for 32-bit programs, whatever the kernel."""
    auxv = b"".join(struct.pack(layout, *pair) for pair in pairs)

    assert expected == has_aes(auxv, machine, struct.calcsize(layout[0]))


@pytest.mark.parametrize(
    ("keys", "key", "part"),
    [
        ({"ca_file": "absent.pem"}, "ca_file", "cannot be read: No such file"),
        ({"ca_file": "nonsense.pem"}, "ca_file", "holds no certificate in PEM form"),
        ({"client_cert": "absent.pem"}, "client_cert", "cannot be read"),
        ({"client_cert": "device.pem", "client_key": "absent"}, "client_key", "cannot be read"),
        ({"client_cert": "device.pem"}, "client_cert", "holds no certificate with its key"),
        (
            {"client_cert": "device.pem", "client_key": "server.key"},
            "client_cert",
            "holds no certificate with its key",
        ),
    ],
)
def test_files_that_are_no_use(folder: Path, keys: dict[str, str], key: str, part: str) -> None:
    """Each is told with its key and what is wrong, and ends a start."""
    network = NetworkConfig(**{name: str(folder / file) for name, file in keys.items()})
    ((told_key, told),) = file_problems(network)
    with pytest.raises(ConfigInvalid):
        client_context(network)

    assert key == told_key
    assert part in told
