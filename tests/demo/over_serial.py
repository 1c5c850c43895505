"""The main job on a serial line: one recorder, unplugged once in the middle of a pull."""

from contextlib import AsyncExitStack
from pathlib import Path

from rich.console import Console

from tests.demo.box import carry, configure
from tests.demo.cloud import cloud
from tests.demo.comparing import compare
from tests.demo.report import Emptied, Outcome
from tests.demo.stage import BIN, playing, while_playing

BAUD = 3_000_000
UNPLUG_AT_BYTES = 1_600_000
REPLUG_AFTER_S = 1.0
CUT_AT_BYTES = 2_000_000
CHUNK_BYTES = 1_048_576


async def play(folder: Path, talk: Console) -> Outcome:
    """Carry three recordings."""
    talk.print("making three recordings of real Opus audio and JPEGs …", style="dim")
    async with AsyncExitStack() as stack:
        far = await stack.enter_async_context(cloud(folder, cut_at_bytes=CUT_AT_BYTES))
        recorder = await stack.enter_async_context(
            playing(
                "recorder",
                "fieldpost",
                *("simulate", "recorder", "--recordings", "3", "--baud", str(BAUD)),
                *("--link", str(folder / "recorder-port"), "--unplug-at", str(UNPLUG_AT_BYTES)),
                *("--replug-after-s", str(REPLUG_AFTER_S)),
                log=folder / "recorder.log",
            )
        )
        simulated = await recorder.ready()
        config = configure(folder, far, [simulated], chunk_bytes=CHUNK_BYTES)
        talk.print(
            f"pulling at {BAUD:,} baud; the recorder is unplugged after {UNPLUG_AT_BYTES:,} bytes, "
            f"the connection to the gateway is cut after {CUT_AT_BYTES:,}",
            style="dim",
        )
        agent_code = await while_playing(carry(config, BIN / "fieldpost"), far.gateway, recorder)
        cuts = far.line.cuts
        stored = await far.stored()
    ended = recorder.last()
    missed = [
        line
        for line, came in (("the serial line", ended["unplugged"]), ("the line to the cloud", cuts))
        if not came
    ]
    return Outcome(
        emptied=(
            Emptied(
                name=simulated["serial"],
                recordings=compare(simulated, folder / "spool", stored, ended["reread_bytes"]),
                held=ended["held"],
                most_reread_bytes=CHUNK_BYTES,
            ),
        ),
        most_resent_bytes=CHUNK_BYTES,
        missed=missed,
        agent_code=agent_code,
    )
