"""`fieldpost enrol`: put a token into this box, or with `--recorder` into a Bota recorder."""

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from device.cli.bota_visit import visit
from device.cli.invocation import Invocation
from device.cli.output import document, sentence
from device.cli.token_input import box_token, device_token
from device.errors import UsageInvalid

if TYPE_CHECKING:
    from device.config import Config
    from device.drivers.bota_provision import Provisioned
    from device.drivers.bota_session import Session

EXAMPLES = (
    ("fieldpost enrol", "this box: ask for its token, or read a pipe"),
    ("fieldpost enrol --code ABCD-EFGH", "this box: by a one-time code of your gateway"),
    (
        "fieldpost enrol --recorder ble://C0:FF:EE:00:00:01 --token-file ./token",
        "a Bota recorder: the token alone in a file",
    ),
)
_RESTART = "should uploads of a service still wait for a token: sudo systemctl restart fieldpost"


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument(
        "--recorder", metavar="URL", help="not this box but a Bota recorder, as ble://ADDRESS"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--token-file",
        metavar="FILE",
        type=Path,
        help="read the token here, not from a pipe or a question; - is standard input",
    )
    how.add_argument("--code", metavar="CODE", help="get the token for a code of your gateway")
    how.add_argument(
        "--rotate", action="store_true", help="exchange the token of this box for a new one"
    )
    parser.add_argument(
        "--yes", action="store_true", help="do not ask before a rotation that may lock it out"
    )


def main(args: Namespace, call: Invocation) -> int:
    """Enrol whom the command line means."""
    call.start_logs()
    if args.recorder is None:
        config = call.config()
        return _rotate(config, args, call) if args.rotate else _enrol(config, args, call)
    if args.code or args.rotate:
        raise UsageInvalid("--code and --rotate are for this box, not for a recorder")
    return _recorder(args, call)


def _enrol(config: "Config", args: Namespace, call: Invocation) -> int:
    from device import enrolment  # noqa: PLC0415 - heavy, and a recorder needs none of it

    async def work() -> enrolment.Kept:
        token = await enrolment.redeem(config, args.code) if args.code else given
        return await enrolment.keep(config, token, call.environ)

    given = "" if args.code else box_token(args.token_file, call)
    kept = asyncio.run(work())
    if call.json:
        document({"enrolled": True, "checked": kept.checked, "token_file": kept.file})
        return 0
    checked = "the cloud accepts it" if kept.checked else "nobody could check it yet"
    told = f"this box is enrolled: the token is in {kept.file}, and {checked}"
    print(sentence(told, sys.stdout))
    sys.stderr.write(f"{sentence(_RESTART)}\n")
    return 0


def _rotate(config: "Config", args: Namespace, call: Invocation) -> int:
    from device import enrolment  # noqa: PLC0415 - as above

    if enrolment.loses_old_at_once(config.cloud) and not args.yes and not _is_meant(call):
        raise UsageInvalid("nothing was exchanged", hint="fieldpost enrol --rotate --yes")
    worked = asyncio.run(enrolment.rotate(config, call.environ))
    if call.json:
        document({"rotated": True, "checked": worked, "folder": config.spool.path})
        return 0
    proved = (
        "has worked, so the old one is given up"
        if worked
        else "is used from now on; the old one is kept until it has worked"
    )
    print(sentence(f"the new token is in {config.spool.path} and {proved}", sys.stdout))
    return 0


def _is_meant(call: Invocation) -> bool:
    if not call.asks():
        return False
    sys.stderr.write(
        "Bota's cloud takes the old token away at once. If its answer is lost, this box is locked\n"
        "out until it is unbound, bound again and enrolled with another token. Go on? [y/N] "
    )
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _recorder(args: Namespace, call: Invocation) -> int:
    """Have the token first, then connect: nobody waits at a recorder for a typing mistake."""
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
