"""`fieldpost simulate bota`: be a Bota recorder on Bluetooth LE."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from device.cli.cmd_simulate_recorder import count
from device.cli.invocation import Invocation

EXAMPLES = (
    ("fieldpost simulate bota --ble usb:0", "three made-up recordings, on a spare USB adapter"),
    ("fieldpost simulate bota --ble usb:0 --from ./recordings", "real files, audio alone"),
    (
        "fieldpost simulate bota --ble usb:0 --pairing --fault cuts=200,400",
        "for paired hosts, with two disconnects",
    ),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument(
        "--ble", metavar="HCI", required=True,
        help="its controller: usb:0, serial:/dev/ttyACM0, vhci, tcp-client:HOST:PORT",
    )  # fmt: skip
    parser.add_argument(
        "--recordings", metavar="N", type=count, default=3, help="how many to make up (3)"
    )
    parser.add_argument(
        "--from", dest="source", metavar="DIR", type=Path, help="take them from this folder instead"
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed, other recordings (0)")
    parser.add_argument(
        "--live", dest="live_s", metavar="SECONDS", type=count, default=0,
        help="still be making the last recording, for so long",
    )  # fmt: skip
    parser.add_argument(
        "--pairing", action="store_true", help="give recordings to paired hosts alone"
    )
    parser.add_argument(
        "--fault", metavar="NAME[=VALUE]", action="append", default=[],
        help="what it does differently (docs/bluetooth.md lists it); may be repeated",
    )  # fmt: skip


def main(args: Namespace, call: Invocation) -> int:
    """Print one JSON document per event and stay until SIGTERM or SIGINT."""
    call.start_logs()
    import asyncio  # noqa: PLC0415 - needed here alone

    from device.simulate.bota import BotaOptions, simulate_bota  # noqa: PLC0415 - heavy
    from device.simulate.bota_faults import read_faults  # noqa: PLC0415 - needed here alone

    faults = [*args.fault, *["needs-bond"] * args.pairing]
    options = BotaOptions(
        hci=args.ble,
        recordings=args.recordings,
        source=args.source,
        seed=args.seed,
        switches=read_faults(faults),
        live_s=args.live_s,
    )
    asyncio.run(simulate_bota(options, lambda said: print(json.dumps(said), flush=True)))
    return 0
