"""`fieldpost bugreport`: pack what a developer needs to know, without what is private."""

import socket
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from device.cli import exit_codes
from device.cli.agent_client import AgentClient
from device.cli.invocation import Invocation
from device.cli.output import document
from device.cli.scene import scene_of
from device.errors import FieldpostError
from device.words import count, printable, size

if TYPE_CHECKING:
    from device.doctor import Scene

EXAMPLES = (
    ("fieldpost bugreport", "show what would be in it, ask, and write it here"),
    ("fieldpost bugreport --yes -o /media/stick/r.tar.gz", "onto a stick, without asking"),
)
_DEV_LOG = Path("/dev/log")
_NOTICE = b"<13>fieldpost-bugreport: "
"""Facility user, severity notice (RFC 3164)."""


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path,
        help="where to (default: fieldpost-MARKER.tar.gz in this folder)",
    )  # fmt: skip
    parser.add_argument("-y", "--yes", action="store_true", help="write it without asking")


def main(args: Namespace, call: Invocation) -> int:
    """Gather, show what it holds, ask, write, and log the marker."""
    call.start_logs()
    import asyncio  # noqa: PLC0415 - `bugreport --help` need not pay for it

    from device.bugreport.packing import new_marker, report, write  # noqa: PLC0415 - as above

    scene = scene_of(call)
    if call.draws():
        sys.stderr.write("gathering; this takes up to a minute …\n")
    made = asyncio.run(report(scene, new_marker()))
    place = args.output or Path(f"fieldpost-{made.marker}.tar.gz")
    if not call.json:
        for name, content in sorted(made.files.items()):
            print(f"  {name:<16} {size(len(content)):>10}")
        print(f"{count(len(made.files), 'file')}, {size(len(made.archive))} packed, {made.marker}")
        print("no audio, tokens, names of people or positions are in it; look for yourself:")
        print(f"  tar -xzOf {printable(str(place))} | less")
    if not args.yes and call.asks() and not _agreed(place):
        sys.stderr.write("nothing was written\n")
        return exit_codes.FAILED
    write(made.archive, place)
    logged = _logged(made.marker, scene, call)
    if call.json:
        document(
            {
                "marker": made.marker,
                "file": place.absolute(),
                "bytes": len(made.archive),
                "files": {name: len(content) for name, content in sorted(made.files.items())},
                "logged": logged,
            }
        )
    else:
        print(f"written: {printable(str(place))}")
        print(f"tell us the marker when you write: {made.marker}")
    return exit_codes.OK


def _agreed(place: Path) -> bool:
    sys.stderr.write(f"write {printable(str(place))}? [Y/n] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"", "y", "yes"}


def _logged(marker: str, scene: "Scene", call: Invocation) -> str | None:
    """Have the marker in the log, so that the lines around it can be found; None: nowhere."""
    if scene.loaded is not None:
        try:
            client = AgentClient.of(scene.loaded.config, call.environ)
            client.post("/v1/bugreport", {"marker": marker})
        except FieldpostError:
            pass
        else:
            return "agent"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            log.settimeout(1.0)
            log.connect(str(_DEV_LOG))
            log.send(_NOTICE + f"a bug report was made, marker {marker}".encode())
    except OSError:
        return None
    return "syslog"
