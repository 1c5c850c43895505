"""Runs the agent in forked children that kill themselves at a chosen step of the straight line.

One JSON order per line on standard input: `{"config": FILE, "kill_at": N}` (0: never); one JSON
answer per line: `{"signal": 9}` or `{"exit_code": C, "steps": N, …}`. A step is a moment
before or after anything that the world can see: a sync, a rename, an unlink, a database commit, a
frame sent to the recorder, a request sent to the cloud. SIGKILL leaves no time for tidying up, as a
power cut does not.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from device import agent, config_file
from device.cloud import bota  # noqa: F401 - imported once here, not in every child
from device.drivers import native
from device.links.serial import SerialLink
from device.progress import Silent
from device.spool.journal import Journal
from device.transport import Transport

FILE_CALLS = ("fsync", "fdatasync", "rename", "replace", "unlink", "mkdir", "rmdir", "ftruncate")


class Steps:
    def __init__(self, kill_at: int) -> None:
        self.count = 0
        self._kill_at = kill_at

    def step(self) -> None:
        self.count += 1
        if self.count == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: object, name: str) -> None:
        original = getattr(owner, name)

        def call(*args, **kwargs):
            self.step()
            answer = original(*args, **kwargs)
            self.step()
            return answer

        setattr(owner, name, call)

    def around_async(self, owner: object, name: str) -> None:
        original = getattr(owner, name)

        async def call(*args, **kwargs):
            self.step()
            answer = await original(*args, **kwargs)
            self.step()
            return answer

        setattr(owner, name, call)


def child(config: str, kill_at: int) -> dict[str, object]:
    steps = Steps(kill_at)
    for name in FILE_CALLS:
        steps.around(os, name)
    steps.around(Journal, "_commit")
    steps.around_async(SerialLink, "send")
    steps.around_async(Transport, "call")
    steps.around_async(Transport, "send")
    loaded = config_file.load(Path(config), {}, needs_token=True)
    summary = asyncio.run(agent.run(loaded.config, once=True, progress=Silent()))
    return {
        "exit_code": summary.exit_code,
        "steps": steps.count,
        "problems": list(summary.problems),
        "states": [entry.state for entry in summary.entries],
    }


def answer(order: dict[str, object]) -> dict[str, object]:
    """Fork, run, and tell how it ended."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        try:
            told = child(str(order["config"]), int(str(order["kill_at"])))
        except BaseException as error:  # noqa: BLE001 - whatever it was, the parent tells it
            told = {"exit_code": 70, "problems": [f"{type(error).__name__}: {error}"]}
        os.write(writing, json.dumps(told).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return {"signal": os.WTERMSIG(status)}
    return json.loads(said)


def main() -> None:
    assert native
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
