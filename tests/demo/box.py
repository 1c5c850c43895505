"""The box in the middle: the agent, configured, and run to its end with the terminal as its own."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.demo.cloud import Cloud
from tests.demo.stage import PlayerFailed

LONGEST_RUN_S = 120.0

_CONFIG = """\
[cloud]
base_url = "http://127.0.0.1:{port}/v1"
token_file = "{token_file}"

[spool]
path = "{folder}/spool"

[upload]
chunk_bytes = {chunk_bytes}
"""

_RECORDER = """
[[recorders]]
url = "{url}"
driver = "{driver}"
"""


def configure(
    folder: Path, cloud: Cloud, recorders: Sequence[dict[str, Any]], *, chunk_bytes: int
) -> Path:
    """Write the configuration: this cloud, and recorders as they announced themselves."""
    config = folder / "fieldpost.toml"
    text = _CONFIG.format(
        port=cloud.line.port, token_file=cloud.token_file, folder=folder, chunk_bytes=chunk_bytes
    )
    for each in recorders:
        text += _RECORDER.format(url=each["url"], driver=each.get("driver", "native"))
    config.write_text(text)
    return config


async def carry(config: Path, *program: str | Path) -> int:
    """Run the agent until everything is released or given up; return its exit code.

    Args:
        config: Its configuration.
        program: The command line up to the agent's own arguments.

    Raises:
        PlayerFailed: It does not come to an end.
    """
    process = await asyncio.create_subprocess_exec(
        *program,
        *("-c", str(config), "run", "--once", "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(LONGEST_RUN_S):
            return await process.wait()
    except TimeoutError:
        raise PlayerFailed(f"the agent is not done after {LONGEST_RUN_S:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
