"""Two linked ptys with a paced, faulty line between them, for programs that know only ports.

    python -m tests.bench.pty_relay BAUD LINK_A LINK_B [--flip P] [--drop P] [--seed N]

Prints one JSON line when both ports exist, and one with the byte counts when it is told to end.
"""

import argparse
import asyncio
import json
import os
import signal
from pathlib import Path

from device.simulate.faults import FaultPlan
from device.simulate.pty_line import PtyEnd, PtyLine


async def relay(baud: int, a: Path, b: Path, plan: FaultPlan) -> None:
    """Carry bytes until SIGTERM; faults and pace are those of the simulated recorder's line."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    near = PtyEnd(a)
    line = PtyLine(near.master, b, baud=baud, plan=plan)
    print(json.dumps({"a": near.port, "b": line.far.port}), flush=True)
    async with asyncio.TaskGroup() as group:
        carrying = group.create_task(line.run(), name="line")
        await told.wait()
        carrying.cancel()
    line.close()
    near.close()
    counts = {"a_to_b": line.sent_bytes, "b_to_a": line.received_bytes}
    counts["cpu_s"] = round(sum(os.times()[:2]), 3)
    print(json.dumps(counts), flush=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("baud", type=int)
    parser.add_argument("a", type=Path)
    parser.add_argument("b", type=Path)
    parser.add_argument("--flip", type=float, default=0.0)
    parser.add_argument("--drop", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    got = parser.parse_args()
    plan = FaultPlan(seed=got.seed, flip=got.flip, drop=got.drop)
    asyncio.run(relay(got.baud, got.a, got.b, plan))


if __name__ == "__main__":
    main()
