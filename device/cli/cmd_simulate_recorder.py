"""`fieldpost simulate recorder`: be a recorder on a pseudo-terminal, or on Bluetooth LE."""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from device.cli.invocation import Invocation
from device.errors import UsageInvalid

EXAMPLES = (
    (
        "fieldpost simulate recorder --from ./recordings --link /tmp/recorder",
        "real files, a folder per recording, until Ctrl-C",
    ),
    (
        "fieldpost simulate recorder --flip 1e-5 --unplug-at 500000",
        "a bad line that is unplugged once",
    ),
    ("fieldpost simulate recorder --ble usb:0", "on Bluetooth LE, on a spare USB adapter"),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    contents = parser.add_argument_group("contents")
    contents.add_argument(
        "--recordings", metavar="N", type=count, default=3, help="how many to make up (3)"
    )
    contents.add_argument(
        "--from", dest="source", metavar="DIR", type=Path, help="take them from this folder instead"
    )
    contents.add_argument("--seed", type=int, default=0, help="another seed, other recordings (0)")
    line = parser.add_argument_group("line")
    line.add_argument(
        "--ble", metavar="HCI",
        help="Bluetooth LE, without faults, on this controller: usb:0, serial:/dev/ttyACM0, vhci,"
        " tcp-client:HOST:PORT",
    )  # fmt: skip
    line.add_argument(
        "--pairing", action="store_true", help="with --ble: let only hosts in that paired"
    )
    line.add_argument(
        "--baud", type=count, default=3_000_000, help="how fast the line is (3000000)"
    )
    line.add_argument("--link", metavar="PATH", type=Path, help="name of the port; default: fresh")
    line.add_argument(
        "--flip", metavar="P", type=_chance, default=0.0, help="chance per byte of a flipped bit"
    )
    line.add_argument(
        "--drop", metavar="P", type=_chance, default=0.0, help="chance per byte of being lost"
    )
    line.add_argument(
        "--unplug-at", metavar="BYTES", type=count, action="append", default=[],
        help="unplug after so many bytes; may be repeated",
    )  # fmt: skip
    line.add_argument(
        "--replug-after-s", metavar="S", type=float, default=1.0, help="plug in again then (1)"
    )
    line.add_argument(
        "--reboot-at", metavar="BYTES", type=count, action="append", default=[],
        help="restart the recorder after so many bytes; may be repeated",
    )  # fmt: skip
    line.add_argument(
        "--boot-garbage", action="store_true", help="print boot messages on the line at each start"
    )


def main(args: Namespace, call: Invocation) -> int:
    """Print one JSON document per event and stay until SIGTERM or SIGINT.

    A person at a terminal gets the url on a line of its own before.
    """
    call.start_logs()
    import asyncio  # noqa: PLC0415 - needed here alone

    from device.simulate.faults import FaultPlan  # noqa: PLC0415 - heavy, needed here alone
    from device.simulate.recorder import SimulateOptions, simulate  # noqa: PLC0415 - as above

    pty_only = {
        "--link": args.link,
        "--flip": args.flip,
        "--drop": args.drop,
        "--unplug-at": args.unplug_at,
        "--reboot-at": args.reboot_at,
        "--boot-garbage": args.boot_garbage,
    }
    given = [name for name, value in pty_only.items() if value]
    if args.ble and given:
        raise UsageInvalid(f"{', '.join(given)} cannot be used with --ble: there is no serial line")
    if args.pairing and not args.ble:
        raise UsageInvalid("--pairing is for Bluetooth: name a controller too", hint="--ble usb:0")
    options = SimulateOptions(
        recordings=args.recordings,
        source=args.source,
        seed=args.seed,
        baud=args.baud,
        link=args.link,
        hci=args.ble,
        pairing=args.pairing,
        faults=FaultPlan(
            seed=args.seed,
            flip=args.flip,
            drop=args.drop,
            unplug_at=tuple(sorted(args.unplug_at)),
            replug_after_s=args.replug_after_s,
            reboot_at=tuple(sorted(args.reboot_at)),
            boot_garbage=args.boot_garbage,
        ),
    )
    plain = sys.stdout.isatty() and not call.json

    def announce(event: dict[str, object]) -> None:
        if plain and "url" in event:
            print(event["url"])
        print(json.dumps(event), flush=True)

    asyncio.run(simulate(options, announce))
    return 0


def count(text: str) -> int:
    """Read a whole number above 0, or say that it is none."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _chance(text: str) -> float:
    try:
        chance = float(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a number such as 1e-5") from error
    if not 0.0 <= chance < 1.0:
        raise ArgumentTypeError(f"{text!r} is not from 0 to below 1")
    return chance
