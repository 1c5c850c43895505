"""`fieldpost spool show ENTRY`: everything known about one recording."""

import sys
import textwrap
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from device.cli.invocation import Invocation
from device.cli.output import document, width
from device.cli.rescue import entries, one
from device.cli.tables import table
from device.cli.views import SHORT_ID, why
from device.documents.entries import entry_object, is_uploaded, ways
from device.model import Entry, MediumState, State
from device.words import printable, relative, rfc3339, size

EXAMPLES = (
    ("fieldpost spool show 3f9a", "the recording whose id begins so"),
    ("fieldpost spool show 3f9a --json", "the same for programs"),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("entry", metavar="ENTRY", help="an id, or the beginning of one")


def main(args: Namespace, call: Invocation) -> int:
    """Print one recording and its media."""
    call.start_logs()
    entry = one(entries(call.config()), args.entry)
    if call.json:
        document({"entry": entry_object(entry)})
        return 0
    tell(entry, datetime.now(UTC))
    return 0


def tell(entry: Entry, now: datetime) -> None:
    """Print one recording and its media for people."""
    facts = [(name, text) for name, text in _facts(entry, now) if text]
    longest = max(len(name) for name, _ in facts)
    for name, text in facts:
        lines = textwrap.wrap(
            printable(text),
            width() or sys.maxsize,
            initial_indent=f"{name:<{longest}}  ",
            subsequent_indent=" " * (longest + 2),
            break_long_words=False,
            break_on_hyphens=False,
        )
        print("\n".join(lines))
    print()
    heads = ("MEDIUM", "SIZE", "PULLED", "UPLOADED", "CAPTURED", "NAME", "SHA-256")
    rows = []
    for each in entry.media:
        rows.append(_row(entry, each, str(each.medium.index)))
        for number, part in enumerate(each.parts, 1):
            rows.append(_row(entry, part, f"{each.medium.index}.{number}"))
    print(table(heads, rows, right={"SIZE", "PULLED"}, width=width()))


def _facts(entry: Entry, now: datetime) -> list[tuple[str, str | None]]:
    recording = entry.recording
    receipt = entry.receipt
    return [
        ("entry", entry.id),
        ("state", entry.state),
        ("why", why(entry, now)),
        ("then", _then(entry)),
        ("recorder", recording.key.recorder),
        ("recording", f"{recording.key.recording} (generation {recording.key.generation})"),
        ("started", rfc3339(recording.started_at)),
        ("ended", rfc3339(recording.ended_at)),
        (
            "times",
            None
            if recording.times_trusted
            else "not trusted: from an unset clock or a file's date",
        ),
        ("metadata", ", ".join(f"{key}={value}" for key, value in recording.metadata.items())),
        ("begun", _when(entry.begun_at, now)),
        ("sealed", _when(entry.sealed_at, now)),
        ("stored", _when(entry.stored_at, now)),
        ("released", _when(entry.released_at, now)),
        ("receipt", f"{receipt.cloud} {receipt.cloud_recording}" if receipt else None),
        ("attempts", str(entry.attempts) if entry.attempts else None),
        ("way", "; ".join(ways(entry))),
        ("read twice", size(entry.reread_bytes) if entry.reread_bytes else None),
        ("sent twice", size(entry.resent_bytes) if entry.resent_bytes else None),
        ("bytes", "removed from this computer" if entry.purged else None),
    ]


def _then(entry: Entry) -> str | None:
    if entry.state is not State.QUARANTINED:
        return None
    return f"once the cause is gone: fieldpost spool requeue {entry.id[:SHORT_ID]}"


def _when(moment: datetime | None, now: datetime) -> str | None:
    return f"{rfc3339(moment)} ({relative(moment, now)})" if moment else None


def _row(entry: Entry, each: MediumState, label: str) -> tuple[str, ...]:
    medium = each.medium
    return (
        f"{label} {medium.kind}",
        size(medium.size_bytes),
        size(each.pulled_bytes),
        "yes" if is_uploaded(entry, each) else "no",
        rfc3339(medium.captured_at) or "-",
        medium.name,
        each.sha256 or "-",
    )
