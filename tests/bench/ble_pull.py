"""Whole pulls over an unpaced virtual radio: what is sent twice after cuts, and the memory used."""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Any

from tests.bench.ble_host import recorders

MOST_RESENT_SHARE = 0.01
MOST_GROWTH_MIB = 8.0
"""Both are demanded of native recorders; the Bota protocol replays from the first byte.

The memory is demanded of pulls without cuts: hashing a held prefix again takes buffers of 1 MiB
once more, however many cuts there are.
"""

MTU = 517


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """One pull: by which driver, how much, and how often the radio is cut."""

    driver: str
    size_bytes: int
    cuts: int = 0
    seed: int = 10


def row(pull: Pull) -> dict[str, Any]:
    """Pull once; `ok` says whether it is what is demanded."""
    options = ("--mtu", str(MTU), "--cuts", str(pull.cuts))
    with (
        tempfile.TemporaryDirectory(prefix="fieldpost-bench-") as spool,
        recorders(pull.driver, pull.size_bytes, pull.seed, *options) as far,
    ):
        agent = subprocess.run(
            [sys.executable, "-m", "tests.bench.ble_agent", far.hci, pull.driver, spool],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    found = json.loads(agent.stdout)
    resent_share = far.ended["sent_bytes"] / pull.size_bytes - 1
    intact = found["sha256"] == far.sha256
    native = pull.driver == "native"
    flat = pull.cuts > 0 or found["rss_growth_mib"] <= MOST_GROWTH_MIB
    frugal = flat and resent_share <= MOST_RESENT_SHARE
    return {
        "driver": pull.driver,
        "bytes": pull.size_bytes,
        "cuts": found["connections"] - 1,
        "resent_share": resent_share,
        "rss_growth_mib": found["rss_growth_mib"],
        "wall_s": found["wall_s"],
        "intact": intact,
        "ok": intact and found["connections"] > pull.cuts and (not native or frugal),
    }
