"""One large medium to S3 servers that nobody here wrote, beside `curl -T` and `rclone copyto`.

    python -m tests.bench.bench_stores [--quick] [--json]

Through presigned multipart (`s3_parts`) and through one presigned PUT (`single_put`), to SeaweedFS
and to the JuiceFS gateway (MinIO's S3). Every round sends the same file by all four ways, in a
changing order, to a server that was started afresh; ratios are taken within a round. CPU is of the
client's process alone.
"""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.bench_upload import fill, ours
from tests.bench.rivals import curl, rclone, whole
from tests.servers import juicefs
from tests.servers.parts_signer import PartsSigner
from tests.servers.s3 import BUCKET, S3Server
from tests.servers.seaweedfs import SeaweedFS

_MIB = 1_048_576
_PARTS = 64
"""As our gateway cuts a medium of this size."""
_LEAST_PART_BYTES = 5 * _MIB
_URLS_AT_ONCE = 16
WALL_LIMIT, CPU_LIMIT, RCLONE_CPU_LIMIT = 1.05, 1.2, 0.25
WAYS = ("curl", "rclone", "s3_parts", "single_put")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much of everything."""

    size_bytes: int
    rounds: int


# Each order twice: who goes after whom is worth a tenth of the wall.
FULL = Plan(size_bytes=1024 * _MIB, rounds=8)
QUICK = Plan(size_bytes=64 * _MIB, rounds=1)


@contextmanager
def seaweedfs(folder: Path) -> Iterator[S3Server]:
    """Start SeaweedFS on an empty folder."""
    server = SeaweedFS(folder)
    try:
        yield S3Server(server.daemon, server.s3)
    finally:
        server.daemon.kill()


@contextmanager
def juicefs_gateway(folder: Path) -> Iterator[S3Server]:
    """Start the JuiceFS gateway on an empty folder."""
    daemon = juicefs.start(folder)
    try:
        yield S3Server(daemon, daemon.ports[0])
    finally:
        daemon.kill()


STORES = {"SeaweedFS": seaweedfs, "JuiceFS": juicefs_gateway}


def part_bytes(size_bytes: int) -> int:
    """Size parts as our gateway does: some 64, none below S3's least."""
    return max(_LEAST_PART_BYTES, -(-size_bytes // _PARTS // _MIB) * _MIB)


async def by_parts(store: S3Server, file: Path, key: str) -> dict[str, Any]:
    """Send through presigned parts; who signs them is another process than who sends."""
    size_bytes = await asyncio.to_thread(lambda: file.stat().st_size)
    async with PartsSigner(store, key, part_bytes(size_bytes)) as signer:
        signer.per_document = _URLS_AT_ONCE
        target = await asyncio.to_thread(signer.target)
        return await asyncio.to_thread(ours, target.url, file, "--protocol", "s3_parts")


def send(way: str, store: S3Server, file: Path, key: str) -> dict[str, Any]:
    """Send a file once."""
    match way:
        case "curl":
            return whole(curl(store.presigned("put_object", Key=key), file))
        case "rclone":
            remote = f"s3:{BUCKET}/{key}"
            return whole(
                rclone("copyto", store.endpoint, "--s3-no-check-bucket", str(file), remote)
            )
        case "s3_parts":
            return asyncio.run(by_parts(store, file, key))
        case _:
            return ours(store.presigned("put_object", Key=key), file)


def rounds(
    start: Callable[[Path], Any], file: Path, folder: Path, plan: Plan
) -> list[dict[str, dict[str, Any]]]:
    """Send by every way in every round; no way is always first."""
    turned = [WAYS[n:] + WAYS[:n] for n in range(len(WAYS))]
    orders = itertools.cycle(way[:: (-1) ** n] for n, way in enumerate(turned))
    found = []
    for number, order in zip(range(plan.rounds), orders, strict=False):
        with (
            tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place,
            start(Path(place)) as store,
        ):
            one = {}
            for way in order:
                os.sync()  # else a way pays for what the one before has left to be written
                one[way] = send(way, store, file, f"{number}-{way}")
            found.append(one)
    return found


def row(store: str, way: str, found: list[dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """Compare one of our ways with both rivals; medians."""

    def middle(who: str, what: str) -> float:
        return statistics.median(each[who][what] for each in found)

    def ratio(rival: str, what: str) -> float:
        return statistics.median(each[way][what] / each[rival][what] for each in found)

    made: dict[str, Any] = {"store": store, "way": way}
    for who in (way, "curl", "rclone"):
        name = "ours" if who == way else who
        made |= {f"{name}_{what}": middle(who, what) for what in ("wall_s", "cpu_s", "rss_mib")}
    made["wall_ratio"] = ratio("curl", "wall_s")
    made["cpu_ratio"] = ratio("curl", "cpu_s")
    made["rclone_cpu_ratio"] = ratio("rclone", "cpu_s")
    made["ok"] = (
        made["wall_ratio"] <= WALL_LIMIT
        and made["cpu_ratio"] <= CPU_LIMIT
        and made["rclone_cpu_ratio"] <= RCLONE_CPU_LIMIT
    )
    return made


def measure(plan: Plan, talk: Console) -> dict[str, Any]:
    """Run all of it."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="fieldpost-bench-") as name:
        folder = Path(name)
        file = folder / "medium"
        size = {"size_bytes": plan.size_bytes}
        fill(file, plan.size_bytes)
        for store, start in STORES.items():
            talk.print(f"{plan.size_bytes // _MIB} MiB to {store}, {plan.rounds} rounds …")
            found = rounds(start, file, folder, plan)
            rows += [size | row(store, way, found) for way in ("s3_parts", "single_put")]
    return {"schema": 1, "bench": "stores", "uploads": rows}


def show(found: dict[str, Any], console: Console) -> None:
    """Print two tables."""
    table = Table(title="One large medium: ratios, median of the rounds (limits in the head)")
    table.add_column("to")
    table.add_column("through")
    for head in (
        f"wall / curl\n≤ {WALL_LIMIT}",
        f"CPU / curl\n≤ {CPU_LIMIT}",
        f"CPU / rclone\n≤ {RCLONE_CPU_LIMIT}",
    ):
        table.add_column(head, justify="right")
    table.add_column("")
    for each in found["uploads"]:
        ratios = (f"{each[key]:.2f}" for key in ("wall_ratio", "cpu_ratio", "rclone_cpu_ratio"))
        verdict = "ok" if each["ok"] else "BEHIND"
        table.add_row(each["store"], each["way"], *ratios, verdict)
    console.print(table)
    seconds = Table(title="wall s, CPU s, peak RSS MiB")
    for head in ("to", "MiB", "through", "Fieldpost", "curl -T", "rclone copyto"):
        seconds.add_column(head)
    for each in found["uploads"]:
        cells = (
            f"{each[f'{who}_wall_s']:.1f} {each[f'{who}_cpu_s']:.2f} {each[f'{who}_rss_mib']:.0f}"
            for who in ("ours", "curl", "rclone")
        )
        mib = str(each["size_bytes"] // _MIB)
        seconds.add_row(each["store"], mib, each["way"], *cells)
    console.print(seconds)


def main() -> int:
    """Run the bench; exit 1 if a row is behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and once")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    got = parser.parse_args()
    found = measure(QUICK if got.quick else FULL, Console(stderr=True, width=80))
    if got.json:
        print(json.dumps(found))
    else:
        show(found, Console(width=80))
    return 0 if all(each["ok"] for each in found["uploads"]) else 1


if __name__ == "__main__":
    sys.exit(main())
