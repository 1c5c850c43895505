"""Serial pulls beside ZMODEM through the same paced, faulty line: the share of the line each gets.

    python -m tests.bench.bench_serial [--quick] [--json] [--only BAUD]

Each row is the median of its runs; each run has its own fault seed, the same for both programs.
Times run from opening the port to a verified digest (ours) or to the end of `rz` (ZMODEM's).
"""

import argparse
import asyncio
import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from device.clock import SystemClock
from device.drivers import Opening
from device.drivers.native import open_native
from tests.bench.serial_recorder import content_of
from tests.bench.serial_rivals import Condition, Result, relay, zmodem

LONGEST_RUN_S = 90.0
NEEDED_SHARE = 0.97
"""Of the line, when it is clean, at the baud rates where `Row.must_fill` holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    condition: Condition
    size_bytes: int
    runs: int

    @property
    def must_fill(self) -> bool:
        """Whether a share of the line is demanded here, and not only to be ahead."""
        return self.condition.name == "clean" and self.condition.baud <= 921_600


FULL = ((115_200, 98_304, 1), (921_600, 327_680, 3), (3_000_000, 786_432, 3))
QUICK = ((3_000_000, 393_216, 1),)
FAULTS = (({}, 1), ({"flip": 1e-5}, 1), ({"flip": 1e-4}, 2), ({"drop": 1e-5}, 1))
"""What is wrong with a line, and by how much a row is shortened, since ZMODEM crawls there."""


def rows(sizes: tuple[tuple[int, int, int], ...]) -> list[Row]:
    """Cross baud rates with faults."""
    return [
        Row(condition=Condition(baud=baud, **fault), size_bytes=size_bytes // less, runs=runs)
        for baud, size_bytes, runs in sizes
        for fault, less in FAULTS
    ]


def ours(condition: Condition, content: bytes, folder: Path) -> Result:
    """Pull `content` with the native driver."""
    with relay(condition, folder) as line:
        recorder = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.bench.serial_recorder", str(line.a)),
                *(str(len(content)), str(condition.seed)),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert recorder.stdout is not None
        recorder.stdout.readline()
        try:
            started, cpu = time.monotonic(), time.process_time()
            sha256 = asyncio.run(_pull(line.b, condition.baud, folder))
            wall_s, cpu_s = time.monotonic() - started, time.process_time() - cpu
        finally:
            recorder.terminate()
            recorder.communicate()
        counts = line.end()
    return Result(
        size_bytes=len(content),
        wall_s=wall_s,
        cpu_s=cpu_s,
        intact=sha256 == hashlib.sha256(content).hexdigest(),
        wire_bytes=int(counts["a_to_b"]),
    )


async def _pull(port: Path, baud: int, folder: Path) -> str:
    opening = Opening(
        url=f"serial://{port}?baud={baud}",
        release="keep",
        clock=SystemClock(),
        cache=folder / "cache",
    )
    digest = hashlib.sha256()
    async with asyncio.timeout(LONGEST_RUN_S):
        driver = await open_native(opening)
        try:
            listing = await driver.recordings()
            recording = listing.recordings[0]
            async for chunk in driver.read(recording, recording.media[0], 0):
                digest.update(chunk)
        finally:
            await driver.aclose()
    return digest.hexdigest()


def measure(row: Row, program: Callable[[Condition, bytes, Path], Result]) -> Result:
    """Run a program through a row's line; return the run of median speed."""
    results = []
    for seed in range(1, row.runs + 1):
        condition = Condition(
            baud=row.condition.baud, flip=row.condition.flip, drop=row.condition.drop, seed=seed
        )
        with tempfile.TemporaryDirectory(prefix="fieldpost-bench-") as folder:
            results.append(program(condition, content_of(row.size_bytes, seed), Path(folder)))
    middle = statistics.median_low([result.wall_s for result in results])
    return next(result for result in results if result.wall_s == middle)


def _zmodem(condition: Condition, content: bytes, folder: Path) -> Result:
    return zmodem(condition, content, folder, timeout_s=LONGEST_RUN_S)


def compare(row: Row) -> dict[str, object]:
    """Measure a row; `ok` says whether it is what is demanded."""
    mine, theirs = measure(row, ours), measure(row, _zmodem)
    baud = row.condition.baud
    ratio = mine.of_line(baud) / theirs.of_line(baud)
    filled = not row.must_fill or mine.of_line(baud) >= NEEDED_SHARE
    return {
        "baud": baud,
        "line": row.condition.name,
        "bytes": row.size_bytes,
        "runs": row.runs,
        "fieldpost_of_line": round(mine.of_line(baud), 4),
        "zmodem_of_line": round(theirs.of_line(baud), 4),
        "ratio": round(ratio, 3),
        "fieldpost_cpu_s": round(mine.cpu_s, 3),
        "zmodem_cpu_s": round(theirs.cpu_s, 3),
        "fieldpost_wire_bytes": mine.wire_bytes,
        "zmodem_wire_bytes": theirs.wire_bytes,
        "zmodem_intact": theirs.intact,
        "ok": mine.intact and ratio > 1.0 and filled,
    }


def _table(found: list[dict[str, object]]) -> Table:
    table = Table(title="Serial pull: share of the line")
    heads = ("baud", "line", "bytes", "Fieldpost", "ZMODEM", "ratio", "CPU s", "rz CPU s", "")
    for head in heads:
        table.add_column(head, justify="left" if head in ("line", "") else "right")
    for row in found:
        table.add_row(
            f"{row['baud']:,}",
            str(row["line"]),
            f"{row['bytes']:,}",
            f"{row['fieldpost_of_line']:.1%}",
            f"{row['zmodem_of_line']:.1%}" + ("" if row["zmodem_intact"] else " (failed)"),
            f"{row['ratio']:.2f}",
            f"{row['fieldpost_cpu_s']:.2f}",
            f"{row['zmodem_cpu_s']:.2f}",
            "ok" if row["ok"] else "BEHIND",
        )
    return table


def main() -> int:
    """Run the bench; exit 1 if a row is not what is demanded."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="one baud rate, small, one run")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--only", type=int, help="this baud rate alone")
    got = parser.parse_args()
    if shutil.which("rz") is None or shutil.which("sz") is None:
        print("bench_serial needs sz and rz: apt install lrzsz", file=sys.stderr)
        return 69
    chosen = rows(QUICK if got.quick else FULL)
    talk = Console(stderr=True, width=100)
    found = []
    for row in chosen:
        if got.only in (None, row.condition.baud):
            talk.print(f"{row.condition.baud:,} baud, {row.condition.name} …")
            found.append(compare(row))
    if got.json:
        print(json.dumps({"schema": 1, "bench": "serial", "rows": found}))
    else:
        Console(width=100).print(_table(found))
    return 0 if all(row["ok"] for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
