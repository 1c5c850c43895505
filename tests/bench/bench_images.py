"""2,000 images of 20 to 200 KB brought up by the agent, beside `rclone copy`: files per second.

    python -m tests.bench.bench_images [--quick] [--json]

The agent's time is that of its whole way, from entries sealed in the spool to receipts on the disk,
with everything made durable that is to survive a power cut; rclone keeps nothing of its own. Both
have as many files on their way at a time. To SeaweedFS by signed PUTs; and to our gateway, to which
rclone cannot copy. It has each image on the disk before it says so, and is held against `rclone
copy` to a SeaweedFS that was told to do the same; how it does beside the other is printed, too.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.bench_stores import seaweedfs
from tests.bench.bench_upload import gateway
from tests.bench.images_agent import opened, seal
from tests.bench.rivals import rclone, whole
from tests.servers.s3 import BUCKET, S3Server
from tests.servers.seaweedfs import sync_writes

_LEAST_BYTES, _MOST_BYTES = 20_000, 200_000
_PER_RECORDING = 50
AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much of everything."""

    images: int
    to_gateway: int
    rounds: int


FULL = Plan(images=2000, to_gateway=2000, rounds=5)
QUICK = Plan(images=200, to_gateway=100, rounds=1)


def prepare(folder: Path, count: int) -> None:
    """Make images, and a spool that has them sealed."""
    random_ = random.Random(1)
    images = folder / "images"
    images.mkdir(parents=True)
    for number in range(count):
        content = random_.randbytes(random_.randint(_LEAST_BYTES, _MOST_BYTES))
        (images / f"{number:05}.jpg").write_bytes(content)
    spool = opened(folder / "spool")
    try:
        seal(spool, sorted(images.iterdir()), count // _PER_RECORDING)
    finally:
        spool.close()


def agent(prepared: Path, *arguments: str) -> dict[str, Any]:
    """Bring up a copy of a prepared spool; see images_agent.py.

    The copy stays until the bench ends: for a minute or more ext4 looks at each inode that was just
    freed before it takes another, and the next round would pay for that.
    """
    spool = Path(tempfile.mkdtemp(dir=prepared)) / "spool"
    shutil.copytree(prepared / "spool", spool)
    os.sync()  # else the first commit would pay for the copy
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.bench.images_agent", str(spool), *arguments),
            *("--workers", str(AT_ONCE)),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def copied(store: S3Server, prepared: Path, prefix: str) -> dict[str, Any]:
    """Copy the images with rclone."""
    os.sync()
    remote = f"s3:{BUCKET}/{prefix}"
    options = ("--s3-no-check-bucket", "--transfers", str(AT_ONCE))
    return whole(rclone("copy", store.endpoint, *options, str(prepared / "images"), remote))


def measure(plan: Plan, talk: Console) -> dict[str, Any]:
    """Run all of it, in rounds."""
    direct: list[tuple[float, float]] = []
    durably: list[tuple[float, float]] = []
    beside: list[tuple[float, float]] = []
    spent: dict[str, list[float]] = {"ours": [], "gateway": [], "rclone": []}
    with tempfile.TemporaryDirectory(prefix="fieldpost-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for each in ("weed", "durable", "serving"):
            (folder / each).mkdir()
        talk.print(f"sealing {plan.images} images …")
        prepare(folder / "all", plan.images)
        prepare(folder / "some", plan.to_gateway)
        with (
            seaweedfs(folder / "weed") as store,
            seaweedfs(folder / "durable") as durable,
            gateway(folder / "serving") as serving,
        ):
            sync_writes(durable.daemon)
            # At once: beside gigabytes on their way to the disk a new process waits long for it.
            tokens = [serving.another(f"B{number}") for number in range(plan.rounds)]
            for number, token in enumerate(tokens):
                talk.print(f"round {number + 1} of {plan.rounds} …")
                theirs = copied(store, folder / "all", f"r{number}")
                synced = copied(durable, folder / "some", f"r{number}")
                ours = agent(folder / "all", store.endpoint, "--bucket", f"f{number}")
                kept = agent(folder / "some", serving.base_url, "--token", token)
                rate, through = plan.images / theirs["wall_s"], plan.to_gateway / kept["wall_s"]
                direct.append((plan.images / ours["wall_s"], rate))
                durably.append((through, plan.to_gateway / synced["wall_s"]))
                beside.append((through, rate))
                spent["ours"].append(1000 * ours["cpu_s"] / plan.images)
                spent["gateway"].append(1000 * kept["cpu_s"] / plan.to_gateway)
                spent["rclone"].append(1000 * theirs["cpu_s"] / plan.images)
    rows = [
        row("SeaweedFS, signed PUTs", direct, spent["ours"]),
        row("our gateway; rclone: durably, too", durably, spent["gateway"]),
    ]
    return {
        "schema": 1,
        "bench": "images",
        "images": plan.images,
        "at_once": AT_ONCE,
        "rclone_cpu_ms": statistics.median(spent["rclone"]),
        "uploads": rows,
        "gateway_beside_not_durable": statistics.median(mine / other for mine, other in beside),
    }


def row(to: str, pairs: list[tuple[float, float]], cpu_ms: list[float]) -> dict[str, Any]:
    """Compare files per second, pair by pair."""
    ratio = statistics.median(mine / theirs for mine, theirs in pairs)
    return {
        "to": to,
        "files_per_s": statistics.median(mine for mine, _ in pairs),
        "rclone_files_per_s": statistics.median(theirs for _, theirs in pairs),
        "ratio": ratio,
        "cpu_ms": statistics.median(cpu_ms),
        "ok": ratio >= 1,
    }


def show(found: dict[str, Any], console: Console) -> None:
    """Print a table."""
    table = Table(title=f"Images of 20 to 200 KB, {found['at_once']} at a time: files per second")
    table.add_column("to")
    for head in ("Fieldpost", "rclone", "ratio", "CPU ms each", "rclone's"):
        table.add_column(head, justify="right")
    table.add_column("")
    for each in found["uploads"]:
        table.add_row(
            each["to"],
            f"{each['files_per_s']:.0f}",
            f"{each['rclone_files_per_s']:.0f}",
            f"{each['ratio']:.2f}",
            f"{each['cpu_ms']:.1f}",
            f"{found['rclone_cpu_ms']:.1f}",
            "ok" if each["ok"] else "BEHIND",
        )
    console.print(table)
    beside = found["gateway_beside_not_durable"]
    console.print(f"Our gateway beside rclone to SeaweedFS as it is by default: {beside:.2f}")


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
