"""How the gateway listens, and what it logs of bytes that it cannot read."""

import asyncio
import socket
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from gateway.config import GatewayConfig
from gateway.serve import _listening


def test_vanished_clients_are_noticed_within_minutes(tmp_path):
    """An accepted connection whose peer is gone does not stay open for hours."""
    config = GatewayConfig(data=tmp_path, secret=b"s" * 32)
    with (
        closing(_listening(config)) as listening,
        closing(socket.create_connection(listening.getsockname())),
    ):
        accepted, _ = listening.accept()
        with closing(accepted):
            idle_s, every_s, times, unacked_ms = (
                accepted.getsockopt(socket.IPPROTO_TCP, option)
                for option in (
                    socket.TCP_KEEPIDLE,
                    socket.TCP_KEEPINTVL,
                    socket.TCP_KEEPCNT,
                    socket.TCP_USER_TIMEOUT,
                )
            )

    assert idle_s + every_s * times <= 120
    assert unacked_ms == 120_000


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "line",
    [
        b"GET /livez HTTP/1.1\r\nAuthorization: Bearer dtok_SECRET\x01",
        b"GET /livez HTTP/1.1\r\nAuthorization: Bearer dtok_SECRET" + b"a" * 20_000,
        b"PUT /v1/uploads/m?expires=1&signature=SECRET\xff HTTP/1.1",
    ],
)
async def test_bytes_that_cannot_be_read_are_not_quoted(api, caplog, line):
    """A broken request with a secret in it leaves one line without it, and no traceback."""
    caplog.set_level("INFO")
    parts = urlsplit(api.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(line + b"\r\nHost: x\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    said = [r.getMessage() for r in caplog.records if r.name == "gateway.wire"]

    assert b" 400 " in answer
    assert said == ["A request could not be read."]
    assert "SECRET" not in caplog.text
