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
from device.core.carry import Links, abreast
from device.core.uploads import (
    Broken,
    Cargo,
    Complete,
    Gone,
    Refused,
    Request,
    Response,
    UploadProtocol,
)
from device.core.uploads.abreast import answered, next_beside
from device.core.uploads.classify import SINGLE_PUT, begin
from device.flights import Flights
from device.model import Target
from device.transport import Transport
from device.upload_slots import UploadSlots
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
    """Send as the agent does: parts beside each other where the link is quick."""
    sent_bytes = broken = 0
    links, slots = Links(), UploadSlots(UploadConfig().workers)

    async def send(request: Request) -> tuple[Response | Broken, int, float]:
        gone, begun_s = [0], time.perf_counter()
        answer = await transport.send(request, path, gone.append)
        return answer, gone[-1], time.perf_counter() - begun_s

    flights = Flights(send, slots)
    async with slots.held(0):
        for _ in range(10_000):
            while (request := next_beside(protocol, flights.under_way)) is not None:
                fares = links.fares(_server(request.url))
                if flights.under_way and not abreast(request.body_bytes, fares):
                    break
                if not flights.start(request):
                    break
            request, (answer, gone_bytes, seconds) = await flights.landed()
            cut = isinstance(answer, Broken)
            if gone_bytes:
                lanes = len(flights.under_way) + 1
                links.note(_server(request.url), gone_bytes, seconds / lanes, dropped=cut)
            sent_bytes += gone_bytes
            broken += cut
            match answered(protocol, request, answer):
                case Complete():
                    return sent_bytes, broken
                case (Gone() | Refused()) as end:
                    raise SystemExit(str(end))
                case _:
                    pass
    raise SystemExit("never complete")


def _server(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _nothing(target: Target) -> Request:
    """A request without a body, so that the pool, DNS and TLS are warm: an idle agent."""
    return Request(method="GET", url=f"{_server(target.url)}/")


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
