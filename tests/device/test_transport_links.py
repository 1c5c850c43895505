"""The transport on bad links: honest figures, a limit that trickles, connections that vanish."""

import asyncio
import contextlib
import socket
import ssl
from itertools import pairwise
from pathlib import Path

import pytest
import trustme

from device.core.uploads import Broken, Request, Response
from device.transport import Patience, Transport
from tests.fakes.raw_server import OK, Sink, head_of, listening
from tests.fakes.uploads import noise

CONTENT = noise(1_500_000)
QUICK = Patience(connect_s=2, call_s=2, stall_s=0.3, response_s=0.3, continue_s=0.05)


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    file = tmp_path / "audio.opus"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture(scope="module")
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


def put(port: int, *, scheme: str = "http", size_bytes: int = len(CONTENT)) -> Request:
    return Request(method="PUT", url=f"{scheme}://127.0.0.1:{port}/o", body_bytes=size_bytes)


@contextlib.asynccontextmanager
async def narrow(serve, tls: ssl.SSLContext | None = None):
    """A server whose kernel takes next to nothing that `serve` has not read."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(handle, sock=listener, ssl=tls, limit=4096)
    try:
        yield listener.getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.asyncio
async def test_what_waits_in_our_kernel_has_not_left(medium: Path, contexts, scheme: str) -> None:
    """At a cut the figure is what the peer's kernel had, though ours had swallowed a megabyte."""
    read = []

    async def take_a_little(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await head_of(reader)
        read.append(len(await reader.readexactly(50_000)))

    server, client = contexts
    seen: list[int] = []
    async with (
        narrow(take_a_little, server if scheme == "https" else None) as port,
        Transport(patience=QUICK, tls=client) as transport,
    ):
        answer = await transport.send(put(port, scheme=scheme), medium, seen.append)

    assert isinstance(answer, Broken)
    assert 50_000 <= seen[-1] < 400_000


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.asyncio
async def test_the_answer_has_its_time_once_all_has_arrived(
    medium: Path, contexts, scheme: str
) -> None:
    """A peer that rests longer than the response time while our queue waits is not given up."""
    patience = Patience(connect_s=2, stall_s=2, response_s=0.15)

    async def rests(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        loop = asyncio.get_running_loop()
        for size_bytes in (1_200_000, 300_000):
            done = asyncio.Event()
            loop.call_later(3 * patience.response_s, done.set)
            await done.wait()
            await reader.readexactly(size_bytes)
        writer.write(OK)
        await writer.drain()
        await reader.read()

    server, client = contexts
    async with (
        narrow(rests, server if scheme == "https" else None) as port,
        Transport(patience=patience, tls=client) as transport,
    ):
        answer = await transport.send(put(port, scheme=scheme), medium, lambda _: None)

    assert isinstance(answer, Response)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.asyncio
async def test_a_limit_trickles(medium: Path, contexts, scheme: str) -> None:
    """150 kB at 200 kB/s take over half a second, and bytes arrive all the while."""
    arrivals: list[float] = []

    async def watch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        left = 150_000
        while left:
            left -= len(await reader.read(left))
            arrivals.append(asyncio.get_running_loop().time())
        writer.write(OK)
        await writer.drain()
        await reader.read()

    server, client = contexts
    async with (
        listening(watch, server if scheme == "https" else None) as port,
        Transport(patience=Patience(), tls=client, max_bytes_per_s=200_000) as transport,
    ):
        began_s = asyncio.get_running_loop().time()
        answer = await transport.send(
            put(port, scheme=scheme, size_bytes=150_000), medium, lambda _: None
        )

    times = [began_s, *arrivals]
    assert isinstance(answer, Response)
    assert times[-1] - began_s > 0.5
    assert max(b - a for a, b in pairwise(times)) < 0.5


@pytest.mark.asyncio
async def test_a_kept_connection_that_was_closed(medium: Path) -> None:
    """A server that closes between two media costs nothing but a new connection."""
    closed = asyncio.Event()
    connections = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await head_of(reader)
        await reader.readexactly(1000)
        writer.write(OK)
        await writer.drain()
        writer.close()
        closed.set()

    answers = []
    async with listening(once) as port, Transport(patience=QUICK) as transport:
        for _ in range(3):
            closed.clear()
            answers.append(await transport.send(put(port, size_bytes=1000), medium, lambda _: None))
            await closed.wait()
            # The end of the stream is in our kernel; the loop reads it before it sends again.
            for _ in range(5):
                await asyncio.sleep(0)

    assert [200, 200, 200] == [a.status for a in answers if isinstance(a, Response)]
    assert 3 == connections


@pytest.mark.asyncio
async def test_a_kept_connection_that_dies_under_a_request(medium: Path) -> None:
    """A body is never sent a second time by the library: what became of it is to be asked."""
    heads = []

    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await head_of(reader))
        await reader.readexactly(1000)
        writer.write(OK)
        await writer.drain()
        heads.append(await head_of(reader))

    async with listening(twice) as port, Transport(patience=QUICK) as transport:
        await transport.send(put(port, size_bytes=1000), medium, lambda _: None)
        answer = await transport.send(put(port, size_bytes=1000), medium, lambda _: None)

    assert isinstance(answer, Broken)
    assert 2 == len(heads)


@pytest.mark.parametrize(("scheme", "handshake_bytes"), [("http", 0), ("https", 200)])
@pytest.mark.asyncio
async def test_what_a_request_costs_on_the_line(
    medium: Path, contexts, scheme: str, handshake_bytes: int
) -> None:
    """Headers, TLS and the calls on the same connection are counted once; progress is the body."""
    server, client = contexts
    sink, seen, spent = Sink(), [], []
    async with (
        listening(sink, server if scheme == "https" else None) as port,
        Transport(patience=QUICK, tls=client) as transport,
    ):
        for _ in range(2):
            await transport.send(put(port, scheme=scheme), medium, seen.append)
            spent.append(transport.tally.take())

    heads = [len(head) for head in sink.heads]
    assert len(CONTENT) == seen[-1]
    # Not more exactly: even loopback retransmits now and then, and that is counted.
    assert heads[0] + handshake_bytes <= spent[0] - len(CONTENT) < 200_000
    assert heads[1] <= spent[1] - len(CONTENT) < 200_000


@pytest.mark.asyncio
async def test_a_cut_costs_what_left(medium: Path) -> None:
    """Counted also when nobody answers: at least what arrived, at most what was handed over."""

    async def cut(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await head_of(reader)
        await reader.readexactly(300_000)

    seen: list[int] = []
    async with listening(cut) as port, Transport(patience=QUICK) as transport:
        await transport.send(put(port), medium, seen.append)
        left_bytes = transport.tally.take()

    assert 300_000 <= seen[-1] <= left_bytes <= len(CONTENT) + 1000
