"""`fieldpost spool requeue`: try a quarantined or waiting recording again."""

from argparse import ArgumentParser, Namespace

from device.cli.invocation import Invocation
from device.cli.output import document
from device.cli.rescue import chosen, held
from device.cli.views import SHORT_ID
from device.cli.words import count
from device.documents.entries import entry_object
from device.errors import UsageInvalid
from device.model import Entry, State

EXAMPLES = (
    ("fieldpost spool requeue 3f9a", "one recording, after its cause is corrected"),
    ("fieldpost spool requeue --all", "every quarantined recording"),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("entry", metavar="ENTRY", nargs="*", help="an id, or the beginning of one")
    parser.add_argument("--all", action="store_true", help="all that are quarantined")


def main(args: Namespace, call: Invocation) -> int:
    """Send entries back to where they came from; attempts and waits are cleared.

    What was set aside while it went up is sent anew.
    """
    call.start_logs()
    if bool(args.entry) == args.all:
        raise UsageInvalid("name recordings, or say --all", hint="fieldpost spool ls")
    with held(call.config()) as spool:
        if args.all:
            wanted = [entry.id for entry in spool.entries(State.QUARANTINED)]
        else:
            wanted = chosen(spool.entries(), args.entry)
        requeued = [(spool.entry(entry), spool.requeue(entry)) for entry in wanted]
    if call.json:
        anew = [now.id for before, now in requeued if _forgotten(before, now)]
        document({"entries": [entry_object(now) for _, now in requeued], "sent_anew": anew})
    elif not requeued:
        print("no recording is quarantined")
    for before, now in () if call.json else requeued:
        print(f"{now.id[:SHORT_ID]} is {now.state} again{_anew(before, now)}")
    return 0


def _anew(before: Entry, now: Entry) -> str:
    """Say what becomes of the bytes that were sent before it was set aside."""
    if not _forgotten(before, now):
        return ""
    stays = sum(each.evidence is not None for each in now.outgoing)
    but = f" but {count(stays, 'medium', 'media')} that the cloud has acknowledged" if stays else ""
    return f"; what was sent of it counts for nothing any more, and all{but} is sent anew"


def _forgotten(before: Entry, now: Entry) -> bool:
    """Whether anything of it was on its way up, and is not any more."""
    was = [(each.session, each.evidence) for each in before.outgoing]
    return any(map(any, was)) and was != [(each.session, each.evidence) for each in now.outgoing]
