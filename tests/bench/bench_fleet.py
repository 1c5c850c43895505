"""A fleet of simulated devices against the gateway: how it grows, and what a killed process costs.

    python -m tests.bench.bench_fleet [--quick] [--json] [--docs] [--kill] [--devices N,N,…]

Against one process on SQLite and files, and against two on PostgreSQL and SeaweedFS with requests
alternating between them. Each recording is one audio of 200 KB and ten images of 20 to 60 KB: a
heartbeat, create, one batch of upload URLs, eleven PUTs, upload-complete.

It is a closed loop with think time, since that is what agents are: a device carries one recording
at a time, waits for each answer, then rests (10 s on average, where a real one rests for minutes:
1,000 devices here ask for as much as tens of thousands). So few devices show what a call costs, and
many what the gateway can do at most: latency then grows with those who wait, and nothing is
dropped. A stage begins no recording after its time and ends when the last is acknowledged;
recordings per second are all of them over all of that time. Latency is seen by the devices, which
share two cores with the gateways, database and object store: `client_cpu_s` says how much of them
was the bench's own. PostgreSQL and the gateways wait for the disk, SeaweedFS does not.

At the end of each stage the digest of every medium is compared by the API, and a hundred are read
back. `--kill` ends one of two processes by SIGKILL under load, starts it again seconds later, and
counts rows and objects besides. `--docs` writes docs/fleet.svg and the tables in docs/scale.md.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.bench.fleet_chart import svg
from tests.bench.fleet_check import asked, check, counted
from tests.bench.fleet_device import Device, Seen, contents
from tests.bench.fleet_http import Line
from tests.bench.fleet_page import tables, written
from tests.bench.fleet_sites import Site, one, two

_ROOT = Path(__file__).parents[2]
_RESULT = _ROOT / "build" / "fleet.json"
_REST_S, _STAGE_S = 10.0, 12.0
_QUICK_REST_S, _QUICK_STAGE_S = 1.0, 3.0
_KILL_AFTER_S, _BACK_AFTER_S = 4.0, 8.0
_KILL_DEVICES = 300
_TALK_S = 1.0
_REGISTERED_AT_ONCE = 8
_NETWORK_FILES = 8192


async def tokens(site: Site, count: int) -> list[str]:
    """Register devices and give each its token."""
    lines = [Line() for _ in range(_REGISTERED_AT_ONCE)]

    async def made(line: Line, numbers: range) -> dict[int, str]:
        found = {}
        for number in numbers:
            serial = {"serial_number": f"FLEET-{number:04}"}
            device = await asked(line, site, "POST", "/v1/devices", serial)
            path = f"/v1/devices/{device['id']}/bind"
            bound = await asked(line, site, "POST", path, {"end_user_id": "fleet"})
            found[number] = bound["device_token"]
        line.close()
        return found

    shares = [range(first, count, len(lines)) for first in range(len(lines))]
    parts = await asyncio.gather(*map(made, lines, shares))
    found = {number: token for part in parts for number, token in part.items()}
    return [found[number] for number in range(count)]


class Load:
    """What runs against a site."""

    def __init__(self, site: Site, talk: Console, *, rest_s: float, stage_s: float) -> None:
        self._site = site
        self._talk = talk
        self._rest_s = rest_s
        self._stage_s = stage_s
        self._bodies = contents(seed=7)
        self._stages = 0

    async def run(self, all_tokens: Sequence[str], *, kill: bool = False) -> dict[str, Any]:
        """Run one stage with a device for each token; answers what was seen."""
        self._stages += 1
        seen = Seen()
        # A key of one stage must not meet another's.
        devices = [
            Device(f"s{self._stages}-{number}", token, self._site.urls, self._bodies, number)
            for number, token in enumerate(all_tokens)
        ]
        self._site.mark()
        before, client_s = self._site.spent(), sum(os.times()[:2])
        begun_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            talking = group.create_task(self._progress(seen, len(devices)))
            killing = [group.create_task(self._kill())] if kill else []
            until_s = begun_s + self._stage_s
            lives = [
                group.create_task(device.live(seen, until_s, self._rest_s)) for device in devices
            ]
            await asyncio.wait(lives)
            await asyncio.gather(*killing)
            talking.cancel()
        after = self._site.spent()
        wall_s = seen.last_s - begun_s
        found = {
            "devices": len(devices),
            "recordings": len(seen.stored),
            "recordings_per_s": len(seen.stored) / wall_s,
            "wall_s": wall_s,
            "calls_ms": {call: _spread(times) for call, times in seen.seconds.items()},
            "gateway_cpu_s": after[0] - before[0],
            "gateway_cpu_ms_each": 1000 * (after[0] - before[0]) / max(1, len(seen.stored)),
            "others_cpu_s": after[1] - before[1],
            "client_cpu_s": sum(os.times()[:2]) - client_s,
            "gateway_rss_mib": self._site.peak_mib(),
            "retried": seen.retried,
            "wrong": seen.wrong,
            "unacknowledged": seen.begun - len(seen.stored),
            "checked": await check(self._site, seen.stored),
        }
        if kill:
            found["counted"] = await counted(self._site, seen.stored)
        return found

    async def _progress(self, seen: Seen, devices: int) -> None:
        begun_s = time.monotonic()
        while True:
            await asyncio.sleep(_TALK_S)
            passed_s = time.monotonic() - begun_s
            self._talk.print(
                f"{self._site.name}: {devices} devices, {passed_s:3.0f} s, "
                f"{len(seen.stored)} of {seen.begun} recordings, {seen.retried} retries",
                end="\r" if self._talk.is_terminal else "\n",
            )

    async def _kill(self) -> None:
        """End a process as a power cut would, and start it again after some seconds."""
        await asyncio.sleep(_KILL_AFTER_S)
        self._site.processes[-1].kill()
        self._talk.print("killed one process")
        await asyncio.sleep(_BACK_AFTER_S - _KILL_AFTER_S)
        await self._site.restart(-1)
        self._talk.print("it serves again")


def _spread(times_s: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times_s, n=100) if len(times_s) > 1 else [times_s[0]] * 99
    return {"p50": 1000 * cuts[49], "p99": 1000 * cuts[98], "count": len(times_s)}


def grown(
    opened: AbstractContextManager[Site], counts: Sequence[int], talk: Console, *, quick: bool
) -> dict[str, Any]:
    """Run the stages of one site."""
    with opened as site:
        talk.print(f"{site.name}: {max(counts)} devices are registered …")
        each = asyncio.run(tokens(site, max(counts)))
        load = Load(site, talk, **_pace(quick))
        stages = [asyncio.run(load.run(each[:count])) for count in counts]
        return {"name": site.name, "processes": len(site.processes), "stages": stages}


def killed(count: int, talk: Console, *, quick: bool) -> dict[str, Any]:
    """Kill one of two processes under load."""
    with two() as site:
        talk.print(f"{count} devices are registered, one of two processes will be killed …")
        load = Load(site, talk, **{**_pace(quick), "stage_s": _STAGE_S})
        each = asyncio.run(tokens(site, count))
        return asyncio.run(load.run(each, kill=True))


def _pace(quick: bool) -> dict[str, float]:
    if quick:
        return {"rest_s": _QUICK_REST_S, "stage_s": _QUICK_STAGE_S}
    return {"rest_s": _REST_S, "stage_s": _STAGE_S}


def wrongs(found: dict[str, Any]) -> list[str]:
    """Name what must not be."""
    said = []
    for site in found["sites"]:
        for stage in site["stages"]:
            at = f"{site['name']}, {stage['devices']} devices"
            if stage["retried"] or stage["unacknowledged"]:
                said.append(f"{at}: errors: {stage['wrong']}")
            if stage["checked"]["lost"]:
                said.append(f"{at}: {stage['checked']['lost']} recordings or media are lost")
    if (kill := found.get("killed")) is not None:
        if kill["checked"]["lost"] or kill["unacknowledged"]:
            said.append(f"after the kill: lost {kill['checked']['lost']}")
        if kill["counted"]["duplicated"]:
            said.append(f"after the kill: {kill['counted']['duplicated']} duplicates")
        if kill["counted"]["told"] != kill["recordings"]:
            said.append(f"after the kill: {kill['counted']['told']} events of recordings stored")
        if not kill["retried"]:
            said.append("after the kill: nobody met it, so it proves nothing")
    return said


def main() -> int:
    """Run the bench; exit 1 if anything failed, was lost, or is there twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few devices, seconds")
    parser.add_argument("--kill", action="store_true", help="only the killed process")
    parser.add_argument("--devices", help="other numbers of devices, between commas")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--docs", action="store_true", help="write the chart and the tables")
    got = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_NETWORK_FILES, most), most))
    talk = Console(stderr=True, width=100)
    counts = [5, 20] if got.quick else [10, 30, 100, 300, 1000]
    if got.devices:
        counts = [int(each) for each in got.devices.split(",")]
    found: dict[str, Any] = {"schema": 1, "bench": "fleet", "cpus": os.cpu_count(), "sites": []}
    if not got.kill:
        found["sites"] = [grown(site(), counts, talk, quick=got.quick) for site in (one, two)]
    found["killed"] = killed(20 if got.quick else _KILL_DEVICES, talk, quick=got.quick)
    _RESULT.parent.mkdir(exist_ok=True)
    _RESULT.write_text(json.dumps(found, indent=1))
    if got.docs:
        (_ROOT / "docs" / "fleet.svg").write_text(svg(found))
        page = _ROOT / "docs" / "scale.md"
        page.write_text(written(page.read_text(), found))
    print(json.dumps(found) if got.json else tables(found))
    for said in (wrong := wrongs(found)):
        talk.print(f"WRONG: {said}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
