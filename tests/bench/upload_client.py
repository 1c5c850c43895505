"""One upload by the agent's own transport in a process of its own, measured.

    python -m tests.bench.upload_client URL FILE [--protocol P] [--ca CERT] [--header K=V]

Prints one JSON line: wall and CPU seconds, growth of the peak memory over the idle agent, bytes.
"""

import argparse
import asyncio
import json
import os
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

from device.config import UploadConfig
from device.core.uploads import Broken, Cargo, Complete, Gone, Refused, Request, UploadProtocol
from device.core.uploads.classify import SINGLE_PUT, begin
from device.model import Target
from device.transport import Transport
from tests.bench.peak_memory import mark_kib, peak_kib


async def run(got: argparse.Namespace) -> dict[str, object]:
    """Upload one file; cuts are followed by the protocol's own question at once."""
    path: Path = got.file
    headers = tuple(tuple(pair.split("=", 1)) for pair in got.header)
    target = Target(url=got.url, headers=headers, protocol=got.protocol)  # type: ignore[arg-type]
    size_bytes = await asyncio.to_thread(lambda: path.stat().st_size)
    cargo = Cargo(size_bytes=size_bytes, chunk_bytes=got.chunk_bytes or UploadConfig().chunk_bytes)
    protocol = begin(target, cargo, got.protocol or SINGLE_PUT)
    tls = ssl.create_default_context(cafile=got.ca) if got.ca else None
    async with Transport(tls=tls) as transport:
        await transport.send(_nothing(target), path, lambda _: None)
        before_kib = await asyncio.to_thread(mark_kib)
        begun_s, cpu_s = time.perf_counter(), sum(os.times()[:2])
        sent_bytes, broken = await _drive(protocol, transport, path)
        wall_s, cpu_s = time.perf_counter() - begun_s, sum(os.times()[:2]) - cpu_s
    held_kib = await asyncio.to_thread(peak_kib)
    return {
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "rss_mib": held_kib / 1024,
        "rss_growth_mib": (held_kib - before_kib) / 1024,
        "size_bytes": size_bytes,
        "sent_bytes": sent_bytes,
        "broken": broken,
    }


async def _drive(protocol: UploadProtocol, transport: Transport, path: Path) -> tuple[int, int]:
    sent_bytes = broken = 0
    for _ in range(10_000):
        gone = [0]
        answer = await transport.send(protocol.next_request(), path, gone.append)
        sent_bytes += gone[-1]
        broken += isinstance(answer, Broken)
        match protocol.received(answer):
            case Complete():
                return sent_bytes, broken
            case (Gone() | Refused()) as end:
                raise SystemExit(str(end))
            case _:
                pass
    raise SystemExit("never complete")


def _nothing(target: Target) -> Request:
    """A request without a body, so that the pool, DNS and TLS are warm: an idle agent."""
    parts = urlsplit(target.url)
    return Request(method="GET", url=f"{parts.scheme}://{parts.netloc}/")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("file", type=Path)
    parser.add_argument("--protocol")
    parser.add_argument("--ca")
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--chunk-bytes", type=int, default=0)
    print(json.dumps(asyncio.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
