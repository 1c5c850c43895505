"""`fieldpost enrol --recorder ble://…`: put a device token into a Bota recorder."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from device.cli.bota_visit import visit
from device.cli.invocation import Invocation
from device.cli.output import document
from device.cli.token_input import device_token

if TYPE_CHECKING:
    from device.drivers.bota_provision import Provisioned
    from device.drivers.bota_session import Session

EXAMPLES = (
    ("fieldpost enrol --recorder ble://C0:FF:EE:00:00:01", "ask for the token, or read a pipe"),
    (
        "fieldpost enrol --recorder ble://C0:FF:EE:00:00:01 --token-file ./token",
        "the token alone in a file",
    ),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument(
        "--recorder", metavar="URL", required=True, help="a Bota recorder, as ble://ADDRESS"
    )
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        type=Path,
        help="read the token (dtok_…) here, not from a pipe or a question",
    )


def main(args: Namespace, call: Invocation) -> int:
    """Have the token first, then connect: nobody waits at a recorder for a typing mistake."""
    call.start_logs()
    token = device_token(args.token_file, call)

    async def give(session: "Session") -> "Provisioned":
        from device.drivers.bota_provision import provision  # noqa: PLC0415 - imports the links

        return await provision(session, token)

    given = visit(args.recorder, call, give)
    if call.json:
        recorder = {"url": args.recorder, "serial": given.serial}
        document({"recorder": recorder, "enrolled": True, "clock_set": given.clock_set})
        return 0
    clock = "its clock is set" if given.clock_set else "its clock could not be set"
    print(f"recorder {given.serial} has taken its token; {clock}")
    return 0
