"""What doctor and probe look at: a configuration, a clock, and servers that misbehave."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from device.config import CloudConfig, Config, NetworkConfig, SpoolConfig
from device.config_file import Loaded
from device.doctor import Scene
from device.probe import Probe
from tests.fakes.clock import FakeClock
from tests.fakes.raw_server import listening

TOKEN = "dtok_scene_0123456789abcdef"
DATE = "Sun, 01 Mar 2026 12:00:00 GMT"
"""That of FakeClock."""
NOT_FOUND = b'{"error":{"code":"not_found","message":"there is no such recording"}}'
PORTAL = b"<!DOCTYPE html><html><body>Welcome to the hotel</body></html>"


def config_of(base_url: str, folder: Path, **more) -> Config:
    token = folder / "token"
    if not token.exists():
        token.touch(mode=0o600)
        token.write_text(TOKEN)
    return Config(
        cloud=CloudConfig(base_url=base_url, token_file=token),
        spool=SpoolConfig(path=folder / "spool", min_free_bytes=0),
        **more,
    )


def scene_of(config: Config | None, **more) -> Scene:
    loaded = config and Loaded(config=config, origins={}, files=(), warnings=())
    given = {"problem": None, "environ": {}, "status": None, "trouble": None, "clock": FakeClock()}
    return Scene(loaded=loaded, **{**given, **more})


def probe_of(url: str, config: Config, **more) -> Probe:
    given = {"environ": {}, "clock": FakeClock(), "status": None, "send_bytes": 0}
    return Probe(url=url, config=config, **{**given, **more})


def trusting(folder: Path) -> NetworkConfig:
    return NetworkConfig(ca_file=str(folder / "ca.pem"))


@contextlib.asynccontextmanager
async def answering(
    body: bytes = NOT_FOUND,
    *,
    status: str = "404 Not Found",
    kind: str = "application/json",
    date: str | None = DATE,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """A server that gives everybody the same answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    if date is not None:
        lines.append(f"Date: {date}")
    answer = "\r\n".join((*lines, "", "")).encode() + body

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    await reader.readexactly(int(line.split(b":")[1]))
            writer.write(answer)
            await writer.drain()

    async with listening(serve, tls) as port:
        yield port
