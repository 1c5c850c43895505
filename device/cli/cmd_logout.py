"""`fieldpost logout`: forget the token of this box."""

import sys
from argparse import ArgumentParser, Namespace

from device.cli.invocation import Invocation
from device.cli.output import document, sentence
from device.errors import UsageInvalid

EXAMPLES = (
    ("fieldpost logout", "asks first; recordings are kept and wait"),
    ("fieldpost logout --yes", "without a question"),
)
_SERVICE = (
    "an agent that runs as a service has it until it starts again: sudo systemctl restart"
    " fieldpost; the cloud still takes it until it is revoked there"
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("--yes", action="store_true", help="do not ask")


def main(args: Namespace, call: Invocation) -> int:
    """Delete the token file and what came after it."""
    from device import enrolment  # noqa: PLC0415 - heavy, needed here alone

    call.start_logs()
    config = call.config()
    if not args.yes and not _is_meant(call):
        raise UsageInvalid("nothing was forgotten", hint="fieldpost logout --yes")
    there = enrolment.forget(config)
    if call.json:
        document({"enrolled": False, "forgotten": there, "token_file": config.cloud.token_file})
        return 0
    print(
        "the token is forgotten; recordings are kept, and wait for another: fieldpost enrol"
        if there
        else "this box has no token"
    )
    if there:
        sys.stderr.write(f"{sentence(_SERVICE)}\n")
    return 0


def _is_meant(call: Invocation) -> bool:
    if not call.asks():
        return False
    sys.stderr.write("Nothing goes up any more without a token. Forget it? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
