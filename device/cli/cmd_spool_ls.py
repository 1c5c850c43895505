"""`fieldpost spool ls`: list the recordings in the spool."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from device.cli.invocation import Invocation
from device.cli.output import document, width
from device.cli.rescue import entries
from device.cli.views import entry_table
from device.documents.entries import entry_object
from device.model import State

EXAMPLES = (
    ("fieldpost spool ls", "everything that is not released yet"),
    ("fieldpost spool ls --state quarantined", "what cannot go on, and why"),
    ("fieldpost spool ls --all --json", "released recordings too, for programs"),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="released recordings too")
    which.add_argument(
        "--state",
        metavar="STATE",
        choices=[state.value for state in State],
        action="append",
        help=f"only recordings in this state ({', '.join(State)}); may be repeated",
    )


def main(args: Namespace, call: Invocation) -> int:
    """Print one row per recording, oldest first."""
    call.start_logs()
    if args.all:
        states = tuple(State)
    elif args.state:
        states = tuple(State(each) for each in args.state)
    else:
        states = tuple(state for state in State if state is not State.RELEASED)
    found = entries(call.config(), *states)
    if call.json:
        document({"entries": [entry_object(each) for each in found]})
    elif found:
        print(entry_table(found, datetime.now(UTC), width()))
    else:
        every = not (args.all or args.state)
        print("nothing waits; for what is released: fieldpost spool ls --all" if every else "none")
    return 0
