"""`fieldpost logs`: what the agent wrote into the system's journal, for people or programs."""

import sys
from argparse import ArgumentParser, Namespace
from contextlib import aclosing
from datetime import date, datetime
from typing import TYPE_CHECKING

from device.cli import exit_codes
from device.cli.invocation import Invocation
from device.cli.output import sentence
from device.documents import plain

if TYPE_CHECKING:
    from device.journald import LogLine

EXAMPLES = (
    ("fieldpost logs -f", "the last lines, and new ones as they come, until Ctrl-C"),
    ("fieldpost logs --since 2h --level warning", "what went wrong in two hours"),
    ("fieldpost logs --entry 3f9a2c --json", "of one recording, a JSON object a line"),
)
_LAST = 200
_NONE = (
    "fieldpost: the journal has no such line of the agent; one that was started by hand logs to its"
    " own terminal"
)
_LEVELS = ("error", "warning", "info", "debug")
_MARKS = {"error": "[xx]", "warning": "[!!]", "info": "    ", "debug": "[..]"}
_COLOURS = {"error": "31", "warning": "33", "debug": "2"}


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("-f", "--follow", action="store_true", help="go on with new lines")
    parser.add_argument(
        "--since", metavar="WHEN", help="10m, 2h, 3d ago; or as journalctl takes it: yesterday"
    )
    parser.add_argument("--entry", metavar="ID", default="", help="lines about one recording")
    parser.add_argument(
        "--level", choices=_LEVELS, default="debug", help="this and graver (default: all)"
    )


def main(args: Namespace, call: Invocation) -> int:
    """Print lines, oldest first: the last 200, or all since a time."""
    call.start_logs()
    import asyncio  # noqa: PLC0415 - `logs --help` need not pay for it

    from device.journald import Wanted, lines, since  # noqa: PLC0415 - as above

    wanted = Wanted(
        since=since(args.since) if args.since else None,
        level=args.level,
        # A recording's lines may lie far back; all are looked through.
        last=0 if args.since or args.entry else _LAST,
        follow=args.follow,
        containing=args.entry,
    )
    colour = call.coloured(sys.stdout)

    async def show() -> bool:
        day: date | None = None
        any_line = False
        async with aclosing(lines(wanted)) as found:  # type: ignore[type-var]  # it is a generator
            async for line in found:
                any_line = True
                if call.json:
                    print(plain.text(_object(line)), flush=True)
                    continue
                here = line.at.astimezone()
                if here.date() != day:
                    day = here.date()
                    print(f"-- {day:%A, %Y-%m-%d} --")
                print(_text(line, here, colour=colour), flush=True)
        return any_line

    if not asyncio.run(show()):
        sys.stderr.write(sentence(_NONE) + "\n")
    return exit_codes.OK


def _object(line: "LogLine") -> dict[str, object]:
    return {"at": line.at, "level": line.level, "message": line.message, "pid": line.pid}


def _text(line: "LogLine", here: datetime, *, colour: bool) -> str:
    mark = _MARKS[line.level]
    if colour and line.level in _COLOURS:
        mark = f"\x1b[{_COLOURS[line.level]}m{mark}\x1b[0m"
    return f"{here:%H:%M:%S} {mark} {line.message}"
