"""`fieldpost quarantine show ENTRY`: everything about one that cannot go on."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from device.cli import quarantine_views
from device.cli.cmd_spool_show import tell
from device.cli.invocation import Invocation
from device.cli.output import document, width
from device.cli.rescue import entries, one
from device.cli.tables import spilling
from device.cli.views import SHORT_ID
from device.errors import IllegalMove
from device.model import State
from device.words import relative

EXAMPLES = (
    ("fieldpost quarantine show 3f9a", "the recording whose id begins so"),
    ("fieldpost quarantine show 3f9a --json", "the same for programs"),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("entry", metavar="ENTRY", help="an id, or the beginning of one")


def main(args: Namespace, call: Invocation) -> int:
    """Print one recording, its failed attempts, and what to do."""
    call.start_logs()
    config = call.config()
    entry = one(entries(config), args.entry)
    name = entry.id[:SHORT_ID]
    if entry.state is not State.QUARANTINED:
        raise IllegalMove(
            f"{name} is {entry.state}, not quarantined", hint=f"fieldpost spool show {name}"
        )
    from device.spool.reader import read_only  # noqa: PLC0415 - only what reads the spool pays

    with read_only(config.spool.path) as reader:
        attempts = reader.attempts(entry.id)
    if call.json:
        document({"entry": quarantine_views.as_object(entry, attempts)})
        return 0
    now = datetime.now(UTC)
    tell(entry, now)
    if attempts:
        print()
        rows = [(relative(each.at, now), each.code, each.reason) for each in attempts]
        for line in spilling(("FAILED", "CODE", "WHY"), rows, width=width()):
            print(line)
    print("\nWHAT TO DO")
    for line in quarantine_views.todo(entry, attempts):
        print(f"  {line}")
    return 0
