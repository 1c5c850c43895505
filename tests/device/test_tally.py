"""What leaves this machine is counted on every connection, to its last byte."""

import asyncio
import socket
import threading

import pytest

from device.tally import Tally
from device.transport import Transport


@pytest.fixture
def sink():
    """A server that reads everything and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                with line:
                    while line.recv(65_536):
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def connected(tally: Tally, address) -> socket.socket:
    line = tally.open_socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    line.connect(address)
    return line


def test_each_byte_is_taken_once(sink):
    """What was told is not told again; two connections add up."""
    tally = Tally()
    with connected(tally, sink) as one, connected(tally, sink) as other:
        one.sendall(bytes(1000))
        first = tally.take()
        other.sendall(bytes(10))
        one.sendall(bytes(1))
        second = tally.take()

    assert [1000, 11, 0] == [first, second, tally.take()]


def test_a_closed_connection_is_counted_to_its_end(sink):
    """Bytes sent just before the close are not lost with the descriptor."""
    tally = Tally()
    line = connected(tally, sink)
    line.sendall(bytes(5000))
    line.close()
    line.close()

    assert [5000, 0] == [tally.take(), tally.take()]


def test_a_socket_that_never_connected_costs_nothing():
    """A refused connection leaves no bytes and no trouble."""
    tally = Tally()
    line = tally.open_socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    line.close()

    assert 0 == tally.take()


@pytest.mark.asyncio
async def test_calls_to_the_api_are_counted_too():
    """Headers and bodies of every call leave through the tally, kept alive or not."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        heard.append(len(head) + len(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    heard: list[int] = []
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
    async with server, Transport() as transport:
        await transport.call("POST", url, {}, {"a": "b" * 500})
        taken = transport.tally.take()

    assert heard == [taken]
