"""Bluetooth pulls on a virtual radio: speed beside smpclient, what cuts cost, and memory.

    python -m tests.bench.bench_ble [--quick] [--json]

Speed is on a radio paced as 2M PHY with a 15 ms interval, in pairs: smpclient downloads from an SMP
file server what Fieldpost then pulls from a native recorder. Cuts and memory are of the agent's own
loop into its spool, in a process of its own, on an unpaced radio.
"""

import argparse
import importlib.util
import json
import logging
import sys
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.ble_pull import Pull, row

MTUS = (247, 498, 517)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much of everything."""

    size_bytes: int
    pairs: int
    pulls: tuple[Pull, ...]


FULL = Plan(
    size_bytes=393_216,
    pairs=5,
    pulls=(
        Pull(driver="native", size_bytes=10_000_000, cuts=10),
        Pull(driver="bota", size_bytes=10_000_000, cuts=10),
        Pull(driver="native", size_bytes=100_000_000),
        Pull(driver="bota", size_bytes=30_000_000),
    ),
)
QUICK = Plan(
    size_bytes=262_144,
    pairs=1,
    pulls=(
        Pull(driver="native", size_bytes=4_000_000, cuts=3),
        Pull(driver="bota", size_bytes=2_000_000, cuts=3),
        Pull(driver="native", size_bytes=10_000_000),
    ),
)


def measure(plan: Plan, talk: Console) -> dict[str, Any]:
    """Run all of it."""
    from tests.bench import ble_speed  # noqa: PLC0415 - needs smpclient

    speeds, pulls = [], []
    for mtu in MTUS:
        talk.print(f"ATT MTU {mtu}, beside smpclient …")
        speeds.append(ble_speed.row(mtu, plan.size_bytes, plan.pairs))
    for pull in plan.pulls:
        talk.print(f"{pull.driver}, {pull.size_bytes:,} bytes, {pull.cuts} cuts …")
        pulls.append(row(pull))
    return {"schema": 1, "bench": "ble", "speed": speeds, "pulls": pulls}


def show(found: dict[str, Any], console: Console) -> None:
    """Print two tables."""
    speed = Table(title="Bluetooth pull: share of the radio's most (2M PHY, 15 ms)")
    for head in ("ATT MTU", "most kB/s", "Fieldpost", "share", "smpclient", "ratio"):
        speed.add_column(head, justify="right")
    speed.add_column("")
    for each in found["speed"]:
        speed.add_row(
            str(each["mtu"]),
            f"{each['most_bps'] / 1000:.1f}",
            f"{each['fieldpost_bps'] / 1000:.1f}",
            f"{each['share']:.1%}",
            f"{each['smpclient_bps'] / 1000:.1f}",
            f"{each['ratio']:.2f}",
            _verdict(each),
        )
    console.print(speed)
    pulls = Table(title="Bluetooth pull into the spool (unpaced radio)")
    pulls.add_column("driver")
    for head in ("bytes", "cuts", "sent twice", "RSS + MiB", "wall s"):
        pulls.add_column(head, justify="right")
    pulls.add_column("")
    for each in found["pulls"]:
        pulls.add_row(
            each["driver"],
            f"{each['bytes']:,}",
            str(each["cuts"]),
            f"{each['resent_share']:.2%}",
            f"{each['rss_growth_mib']:.1f}",
            f"{each['wall_s']:.1f}",
            _verdict(each),
        )
    console.print(pulls)


def _verdict(each: dict[str, Any]) -> str:
    return "ok" if each["ok"] else "BEHIND"


def main() -> int:
    """Run the bench; exit 1 if a row is not what is demanded."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small, and each pair once")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    got = parser.parse_args()
    if importlib.util.find_spec("smpclient") is None:
        print('bench_ble needs smpclient: pip install -e ".[bench]"', file=sys.stderr)
        return 69
    logging.getLogger("smpclient").setLevel(logging.ERROR)  # it warns of its own disconnects
    found = measure(QUICK if got.quick else FULL, Console(stderr=True, width=80))
    if got.json:
        print(json.dumps(found))
    else:
        show(found, Console(width=80))
    return 0 if all(each["ok"] for each in (*found["speed"], *found["pulls"])) else 1


if __name__ == "__main__":
    sys.exit(main())
