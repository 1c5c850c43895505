"""The main job on Bluetooth: a native and a Bota recorder in the same air, each cut off once."""

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from rich.console import Console

from device.simulate.holding import HeldRecording
from device.simulate.recordings import make_recordings
from tests.ble import quiet
from tests.demo.box import carry, configure
from tests.demo.cloud import cloud
from tests.demo.comparing import compare
from tests.demo.report import Emptied, Outcome, size
from tests.demo.stage import playing, while_playing
from tests.demo.virtual_air import DemoAir, controller_for

PLAYERS = {"recorder": "native recorder", "bota": "Bota recorder"}
"""What `fieldpost simulate` calls them, and people."""
CUT_AFTER_BYTES = {"recorder": 500_000, "bota": 400_000}
CUT_AT_BYTES = 600_000
CHUNK_BYTES = 262_144


async def play(folder: Path, talk: Console) -> Outcome:
    """Carry two recordings of each recorder."""
    quiet.install()
    talk.print("making four recordings of real Opus audio and JPEGs …", style="dim")
    await asyncio.to_thread(_fill, folder)
    air = DemoAir()
    async with AsyncExitStack() as stack:
        far = await stack.enter_async_context(cloud(folder, cut_at_bytes=CUT_AT_BYTES))
        hci = {
            player: await stack.enter_async_context(controller_for(player, air))
            for player in (*PLAYERS, "agent")
        }
        recorders = {
            player: await stack.enter_async_context(
                playing(
                    name,
                    "fieldpost",
                    *("simulate", player, "--ble", hci[player], "--from", str(folder / player)),
                    log=folder / f"{player}.log",
                )
            )
            for player, name in PLAYERS.items()
        }
        said = {player: await recorder.ready() for player, recorder in recorders.items()}
        config = configure(folder, far, list(said.values()), chunk_bytes=CHUNK_BYTES)
        for player, after_bytes in CUT_AFTER_BYTES.items():
            air.cut_once(player, after_bytes)
        talk.print(
            "pulling at the pace of the 2M PHY, which both share; the native recorder is cut off "
            f"after {CUT_AFTER_BYTES['recorder']:,} bytes, the Bota recorder after "
            f"{CUT_AFTER_BYTES['bota']:,}, the connection to the gateway after {CUT_AT_BYTES:,}",
            style="dim",
        )
        agent = (sys.executable, "-m", "tests.demo.agent_on_hci", hci["agent"])
        agent_code = await while_playing(carry(config, *agent), far.gateway, *recorders.values())
        cuts = far.line.cuts
        stored = await far.stored()
    missed = [f"the {name}" for player, name in PLAYERS.items() if player not in air.cut_players]
    if not cuts:
        missed.append("the line to the cloud")
    ended = {player: recorder.last() for player, recorder in recorders.items()}
    recordings = {
        player: compare(said[player], folder / "spool", stored, ended[player]["reread_bytes"])
        for player in PLAYERS
    }
    return Outcome(
        emptied=(
            Emptied(
                name=f"{said['recorder']['serial']} (native)",
                recordings=recordings["recorder"],
                held=ended["recorder"]["held"],
                most_reread_bytes=CHUNK_BYTES,
            ),
            Emptied(
                name=f"{said['bota']['serial']} (bota)",
                recordings=recordings["bota"],
                held=ended["bota"]["held"],
                most_reread_bytes=max(size(each) for each in recordings["bota"]),
                because="one more reading, as its protocol knows no offset",
            ),
        ),
        most_resent_bytes=CHUNK_BYTES,
        missed=missed,
        agent_code=agent_code,
    )


def _fill(folder: Path) -> None:
    """Put the recordings where the recorders find them."""
    _write(folder / "recorder", make_recordings(2, seed=1, images=1, largest_bytes=1_200_000))
    _write(folder / "bota", make_recordings(2, seed=2, images=0, largest_bytes=900_000))


def _write(folder: Path, recordings: tuple[HeldRecording, ...]) -> None:
    for number, recording in enumerate(recordings):
        sub = folder / f"{folder.name} {number}"
        sub.mkdir(parents=True)
        for medium in recording.media:
            file = sub / medium.name
            file.write_bytes(medium.content)
            made_s = medium.captured_at.timestamp()
            os.utime(file, (made_s, made_s))
