"""The transport against raw sockets on loopback: what leaves, what is counted, what times out."""

import asyncio
import contextlib
import os
import socket
import ssl
import struct
from pathlib import Path

import pytest
import trustme

from device.core.uploads import Broken, Request, Response
from device.errors import CloudUnreachable, NotTheCloud, SpoolDamaged, SpoolStorageFailed
from device.outflow import Lanes, open_slice
from device.transport import Patience, Transport
from device.trickle import Trickle
from tests.fakes.raw_server import OK, Sink, head_of, listening
from tests.fakes.uploads import noise

CONTENT = noise(1_500_000)
QUICK = Patience(
    connect_s=2, call_s=2, stall_s=0.2, response_s=0.4, continue_s=0.05, queue_bytes=65_536
)


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    file = tmp_path / "audio.opus"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    return folder


def put(port: int, *, scheme: str = "http", first: int = 0, **options: object) -> Request:
    options.setdefault("body_bytes", len(CONTENT) - first)
    return Request(
        method="PUT",
        url=f"{scheme}://127.0.0.1:{port}/o%2Fp?X-Amz-Credential=a%2Fb%3D&s=%7e",
        body_offset=first,
        **options,  # type: ignore[arg-type]  # the fields of Request
    )


@pytest.mark.asyncio
async def test_headers_and_url_go_out_exactly(medium: Path) -> None:
    """Only Host and Content-Length are added, and not one character of the URL changes."""
    sink = Sink()
    async with listening(sink) as port, Transport(patience=QUICK) as transport:
        request = put(port, headers=(("x-amz-meta-b", "1"), ("Content-Type", "audio/opus")))
        await transport.send(request, medium, lambda _: None)

    assert [
        "PUT /o%2Fp?X-Amz-Credential=a%2Fb%3D&s=%7e HTTP/1.1",
        f"Content-Length: {len(CONTENT)}",
        "Content-Type: audio/opus",
        f"Host: 127.0.0.1:{port}",
        "x-amz-meta-b: 1",
    ] == sorted(
        sink.heads[0].decode().strip().split("\r\n"), key=lambda line: (line[:3] != "PUT", line)
    )


@pytest.mark.parametrize(("first", "size"), [(0, len(CONTENT)), (262_144, 300_000), (9, 1)])
@pytest.mark.asyncio
async def test_a_slice_leaves_and_is_counted(medium: Path, first: int, size: int) -> None:
    """The body is the slice asked for, and the last word to the watcher is its size."""
    sink, seen = Sink(), []
    async with listening(sink) as port, Transport(patience=QUICK) as transport:
        answer = await transport.send(put(port, first=first, body_bytes=size), medium, seen.append)

    assert CONTENT[first : first + size] == sink.bodies[0]
    assert size == seen[-1]
    assert isinstance(answer, Response)
    assert "Sun, 01 Mar 2026 12:00:00 GMT" == answer.headers["date"]


@pytest.mark.asyncio
async def test_tls_is_verified_and_works(medium: Path, certificate: Path) -> None:
    """Over TLS the same bytes arrive, through the block path."""
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    trusting = ssl.create_default_context(cafile=str(certificate / "ca.pem"))
    sink, seen = Sink(), []
    async with (
        listening(sink, server) as port,
        Transport(patience=QUICK, tls=trusting) as transport,
    ):
        answer = await transport.send(put(port, scheme="https"), medium, seen.append)

    assert isinstance(answer, Response)
    assert CONTENT == sink.bodies[0]
    assert len(CONTENT) == seen[-1]


@pytest.mark.asyncio
async def test_a_stranger_gets_no_byte(medium: Path, certificate: Path) -> None:
    """A certificate nobody vouches for ends the request before the body, and names the portal."""
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    sink, seen = Sink(), []
    async with listening(sink, server) as port, Transport(patience=QUICK) as transport:
        with pytest.raises(NotTheCloud) as told:
            await transport.send(put(port, scheme="https"), medium, seen.append)
        with pytest.raises(NotTheCloud):
            await transport.call("GET", f"https://127.0.0.1:{port}/", {}, None)

    assert "the certificate of 127.0.0.1 is not trusted" == str(told.value)
    assert "portal" in (told.value.hint or "")
    assert "ca_file" in (told.value.hint or "")
    assert [0] == seen
    assert [] == sink.heads


@pytest.mark.asyncio
async def test_connections_are_kept(medium: Path) -> None:
    """Many small media share one connection."""
    sink = Sink()
    async with listening(sink) as port, Transport(patience=QUICK) as transport:
        for _ in range(3):
            await transport.send(put(port, body_bytes=1000), medium, lambda _: None)

    assert 1 == sink.connections


@pytest.mark.asyncio
async def test_a_refusal_before_the_body_costs_nothing(medium: Path) -> None:
    """With Expect, a dead URL is answered before a single byte of the body leaves."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        await writer.drain()
        await reader.read()

    seen: list[int] = []
    patience = Patience(stall_s=2, response_s=2, continue_s=2)
    async with listening(refuse) as port, Transport(patience=patience) as transport:
        answer = await transport.send(put(port, expect_continue=True), medium, seen.append)

    assert isinstance(answer, Response)
    assert (403, b"no") == (answer.status, answer.body)
    assert 0 == seen[-1]


@pytest.mark.asyncio
async def test_a_server_that_ignores_expect_gets_the_body(medium: Path) -> None:
    """The wait for 100 Continue is bounded."""
    bodies = []

    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        bodies.append(await reader.readexactly(len(CONTENT)))
        writer.write(OK)
        await writer.drain()
        await reader.read()

    async with listening(ignore) as port, Transport(patience=QUICK) as transport:
        await transport.send(put(port, expect_continue=True), medium, lambda _: None)

    assert [CONTENT] == bodies


@pytest.mark.asyncio
async def test_a_server_that_cannot_expect_is_asked_plainly(medium: Path) -> None:
    """417 is answered by the same request without Expect."""
    heads = []

    async def fail_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await head_of(reader))
        if b"Expect" in heads[-1]:
            writer.write(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
        else:
            await reader.readexactly(len(CONTENT))
            writer.write(OK)
        await writer.drain()
        await reader.read()

    async with listening(fail_once) as port, Transport(patience=QUICK) as transport:
        answer = await transport.send(put(port, expect_continue=True), medium, lambda _: None)

    assert isinstance(answer, Response)
    assert 200 == answer.status
    assert 2 == len(heads)


@pytest.mark.asyncio
async def test_an_early_answer_is_heard(medium: Path) -> None:
    """A store that refuses midway and hangs up is quoted, not called a cut."""

    async def refuse_midway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        await reader.readexactly(100_000)
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        with contextlib.suppress(OSError):
            await reader.read()

    async with listening(refuse_midway) as port, Transport(patience=QUICK) as transport:
        answer = await transport.send(put(port), medium, lambda _: None)

    assert isinstance(answer, Response)
    assert 413 == answer.status


@pytest.mark.asyncio
async def test_an_early_answer_is_heard_of_a_store_that_reads_nothing(medium: Path) -> None:
    """MinIO refuses by the URL alone, and resets the connection when we have long been stuck."""

    async def refuse_and_reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # of a socket, it can
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await asyncio.Event().wait()
        writer.transport.abort()

    async with listening(refuse_and_reset) as port, Transport(patience=QUICK) as transport:
        answer = await transport.send(put(port), medium, lambda _: None)

    assert isinstance(answer, Response)
    assert 403 == answer.status


@pytest.mark.parametrize("position", [0, 1, 300_000])
@pytest.mark.asyncio
async def test_a_cut_counts_what_left(medium: Path, position: int) -> None:
    """At a cut the watcher learns what the other side had, not what was written."""
    received = []

    async def cut(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await head_of(reader)
        received.append(len(await reader.readexactly(position)))

    seen: list[int] = []
    async with listening(cut) as port, Transport(patience=QUICK) as transport:
        answer = await transport.send(put(port), medium, seen.append)

    assert isinstance(answer, Broken)
    assert position <= seen[-1] < len(CONTENT)


@pytest.mark.asyncio
async def test_a_stall_is_noticed(medium: Path) -> None:
    """A peer that stops reading is given up after the stall time, and what left is counted."""
    gone = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # sockets have it
        await gone.wait()

    big = medium.with_name("big")
    await asyncio.to_thread(big.write_bytes, bytes(24_000_000))
    seen: list[int] = []
    async with listening(stall) as port, Transport(patience=QUICK) as transport:
        answer = await transport.send(put(port, body_bytes=24_000_000), big, seen.append)
        gone.set()

    assert Broken("nothing moved, or no answer came, for too long") == answer
    assert 0 < seen[-1] < 24_000_000


@pytest.mark.asyncio
async def test_a_slow_peer_is_not_a_dead_one(medium: Path) -> None:
    """An upload that takes several stall times is fine while bytes move."""
    began = asyncio.get_running_loop().time()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        left, until = len(CONTENT), began
        while left:
            left -= len(await reader.read(min(left, 40_000)))
            until += 0.015
            done = asyncio.Event()
            asyncio.get_running_loop().call_at(until, done.set)
            await done.wait()
        writer.write(OK)
        await writer.drain()
        await reader.read()

    async with listening(slow) as port, Transport(patience=QUICK) as transport:
        answer = await transport.send(put(port), medium, lambda _: None)

    assert isinstance(answer, Response)
    assert asyncio.get_running_loop().time() - began > 2 * QUICK.stall_s


@pytest.mark.asyncio
async def test_an_answer_that_never_comes(medium: Path) -> None:
    """When every byte has arrived the answer has its own time."""
    gone = asyncio.Event()

    async def swallow(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await head_of(reader)
        await reader.readexactly(len(CONTENT))
        await gone.wait()

    seen: list[int] = []
    async with listening(swallow) as port, Transport(patience=QUICK) as transport:
        answer = await transport.send(put(port), medium, seen.append)
        gone.set()

    assert isinstance(answer, Broken)
    assert len(CONTENT) == seen[-1]


@pytest.mark.asyncio
async def test_cancelling_counts_what_left(medium: Path) -> None:
    """A shutdown in the middle still tells the ledger."""
    stalled = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await head_of(reader)
        await reader.readexactly(100_000)
        stalled.set()
        await asyncio.get_running_loop().create_future()

    seen: list[int] = []
    async with listening(stall) as port, Transport(patience=Patience()) as transport:
        sending = asyncio.create_task(transport.send(put(port), medium, seen.append))
        await stalled.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

    assert seen[-1] >= 100_000


@pytest.mark.asyncio
async def test_redirects_are_not_followed(medium: Path) -> None:
    """A redirect is an answer like any other."""
    moved = b"HTTP/1.1 307 T\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    sink = Sink(moved)
    async with listening(sink) as port, Transport(patience=QUICK) as transport:
        sent = await transport.send(put(port), medium, lambda _: None)
        called = await transport.call("POST", f"http://127.0.0.1:{port}/", {}, {})

    assert isinstance(sent, Response)
    assert [307, 307] == [sent.status, called.status]
    assert 2 == len(sink.heads)


@pytest.mark.asyncio
async def test_a_long_answer_is_not_swallowed(medium: Path) -> None:
    """At most 64 KiB of a store's answer are kept."""
    body = b"x" * 200_000
    sink = Sink(b"HTTP/1.1 500 no\r\nContent-Length: 200000\r\n\r\n" + body)
    async with listening(sink) as port, Transport(patience=QUICK) as transport:
        answer = await transport.send(put(port, body_bytes=1), medium, lambda _: None)

    assert isinstance(answer, Response)
    assert 65_536 == len(answer.body)


@pytest.mark.asyncio
async def test_a_json_call(medium: Path) -> None:
    """A call sends JSON and returns status, lower-case headers and the body."""
    answer = b"HTTP/1.1 404 no\r\nX-Thing: 1\r\nContent-Length: 2\r\n\r\n{}"
    sink = Sink(answer)
    async with listening(sink) as port, Transport(patience=QUICK) as transport:
        got = await transport.call("POST", f"http://127.0.0.1:{port}/a", {"K": "v"}, {"a": 1})

    assert (404, "1", b"{}") == (got.status, got.headers["x-thing"], got.body)
    assert b'{"a":1}' == sink.bodies[0]
    assert b"\r\nK: v\r\n" in sink.heads[0]


@pytest.mark.asyncio
async def test_a_success_that_is_too_long_is_not_the_apis() -> None:
    """Parsed, it could take all the memory there is; what is expected is said by who asks."""
    sink = Sink(b"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n" + b"[" * 65_537)
    async with listening(sink) as port, Transport(patience=QUICK) as transport:
        url = f"http://127.0.0.1:{port}/"
        with pytest.raises(NotTheCloud, match="more than 65536 bytes"):
            await transport.call("GET", url, {}, {})
        longer = await transport.call("GET", url, {}, {}, most_bytes=65_537)

    assert 65_537 == len(longer.body)


@pytest.mark.asyncio
async def test_a_refusal_that_is_too_long_is_still_a_refusal() -> None:
    """Its status says enough, whatever page a proxy wraps it in."""
    sink = Sink(b"HTTP/1.1 503 no\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70_000)
    async with listening(sink) as port, Transport(patience=QUICK) as transport:
        answer = await transport.call("GET", f"http://127.0.0.1:{port}/", {}, {})

    assert (503, 65_536) == (answer.status, len(answer.body))


@pytest.mark.asyncio
async def test_no_login_of_netrc_goes_out(
    medium: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers are those that were handed: what the machine's owner keeps for a host stays home."""
    (tmp_path / ".netrc").write_text("default login owner password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    sink = Sink()
    async with listening(sink) as port, Transport(patience=QUICK) as transport:
        await transport.send(put(port, body_bytes=9), medium, lambda _: None)
        await transport.call("POST", f"http://127.0.0.1:{port}/", {"X-Api-Key": "k"}, {})

    assert [False, False] == [b"authorization" in head.lower() for head in sink.heads]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[x/", "http://127.0.0.1:99999/"])
@pytest.mark.asyncio
async def test_no_way_to_the_server(medium: Path, url: str) -> None:
    """Refused connections and useless addresses are one kind of error, without the query."""
    async with Transport(patience=QUICK) as transport:
        with pytest.raises(CloudUnreachable):
            await transport.call("POST", f"{url}?secret=1", {}, {})
        request = Request(method="PUT", url=f"{url}?secret=1", body_bytes=1)
        answer = await transport.send(request, medium, lambda _: None)

    assert isinstance(answer, Broken)
    assert "secret" not in answer.reason


@pytest.mark.asyncio
async def test_a_closed_port_is_told_in_plain_words() -> None:
    """Nobody listening is one short sentence with host and port."""
    async with listening(_never) as port:
        pass
    async with Transport(patience=QUICK) as transport:
        with pytest.raises(CloudUnreachable) as told:
            await transport.call("POST", f"http://127.0.0.1:{port}/v1", {}, None)

    assert f"cannot connect to 127.0.0.1:{port}: Connection refused" == str(told.value)


@pytest.mark.asyncio
async def test_a_call_has_a_deadline() -> None:
    """A server that never answers a call is unreachable."""

    async def swallow(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    patience = Patience(call_s=0.1)
    async with listening(swallow) as port, Transport(patience=patience) as transport:
        with pytest.raises(CloudUnreachable):
            await transport.call("POST", f"http://127.0.0.1:{port}/", {}, {})


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.asyncio
async def test_a_file_that_shrinks_is_damage(
    medium: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """A medium that becomes shorter while it is sent is our disk's fault, not the network's."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    trusting = ssl.create_default_context(cafile=str(certificate / "ca.pem"))
    opened = open_slice

    def shrinking(path: Path, **options: object) -> object:
        flow = opened(path, **options)
        os.truncate(path, 1000)
        return flow

    monkeypatch.setattr("device.transport.open_slice", shrinking)
    server = tls if scheme == "https" else None
    async with (
        listening(Sink(), server) as port,
        Transport(patience=QUICK, tls=trusting) as transport,
    ):
        with pytest.raises(SpoolDamaged):
            await transport.send(put(port, scheme=scheme), medium, lambda _: None)


def test_a_medium_that_is_not_there(tmp_path: Path) -> None:
    """A missing or unreadable file is named before anything is sent."""
    with pytest.raises(SpoolDamaged):
        open_slice(tmp_path / "absent", first=0, size_bytes=1, lanes=Lanes(Trickle(0)))
    with pytest.raises(SpoolStorageFailed):
        open_slice(tmp_path, first=0, size_bytes=1, lanes=Lanes(Trickle(0)))


@pytest.mark.asyncio
async def test_closing_twice() -> None:
    """Closing is idempotent, also when nothing was opened."""
    transport = Transport()
    await transport.aclose()
    await transport.aclose()


async def _never(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Serve nobody."""


@pytest.mark.asyncio
async def test_a_small_medium_leaves_with_its_headers(tmp_path: Path) -> None:
    """What is small is in one write with its headers, and counted without them."""
    small = tmp_path / "0001.jpg"
    small.write_bytes(CONTENT[:60_000])
    arrived = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        arrived.append(await reader.readexactly(60_000))
        writer.write(OK)
        await writer.drain()
        await reader.read()

    seen: list[int] = []
    async with listening(take) as port, Transport(patience=QUICK) as transport:
        request = put(port, body_bytes=60_000)
        answer = await transport.send(request, small, seen.append)
        left_bytes = transport.tally.take()

    assert isinstance(answer, Response)
    assert [CONTENT[:60_000]] == arrived
    assert 60_000 == seen[-1]
    assert 60_000 < left_bytes < 61_000


@pytest.mark.asyncio
async def test_a_small_medium_that_is_short_is_damage(tmp_path: Path) -> None:
    """A small file is looked at before a byte of it leaves."""
    small = tmp_path / "0001.jpg"
    small.write_bytes(CONTENT[:999])

    async with Transport(patience=QUICK) as transport:
        with pytest.raises(SpoolDamaged, match="999 bytes"):
            await transport.send(put(1, body_bytes=1000), small, lambda _: None)
