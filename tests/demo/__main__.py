"""The main job on embedded defaults: gateway, simulated recorders, agent; every line is cut once.

`python -m tests.demo [--link serial|ble] [--json]`. Exit 0 only if every digest agrees at recorder,
spool and store, the recorders are empty, and what was sent twice is what a cut may cost.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from tests.demo.report import Outcome, document, draw, faults, praise
from tests.demo.stage import PlayerFailed


async def main(link: str, *, as_json: bool) -> int:
    _end_on_sigterm()
    talk = Console(stderr=True, highlight=False)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fieldpost-demo-") as scratch:
        outcome = await _play(link, Path(scratch), talk)
    seconds = time.monotonic() - began
    if as_json:
        print(document(outcome.recordings, seconds))
    else:
        draw(outcome, Console(width=None if sys.stdout.isatty() else 100))
    found = faults(outcome)
    for sentence in found:
        talk.print(f"demo: {sentence}", style="red")
    if not found:
        talk.print(praise(outcome, seconds))
    return 1 if found else 0


async def _play(link: str, folder: Path, talk: Console) -> Outcome:
    if link == "ble":
        from tests.demo import over_ble  # noqa: PLC0415 - needs the extra ble-sim

        return await over_ble.play(folder, talk)
    from tests.demo import over_serial  # noqa: PLC0415 - one of two

    return await over_serial.play(folder, talk)


def _end_on_sigterm() -> None:
    """Let no player outlive a demo that is told to end."""
    running = asyncio.current_task()
    assert running is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument("--link", choices=("serial", "ble"), default="serial")
    parser.add_argument("--json", action="store_true", help="the result as one JSON document")
    asked = parser.parse_args()
    try:
        sys.exit(asyncio.run(main(asked.link, as_json=asked.json)))
    except PlayerFailed as error:
        sys.exit(f"demo: {error}")
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("demo: stopped")
