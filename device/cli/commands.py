"""The table of commands: a name costs one sentence until it is chosen, then its module is imported.

The module of `spool ls` is `device.cli.cmd_spool_ls`. It holds `EXAMPLES`, `arguments(parser)`, and
`main(args, call) -> exit code`.
"""

import difflib
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from device.cli.invocation import Invocation
from device.errors import UsageInvalid

COMMANDS = {
    "setup": "find recorders, configure, enrol, try it out, and start",
    "run": "carry recordings from recorders to the cloud until stopped",
    "status": "show what is carried, what waits, and why",
    "top": "show live what moves, how fast, and what waits",
    "doctor": "look at everything that carries recordings, and say what to do",
    "probe": "go the way to one recorder or cloud, step by step, and time it",
    "logs": "show what the agent logged, or follow it",
    "bugreport": "pack what a developer needs to know, without secrets, audio or names",
    "reload": "have the running agent read its configuration again",
    "pull": "copy recordings from recorders into the spool now",
    "upload": "send audio and images from this computer as one recording",
    "scan": "show which recorders and serial ports are there",
    "recorders": "look at each configured recorder",
    "recordings ls": "list what this box knows, or what a recorder holds",
    "recordings show": "show one recording along its time, and what happened to it",
    "enrol": "give this box, or a Bota recorder, its token",
    "logout": "forget the token of this box",
    "settings": "show or change how a Bota recorder uploads by itself",
    "release": "have recorders delete now what the cloud has acknowledged",
    "spool ls": "list the recordings in the spool",
    "spool show": "show everything known about one recording",
    "spool verify": "read back every recording and compare its digest",
    "spool requeue": "try a quarantined or waiting recording again",
    "spool export": "rescue recordings to a USB stick or a tar; needs no cloud",
    "spool import": "bring rescued recordings into this computer's spool",
    "spool rebuild": "restore the spool's database from the recordings on disk",
    "quarantine ls": "list what cannot go on, why, and what to do",
    "quarantine show": "show everything known about one of these",
    "config check": "report everything wrong with the configuration",
    "config show": "show each setting and where it was set",
    "config path": "show which configuration files are read",
    "simulate recorder": "be a recorder on a pseudo-terminal, for trying things out",
    "simulate bota": "be a Bota recorder on Bluetooth LE, for trying things out",
    "completion": "print what makes a shell complete this program's words",
    "man": "print or install the manual pages",
    "version": "show the version",
}
GROUPS = {
    "spool": "inspect and rescue what is stored on this computer",
    "quarantine": "see what cannot go on, and why",
    "recordings": "look at recordings, here and on their recorders",
    "config": "inspect the configuration",
    "simulate": "stand in for hardware",
}


class Command(Protocol):
    """A `cmd_….py` module."""

    EXAMPLES: Sequence[tuple[str, str]]

    def arguments(self, parser: ArgumentParser) -> None:
        """Declare what the command takes beyond the global options."""
        ...

    def main(self, args: Namespace, call: Invocation) -> int:
        """Do it; returns the exit code. Errors are `FieldpostError`."""
        ...


def command(name: str) -> Command:
    """Import one command."""
    return cast("Command", import_module(f"device.cli.cmd_{name.replace(' ', '_')}"))


def unknown(words: Sequence[str]) -> UsageInvalid:
    """Say that there is no such command, and which one is nearest."""
    asked = " ".join(words)
    tails = {name.rpartition(" ")[2]: name for name in COMMANDS}
    near = difflib.get_close_matches(asked, [*COMMANDS, *GROUPS], n=1) or [
        tails[each] for each in difflib.get_close_matches(words[-1], tails, n=1)
    ]
    hint = f"fieldpost {near[0]}" if near else "fieldpost --help"
    if words[0] == "recordings" and "://" in words[-1]:
        hint = f"fieldpost recordings ls --recorder {words[-1]}"
    return UsageInvalid(f"there is no command {asked!r}", hint=hint)
