"""The main job on embedded defaults: gateway, simulated recorder, agent, one unplug and one cut.

`python -m tests.demo [--json]`. Exit 0 only if every digest agrees at recorder, spool and
store, the recorder is empty, and what was sent twice stays within one chunk per cut.
"""

import asyncio
import json
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.demo.report import compare, document, draw, faults, stored_media
from tests.demo.stage import BIN, FirstLine, PlayerFailed, output, playing
from tests.fakes.chaos_proxy import ChaosProxy, Faults

BAUD = 3_000_000
UNPLUG_AT_BYTES = 1_600_000
REPLUG_AFTER_S = 1.0
CUT_AT_BYTES = 2_000_000
CHUNK_BYTES = 1_048_576
LONGEST_RUN_S = 120.0

CONFIG = """\
[cloud]
base_url = "http://127.0.0.1:{port}/v1"
token_file = "{folder}/token"

[spool]
path = "{folder}/spool"

[[recorders]]
url = "{recorder}"

[upload]
chunk_bytes = {chunk}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was seen when everything had ended."""

    recordings: list[dict[str, Any]]
    held: list[str]
    agent_code: int


async def main(*, as_json: bool) -> int:
    talk = Console(stderr=True, highlight=False)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fieldpost-demo-") as scratch:
        outcome = await _play(Path(scratch), talk)
    seconds = time.monotonic() - began
    allowed = 2 * CHUNK_BYTES  # one unplug, one cut
    resent = sum(recording["bytes_resent"] for recording in outcome.recordings)
    found = faults(outcome.recordings, outcome.held, resent, allowed)
    if outcome.agent_code != 0:
        found.append(f"the agent exited {outcome.agent_code}")
    if as_json:
        print(document(outcome.recordings, seconds))
    else:
        draw(outcome.recordings, Console(width=None if sys.stdout.isatty() else 100))
    for sentence in found:
        talk.print(f"demo: {sentence}", style="red")
    if not found:
        talk.print(
            f"every digest agrees at all three, and the recorder is empty; {resent:,} bytes went "
            f"twice (one unplug and one cut allow {allowed:,}); {seconds:.1f} s"
        )
    return 1 if found else 0


async def _play(folder: Path, talk: Console) -> Outcome:
    key = await _enrol(folder)
    talk.print("making three recordings of real Opus audio and JPEGs …", style="dim")
    gateway_says, recorder_says = FirstLine(), FirstLine()
    port = folder / "recorder-port"
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(
            playing(
                "fieldpost-gateway",
                *("serve", "--data", str(folder / "gateway"), "--listen", "127.0.0.1:0", "--json"),
                log=folder / "gateway.log",
                told=gateway_says,
            )
        )
        recorder = await stack.enter_async_context(
            playing(
                "fieldpost",
                *("simulate", "recorder", "--recordings", "3", "--baud", str(BAUD)),
                *("--link", str(port), "--unplug-at", str(UNPLUG_AT_BYTES)),
                *("--replug-after-s", str(REPLUG_AFTER_S)),
                log=folder / "recorder.log",
                told=recorder_says,
            )
        )
        address = await gateway_says.wait(gateway, folder / "gateway.log")
        simulated = await recorder_says.wait(recorder, folder / "recorder.log")
        gateway_port = int(address["url"].rsplit(":", 1)[1])
        line = await stack.enter_async_context(
            ChaosProxy("127.0.0.1", gateway_port, Faults(cut_up_at=(CUT_AT_BYTES,)))
        )
        config = folder / "fieldpost.toml"
        config.write_text(
            CONFIG.format(
                port=line.port, folder=folder, recorder=simulated["url"], chunk=CHUNK_BYTES
            )
        )
        talk.print(
            f"pulling at {BAUD:,} baud; the recorder is unplugged after {UNPLUG_AT_BYTES:,} bytes, "
            f"the connection to the gateway is cut after {CUT_AT_BYTES:,}",
            style="dim",
        )
        agent_code = await _run_agent(config)
        cuts = line.cuts
        store = await stored_media(f"{address['url']}/v1", key)
    ended = next(each for each in recorder_says.later if each["event"] == "end")
    if not (ended["unplugged"] and cuts):
        raise PlayerFailed("a fault never came, so nothing is proven: run it again")
    return Outcome(
        recordings=compare(simulated["recordings"], folder / "spool", store, ended["reread_bytes"]),
        held=ended["held"],
        agent_code=agent_code,
    )


async def _enrol(folder: Path) -> str:
    """Give the agent a device token; return an API key to look at the store with."""
    data = ("--data", str(folder / "gateway"), "--json")
    device = json.loads(await output("fieldpost-gateway", "devices", "add", "DEMO-BOX", *data))
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(device["device_token"] + "\n")
    key: str = json.loads(await output("fieldpost-gateway", "keys", "add", *data))["api_key"]
    return key


async def _run_agent(config: Path) -> int:
    """Run the agent with the terminal as its own, so that its progress is seen."""
    process = await asyncio.create_subprocess_exec(
        BIN / "fieldpost",
        *("-c", str(config), "run", "--once", "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(LONGEST_RUN_S):
            return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(as_json="--json" in sys.argv[1:])))
    except PlayerFailed as error:
        sys.exit(f"demo: {error}")
