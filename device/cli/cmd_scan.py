"""`fieldpost scan`: show which recorders and serial ports are there, configured or not."""

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING

from device.cli.invocation import Invocation
from device.cli.output import document, sentence, width
from device.words import printable

if TYPE_CHECKING:
    from device.cli.around import Around

EXAMPLES = (
    ("fieldpost scan", "recorders on Bluetooth, and serial ports"),
    ("fieldpost scan --ble --seconds 15", "listen longer, Bluetooth only"),
    ("fieldpost scan --open", "connect to each and ask who it is"),
)

LONGEST_S = 300.0


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--ble", action="store_true", help="look on Bluetooth only")
    which.add_argument("--serial", action="store_true", help="list serial ports only")
    parser.add_argument(
        "--seconds", metavar="N", type=_seconds, default=5.0, help="how long to listen (default: 5)"
    )
    parser.add_argument(
        "--adapter", metavar="NAME", type=_adapter, help="Bluetooth adapter, such as hci1"
    )
    parser.add_argument(
        "--open",
        action="store_true",
        help="connect to each, serial ports too, and ask who it is and what it holds",
    )


def main(args: Namespace, call: Invocation) -> int:
    """Look, and open nothing unless asked to."""
    call.start_logs()
    config = call.config()
    import asyncio  # noqa: PLC0415 - needed here alone

    from device.cli import around, scan_views  # noqa: PLC0415 - they import the links

    def telling(line: str) -> None:
        if call.draws():
            sys.stderr.write(f"{printable(line)}\n")

    async def look() -> "Around":
        found = await around.look_around(
            config,
            ble=not args.serial,
            serial=not args.ble,
            adapter=args.adapter,
            seconds=args.seconds,
        )
        return await around.open_each(found, config, telling) if args.open else found

    if not args.serial:
        telling(f"scanning {args.seconds:g} s …")
    found = asyncio.run(look())
    if call.json:
        document(scan_views.as_object(found))
        return 0
    for line in scan_views.lines(found, width()):
        print(line)
    if found.problem:
        sys.stderr.write(sentence(f"fieldpost: {printable(str(found.problem))}") + "\n")
        if found.problem.hint:
            sys.stderr.write(sentence(f"  try: {printable(found.problem.hint)}") + "\n")
    return 0


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds") from error
    if not 0.0 < seconds <= LONGEST_S:
        raise ArgumentTypeError(f"{text!r} is not above 0 and at most {LONGEST_S:.0f}")
    return seconds


def _adapter(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]+", text):
        raise ArgumentTypeError(f"{text!r} is not a name such as hci0")
    return text
