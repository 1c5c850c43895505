"""The agent is killed at seeded points of the whole line: nothing is lost, doubled or torn.

SIGKILL stands for the power cut; what a power cut does to the page cache is the spool's own crash
sweep (tests/device/spool). A third of the points kill the restarted agent a second time.
"""

import asyncio
import random
from functools import partial
from pathlib import Path

import pytest

from tests.crash.world import check, gateway, in_a_folder, on_a_line, on_the_air, zygote

POINTS = {"line": 50, "folder": 20, "air": 20, "tus": 15, "ietf": 15}
WORLDS = {
    "line": on_a_line,
    "folder": in_a_folder,
    "air": on_the_air,
    "tus": partial(in_a_folder, protocol="tus"),
    "ietf": partial(in_a_folder, protocol="ietf"),
}
PER_BATCH = 5


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("recorder", "batch"),
    [(name, batch) for name, points in POINTS.items() for batch in range(points // PER_BATCH)],
)
def test_a_killed_agent_ends_where_an_unharmed_one_does(tmp_path: Path, recorder: str, batch: int):
    """Kill, restart: every recording is stored once, whole, and released only after its receipt."""
    broken = asyncio.run(_broken(tmp_path, recorder, batch))

    assert broken == {}


async def _broken(folder: Path, recorder: str, batch: int) -> dict[tuple[int, int], object]:
    """Kill agents at this batch's points; return what the checker found, by point."""
    broken: dict[tuple[int, int], object] = {}
    world = WORLDS[recorder]
    points = POINTS[recorder]
    async with gateway(folder / "gateway") as cloud, zygote() as agents:
        async with world(folder / "clean", cloud, 1_000 + batch) as clean:
            unharmed = await agents.run(clean, 0)
            assert unharmed["exit_code"] == 0, unharmed
            assert await check(clean) == []
            assert ("PATCH" in unharmed["methods"]) == (recorder in {"tus", "ietf"})
        steps, killed = unharmed["steps"], 0
        for number in range(batch, points, points // PER_BATCH):
            chance = random.Random(f"power cut {number}")
            low, high = steps * number // points, steps * (number + 1) // points
            kill_at = 1 + chance.randrange(low, max(high, low + 1))
            async with world(folder / f"{number}", cloud, number) as line:
                told = [await agents.run(line, kill_at)]
                if number % 3 == 0:
                    told.append(await agents.run(line, 1 + chance.randrange(steps)))
                told.append(await agents.run(line, 0))
                found = await check(line)
            killed += told[0] == {"signal": 9}
            if found or told[-1].get("exit_code") != 0:
                broken[number, kill_at] = (found, told)
        # Retries shift the steps a little; a point behind the end kills nobody and proves nothing.
        assert killed >= PER_BATCH - 1
    return broken
