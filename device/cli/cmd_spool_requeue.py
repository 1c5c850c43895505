"""`fieldpost spool requeue`: try a quarantined or waiting recording again."""

from argparse import ArgumentParser, Namespace

from device.cli.invocation import Invocation
from device.cli.output import document
from device.cli.rescue import chosen, held
from device.cli.views import SHORT_ID, entry_object
from device.errors import UsageInvalid
from device.model import State

EXAMPLES = (
    ("fieldpost spool requeue 3f9a", "one recording, after its cause is corrected"),
    ("fieldpost spool requeue --all", "every quarantined recording"),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("entry", metavar="ENTRY", nargs="*", help="an id, or the beginning of one")
    parser.add_argument("--all", action="store_true", help="all that are quarantined")


def main(args: Namespace, call: Invocation) -> int:
    """Send entries back to where they came from; attempts and waits are cleared."""
    call.start_logs()
    if bool(args.entry) == args.all:
        raise UsageInvalid("name recordings, or say --all", hint="fieldpost spool ls")
    with held(call.config()) as spool:
        if args.all:
            wanted = [entry.id for entry in spool.entries(State.QUARANTINED)]
        else:
            wanted = chosen(spool.entries(), args.entry)
        requeued = [spool.requeue(entry) for entry in wanted]
    if call.json:
        document({"entries": [entry_object(entry) for entry in requeued]})
    elif not requeued:
        print("no recording is quarantined")
    for entry in () if call.json else requeued:
        print(f"{entry.id[:SHORT_ID]} is {entry.state} again")
    return 0
