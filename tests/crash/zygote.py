"""Runs the agent in forked children that kill themselves at a chosen step of the straight line.

One JSON order per line on standard input: `{"config": FILE, "kill_at": N, "hci": NAME,
"protocol": NAME}` (0: never; empty names: no Bluetooth, the announced protocol); one JSON answer
per line: `{"signal": 9}` or `{"exit_code": C, "steps": N, …}`. A step is a moment before or after
anything that the world can see: a sync, a rename, an unlink, a database commit, a frame or a value
sent to the recorder, a request sent to the cloud. SIGKILL leaves no time for tidying up, as a power
cut does not.
"""

import asyncio
import json
import os
import signal
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from device import config_file, once
from device.cloud import bota
from device.core.bota_ble import gathering, transfer
from device.drivers import bota as bota_driver
from device.drivers import bota_read, native
from device.links import radio as radios
from device.links.gatt import Gatt
from device.links.serial import SerialLink
from device.progress import Silent
from device.spool.journal import Journal
from device.transport import Transport
from tests.ble import quiet
from tests.ble.bleak_on_bumble import installed
from tests.demo.agent_on_hci import HciRadio

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


def on_the_air(hci: str) -> ExitStack:
    """Replace the system's Bluetooth by this controller; shorten the protocol's silences."""
    quiet.install()
    radios._system_stack = lambda: None
    gathering.QUIET_S = 0.05
    transfer.HASH_S = transfer.QUIET_S = bota_read.QUIET_S = 0.05
    stack = ExitStack()
    stack.enter_context(installed(HciRadio(hci)))
    return stack


def speak(protocol: str) -> None:
    """Let the agent go to each upload URL of the gateway by a protocol that it did not announce."""
    asked = bota.Bota.target

    async def target(*args, **kwargs):
        return replace(await asked(*args, **kwargs), method="POST", protocol=protocol)

    bota.Bota.target = target


def child(config: str, kill_at: int, hci: str, protocol: str) -> dict[str, object]:
    if protocol:
        speak(protocol)
    steps = Steps(kill_at)
    for name in FILE_CALLS:
        steps.around(os, name)
    steps.around(Journal, "_commit")
    steps.around_async(SerialLink, "send")
    steps.around_async(Gatt, "write")
    steps.around_async(Transport, "call")
    methods = set()
    send = Transport.send

    async def note(self, request, *args):
        methods.add(request.method)
        return await send(self, request, *args)

    Transport.send = note
    steps.around_async(Transport, "send")
    loaded = config_file.load(Path(config), {}, needs_token=True)
    with on_the_air(hci) if hci else ExitStack():
        summary = asyncio.run(once.carry(loaded.config, progress=Silent()))
    return {
        "exit_code": summary.exit_code,
        "steps": steps.count,
        "methods": sorted(methods),
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
            told = child(
                str(order["config"]),
                int(str(order["kill_at"])),
                str(order["hci"]),
                str(order["protocol"]),
            )
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
    assert bota_driver
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
