"""`fieldpost recordings RECORDER`: list what a recorder holds, read-only."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import Any

from device.cli.invocation import Invocation
from device.cli.output import document, width
from device.cli.tables import spilling
from device.model import Recording
from device.words import relative, size

EXAMPLES = (
    ("fieldpost recordings folder:///srv/recordings", "what it holds, and what cannot be pulled"),
    ("fieldpost recordings folder:///srv/recordings --json", "the same for programs"),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("recorder", metavar="RECORDER", help="the url of a configured recorder")


def main(args: Namespace, call: Invocation) -> int:
    """List without touching anything."""
    call.start_logs()
    config = call.config()
    import asyncio  # noqa: PLC0415 - needed here alone

    from device import survey  # noqa: PLC0415 - heavy, and pointless if the configuration is bad

    listing = asyncio.run(survey.listing(config, args.recorder))
    if call.json:
        document(
            {
                "recordings": [_object(each) for each in listing.recordings],
                "rejected": listing.rejected,
                "complete": listing.complete,
            }
        )
        return 0
    now = datetime.now(UTC)
    rows = [_row(each, now) for each in listing.recordings]
    rows += [(each.recording, "-", "-", "-", each.reason) for each in listing.rejected]
    if rows:
        heads = ("RECORDING", "MEDIA", "SIZE", "STARTED", "NOT PULLED")
        for line in spilling(heads, rows, right={"MEDIA", "SIZE"}, width=width()):
            print(line)
    elif listing.complete:
        print("the recorder is empty")
    if not listing.complete:
        print("the recorder cannot vouch that this is all it holds")
    return 0


def _row(recording: Recording, now: datetime) -> tuple[str, ...]:
    total = sum(medium.size_bytes for medium in recording.media)
    started = relative(recording.started_at, now)
    return (recording.key.recording, str(len(recording.media)), size(total), started, "")


def _object(recording: Recording) -> dict[str, Any]:
    return {
        "id": recording.key.recording,
        "generation": recording.key.generation,
        "entry": recording.key.entry_id(),
        "started_at": recording.started_at,
        "ended_at": recording.ended_at,
        "times_trusted": recording.times_trusted,
        "metadata": recording.metadata,
        "media": recording.media,
    }
