"""`fieldpost quarantine ls`: what cannot go on, why, and what to do."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from device.cli import quarantine_views
from device.cli.invocation import Invocation
from device.cli.output import document, width
from device.cli.rescue import entries
from device.model import State

EXAMPLES = (
    ("fieldpost quarantine ls", "each with its reason"),
    ("fieldpost quarantine ls --json", "the same for programs, with what to do"),
)


def arguments(_parser: ArgumentParser) -> None:
    """Declare nothing of its own."""


def main(_args: Namespace, call: Invocation) -> int:
    """Print one row per quarantined recording, oldest first."""
    call.start_logs()
    config = call.config()
    held = entries(config, State.QUARANTINED)
    from device.spool.reader import read_only  # noqa: PLC0415 - only what reads the spool pays

    with read_only(config.spool.path) as reader:
        found = [(entry, reader.attempts(entry.id)) for entry in held]
    if call.json:
        document({"entries": [quarantine_views.as_object(*each) for each in found]})
        return 0
    if not found:
        print("no recording is quarantined")
        return 0
    for line in quarantine_views.listing(found, datetime.now(UTC), width()):
        print(line)
    print("what to do about one: fieldpost quarantine show ENTRY")
    return 0
