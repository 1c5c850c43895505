"""`fieldpost recordings ls`: all that this box knows, or what one recorder holds now."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from device.cli import agents_own, recording_words
from device.cli.invocation import Invocation
from device.cli.output import WIDE, document, page_width, width
from device.cli.recording_words import UNTRUSTED, lasts, made_at
from device.cli.rescue import entries
from device.cli.tables import spilling, stacked
from device.cli.views import SHORT_ID
from device.config import Config
from device.documents.recordings import held_object, known_as, row_object
from device.documents.timeline import duration_ms
from device.errors import LinkUnavailable
from device.model import Entry, Recording
from device.words import size

EXAMPLES = (
    ("fieldpost recordings ls", "every recording, newest first, with both its ids"),
    ("fieldpost recordings ls --recorder ble://AM-07", "what the recorder itself holds now"),
    ("fieldpost recordings ls --json", "the same for programs"),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("--recorder", metavar="URL", help="ask this configured recorder, read-only")


def main(args: Namespace, call: Invocation) -> int:
    """Print one row per recording."""
    call.start_logs()
    config = call.config()
    if args.recorder is not None:
        return _of_recorder(args.recorder, config, call)
    found = sorted(entries(config), key=made_at, reverse=True)
    if call.json:
        document({"recordings": [row_object(each) for each in found]})
        return 0
    if not found:
        print("this box knows no recording yet; what is on a recorder: fieldpost recorders")
        return 0
    rows = [
        (
            each.id[:SHORT_ID],
            each.state,
            recording_words.started(each.recording, each.begun_at),
            lasts(duration_ms(each.recording)),
            size(each.size_bytes),
            f"{each.recording.key.recorder} {each.recording.key.recording}",
        )
        for each in found
    ]
    heads = ("ENTRY", "STATE", "STARTED", "LASTS", "SIZE", "RECORDING")
    _print(heads, rows, right={"LASTS", "SIZE"})
    return 0


def _of_recorder(url: str, config: Config, call: Invocation) -> int:
    import asyncio  # noqa: PLC0415 - needed here alone

    from device import survey  # noqa: PLC0415 - heavy, and pointless if the configuration is bad

    try:
        listing = asyncio.run(survey.listing(config, url))
    except LinkUnavailable as error:
        raise agents_own.named(error, url, config, call) from error
    known = {each.id: each for each in entries(config)}
    if call.json:
        document(held_object(url, listing, known))
        return 0
    rows = [_row(each, known_as(each, listing, known)) for each in listing.recordings]
    rows += [(each.recording, "-", "-", "-", each.reason) for each in listing.rejected]
    if rows:
        _print(("RECORDING", "MEDIA", "SIZE", "STARTED", "HERE"), rows, right={"MEDIA", "SIZE"})
    elif listing.complete:
        print("the recorder is empty")
    if not listing.complete:
        print("the recorder cannot vouch that this is all it holds")
    return 0


def _row(recording: Recording, known: Entry | None) -> tuple[str, ...]:
    here = f"{known.id[:SHORT_ID]} {known.state}" if known is not None else "not pulled yet"
    total = sum(medium.size_bytes for medium in recording.media)
    return (
        recording.key.recording,
        str(len(recording.media)),
        size(total),
        recording_words.started(recording, None),
        here,
    )


def _print(heads: Sequence[str], rows: Sequence[tuple[str, ...]], *, right: set[str]) -> None:
    narrow = page_width() < WIDE
    laid = (
        stacked(heads, rows, page_width())
        if narrow
        else spilling(heads, rows, right=right, width=width())
    )
    for line in laid:
        print(line)
    if any(cell.startswith("~") for row in rows for cell in row[2:4]):
        print(UNTRUSTED)
