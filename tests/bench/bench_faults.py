"""What a line that drops costs: bytes sent for each byte needed, by every upload protocol.

    python -m tests.bench.bench_faults [--quick] [--json] [--chart docs/upload-drops.svg]

16 MB over a line of 2 MB/s that drops every 2 s on average, at seeded positions that are the same
for everybody, beside `curl --retry` and rclone. Counted is what passed the line. Who has sent five
times the medium and is not done gives up.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from tests.bench import fault_chart
from tests.bench.bench_stores import seaweedfs
from tests.bench.bench_upload import Gateway, fill, gateway
from tests.bench.dropping_line import MEAN_S, RATE_BYTES_PER_S, DroppingLine, drops
from tests.bench.rivals import RCLONE, remote
from tests.servers import tus_node
from tests.servers.parts_signer import PartsSigner
from tests.servers.s3 import BUCKET, S3Server
from tests.servers.tus_node import TusNode

MOST = 5.0
LONGEST_S = 45.0
_PART_BYTES = 5_242_880
"""The least that S3 takes."""
_LOOK_S = 0.1
_RCLONE_PARTS = "rclone, 5 MiB parts"

Program = tuple[Sequence[str], Mapping[str, str]]
"""Arguments, and what is added to the environment."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much of everything."""

    size_bytes: int
    seeds: tuple[int, ...]


FULL = Plan(size_bytes=16_000_000, seeds=(1, 2, 3, 4, 5))
QUICK = Plan(size_bytes=8_000_000, seeds=(1,))


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to bring a medium up: `program` says how, once the port of the line is known."""

    name: str
    to: str
    port: int
    program: Callable[[int], Program]
    is_ours: bool = True


def agent(url: str, file: Path, protocol: str, *options: str) -> Program:
    """Upload with the agent's transport; see upload_client.py."""
    named = (sys.executable, "-m", "tests.bench.upload_client", url, str(file))
    return (*named, "--protocol", protocol, *options), {}


def curl(url: str, file: Path) -> Program:
    """PUT with curl, which starts over after every drop, a second later."""
    retry = ("--retry", "1000", "--retry-all-errors", "--retry-delay", "1")
    return ("curl", "-sS", "-f", "-o", "/dev/null", *retry, "-T", str(file), url), {}


def rclone(port: int, file: Path, *options: str) -> Program:
    """Copy with rclone, as patient as curl."""
    patient = ("--retries", "1000", "--low-level-retries", "1000", "--s3-no-check-bucket")
    target = f"s3:{BUCKET}/{uuid.uuid4().hex}"
    argv = (RCLONE, "copyto", *patient, *options, str(file), target)
    return argv, remote(f"http://127.0.0.1:{port}")


def through(url: str, port: int) -> str:
    """Lead a URL through a line."""
    return urlsplit(url)._replace(netloc=f"127.0.0.1:{port}").geturl()


@asynccontextmanager
async def ways(
    file: Path, store: S3Server, serving: Gateway, node: TusNode | None
) -> AsyncIterator[list[Way]]:
    """Give every way there is; whoever signs parts is up as long as this lasts."""

    def presigned(port: int) -> str:
        return store.presigned("put_object", via=port, Key=uuid.uuid4().hex)

    url, options = await asyncio.to_thread(serving.target, file)
    other_url, _ = await asyncio.to_thread(serving.target, file)
    gateway_port = urlsplit(url).port or 80
    rclone_parts = ("--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M")
    async with PartsSigner(store, uuid.uuid4().hex, _PART_BYTES) as signer:
        parts = await asyncio.to_thread(signer.target)

        def by_parts(port: int) -> Program:
            signer.via = port
            return agent(parts.url, file, "s3_parts")

        found = [
            Way(
                name="chunked_put (GCS)",
                to="fieldpost-gateway",
                port=gateway_port,
                program=lambda port: agent(through(url, port), file, "chunked_put", *options[2:]),
            ),
            Way(
                name="ietf (HTTP draft)",
                to="fieldpost-gateway",
                port=gateway_port,
                program=lambda port: agent(through(other_url, port), file, "ietf"),
            ),
        ]
        if node is not None:
            tus = Way(
                name="tus",
                to="@tus/server",
                port=node.port,
                program=lambda port: agent(f"http://127.0.0.1:{port}/files", file, "tus"),
            )
            found.append(tus)
        yield [
            *found,
            Way(name="s3_parts, 5 MiB", to="SeaweedFS", port=store.port, program=by_parts),
            Way(
                name=_RCLONE_PARTS,
                to="SeaweedFS",
                port=store.port,
                program=lambda port: rclone(port, file, *rclone_parts),
                is_ours=False,
            ),
            Way(
                name="single_put",
                to="SeaweedFS",
                port=store.port,
                program=lambda port: agent(presigned(port), file, "single_put"),
            ),
            Way(
                name="curl --retry",
                to="SeaweedFS",
                port=store.port,
                program=lambda port: curl(presigned(port), file),
                is_ours=False,
            ),
            Way(
                name="rclone copyto",
                to="SeaweedFS",
                port=store.port,
                program=lambda port: rclone(port, file),
                is_ours=False,
            ),
        ]


async def bring(way: Way, size_bytes: int, at: tuple[int, ...], log: Path) -> dict[str, Any]:
    """Upload once over a line of its own, until done or until it has cost too much."""
    async with DroppingLine(way.port, at) as line:
        argv, environ = await asyncio.to_thread(way.program, line.port)
        with log.open("wb") as output:
            running = await asyncio.create_subprocess_exec(
                *argv, env={**os.environ, **environ}, stdout=output, stderr=output
            )
        ended = asyncio.ensure_future(running.wait())
        try:
            async with asyncio.timeout(LONGEST_S):
                while not ended.done() and line.up_bytes < MOST * size_bytes:
                    await asyncio.wait({ended}, timeout=_LOOK_S)
        except TimeoutError:
            pass
        finally:
            if not (is_done := ended.done()):
                running.kill()
        if await ended and is_done:
            said = await asyncio.to_thread(log.read_text)
            raise SystemExit(f"{way.name}: {said[-500:]}")
        share = line.up_bytes / size_bytes
    return {"share": min(share, MOST), "done": is_done, "drops": line.cuts}


async def compare(plan: Plan, folder: Path, talk: Console) -> list[dict[str, Any]]:
    """Bring one medium up by all ways at a time, seed after seed."""
    file = folder / "medium"
    await asyncio.to_thread(fill, file, plan.size_bytes)
    for name in ("weed", "gateway", "tus"):
        (folder / name).mkdir()
    runs: dict[tuple[str, str, bool], list[dict[str, Any]]] = {}
    with seaweedfs(folder / "weed") as store, gateway(folder / "gateway") as serving:
        reason = tus_node.missing()
        node = TusNode(folder / "tus") if reason is None else None
        if reason is not None:
            talk.print(f"no tus: {reason}")
        try:
            for seed in plan.seeds:
                talk.print(f"{plan.size_bytes / 1e6:.0f} MB over a dropping line, seed {seed} …")
                at = drops(seed, 2 * int(MOST * plan.size_bytes))
                async with ways(file, store, serving, node) as every:
                    brought = await asyncio.gather(
                        *(
                            bring(way, plan.size_bytes, at, folder / f"{number}.log")
                            for number, way in enumerate(every)
                        )
                    )
                for way, one in zip(every, brought, strict=True):
                    runs.setdefault((way.name, way.to, way.is_ours), []).append(one)
        finally:
            if node is not None:
                node.daemon.kill()
    return [row(*way, found) for way, found in runs.items()]


def row(name: str, to: str, is_ours: bool, found: list[dict[str, Any]]) -> dict[str, Any]:
    """Sum one way up."""
    shares = [one["share"] for one in found]
    return {
        "name": name,
        "to": to,
        "ours": is_ours,
        "share": statistics.median(shares),
        "least": min(shares),
        "most": max(shares),
        "done": sum(one["done"] for one in found),
        "done_share": statistics.median([one["share"] for one in found if one["done"]] or [MOST]),
        "runs": len(found),
    }


def judge(rows: list[dict[str, Any]]) -> bool:
    """Hold each of our ways against the rivals that can do what it does.

    Who gave up may have sent little: arriving more often counts first, then what it cost.
    """
    by_name = {each["name"]: each for each in rows}
    rivals = [by_name["curl --retry"], by_name["rclone copyto"]]
    for each in rows:
        others = rivals if each["name"] == "single_put" else [*rivals, by_name[_RCLONE_PARTS]]
        each["ok"] = not each["ours"] or all(_no_worse(each, other) for other in others)
    return all(each["ok"] for each in rows)


def _no_worse(mine: dict[str, Any], other: dict[str, Any]) -> bool:
    if mine["done"] != other["done"]:
        return bool(mine["done"] > other["done"])
    return not mine["done"] or mine["done_share"] <= other["done_share"] * 1.02


def measure(plan: Plan, talk: Console) -> dict[str, Any]:
    """Run all of it."""
    with tempfile.TemporaryDirectory(
        prefix="fieldpost-bench-", ignore_cleanup_errors=True
    ) as folder:
        rows = asyncio.run(compare(plan, Path(folder), talk))
    return {
        "schema": 1,
        "bench": "faults",
        "size_bytes": plan.size_bytes,
        "rate_bytes_per_s": RATE_BYTES_PER_S,
        "drop_every_s": MEAN_S,
        "most": MOST,
        "ok": judge(rows),
        "uploads": rows,
    }


def show(found: dict[str, Any], console: Console) -> None:
    """Print a table."""
    size = f"{found['size_bytes'] / 1e6:.0f} MB"
    table = Table(title=f"{size}, 2 MB/s, a drop every 2 s on average: bytes sent / needed")
    table.add_column("through")
    table.add_column("to")
    for head in ("median", "least", "most", "arrived"):
        table.add_column(head, justify="right")
    table.add_column("")
    for each in found["uploads"]:
        table.add_row(
            each["name"],
            each["to"],
            *(f"{each[key]:.2f}" for key in ("share", "least", "most")),
            f"{each['done']} of {each['runs']}",
            ("ok" if each["ok"] else "BEHIND") if each["ours"] else "",
        )
    console.print(table)


def main() -> int:
    """Run the bench; exit 1 if a row is behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and once")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--chart", type=Path, help="write a chart (SVG)")
    got = parser.parse_args()
    found = measure(QUICK if got.quick else FULL, Console(stderr=True, width=80))
    if got.chart is not None:
        got.chart.write_text(fault_chart.svg(found))
    if got.json:
        print(json.dumps(found))
    else:
        show(found, Console(width=80))
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
