"""A server that swallows PUTs as fast as the kernel can, in a process of its own.

    python -m tests.bench.upload_sink [--cert CERT --key KEY]

Prints its port as one line, then serves until it is ended. Over plain TCP the bytes are dropped in
the kernel (MSG_TRUNC), so that the client is what is measured.
"""

import argparse
import contextlib
import socket
import ssl
import threading

_BLOCK_BYTES = 1_048_576
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def main() -> None:
    """Listen on a free port of loopback; one thread per connection."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cert")
    parser.add_argument("--key")
    got = parser.parse_args()
    tls = None
    if got.cert:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(got.cert, got.key)
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_serve, args=(connection, tls), daemon=True).start()


def _serve(connection: socket.socket, tls: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError, ValueError):
        wrapped = tls.wrap_socket(connection, server_side=True) if tls else connection
        with wrapped:
            while _swallow_one(wrapped, drop_in_kernel=tls is None):
                pass


def _swallow_one(connection: socket.socket, *, drop_in_kernel: bool) -> bool:
    head = b""
    while b"\r\n\r\n" not in head:
        part = connection.recv(65_536)
        if not part:
            return False
        head += part
    head, _, body = head.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    if fields.get(b"expect") == b"100-continue" and not body:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    left = int(fields.get(b"content-length", b"0")) - len(body)
    block = bytearray(_BLOCK_BYTES)
    flags = socket.MSG_TRUNC if drop_in_kernel else 0
    while left > 0:
        got = connection.recv_into(block, min(left, _BLOCK_BYTES), flags)
        if not got:
            return False
        left -= got
    connection.sendall(_OK)
    return True


if __name__ == "__main__":
    main()
