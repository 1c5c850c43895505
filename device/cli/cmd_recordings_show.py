"""`fieldpost recordings show`: one recording along its time, and all that happened to it."""

import textwrap
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from device.cli import timeline_view
from device.cli.invocation import Invocation
from device.cli.output import WIDE, document, page_width
from device.cli.recording_words import UNTRUSTED, lasts, local, one
from device.cli.rescue import entries
from device.cli.tables import spilling, stacked
from device.cli.views import SHORT_ID
from device.documents.entries import is_uploaded, ways
from device.documents.recordings import whole_object
from device.documents.timeline import audio_ms, offset_ms
from device.documents.waiting import waiting_object
from device.glance import glance
from device.model import Attempt, Entry, MediumState, State
from device.spool.reader import read_only
from device.words import printable, relative, size

EXAMPLES = (
    ("fieldpost recordings show 3f9a", "the recording whose id begins so"),
    ("fieldpost recordings show rec_0007", "the recorder's own id will do as well"),
    ("fieldpost recordings show 3f9a --json", "everything, for programs"),
)
_NAMES = 11


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument(
        "recording", metavar="ID", help="the entry's id or the recorder's own, or its beginning"
    )


def main(args: Namespace, call: Invocation) -> int:
    """Print one recording."""
    call.start_logs()
    config = call.config()
    now = datetime.now(UTC)
    entry = one(entries(config), args.recording)
    with read_only(config.spool.path) as reader:
        failures = reader.attempts(entry.id)
    told = whole_object(
        entry,
        audio_ms=audio_ms(config.spool.path, entry),
        waiting=waiting_object(entry, glance(config, now)),
        failures=failures,
    )
    if call.json:
        document(told)
        return 0
    for line in _page(entry, told, failures, now):
        print(line)
    return 0


def _page(
    entry: Entry, told: Mapping[str, Any], failures: Sequence[Attempt], now: datetime
) -> Iterator[str]:
    columns = page_width()
    for name, text in _facts(entry, told, now):
        if text:
            yield from textwrap.wrap(
                printable(text),
                columns,
                initial_indent=f"{name:<{_NAMES}}",
                subsequent_indent=" " * _NAMES,
                break_long_words=False,
                break_on_hyphens=False,
            )
    if drawn := list(timeline_view.lines(told["timeline"], columns)):
        yield from ("", *drawn)
    rows = []
    for each in entry.media:
        rows.append(_row(entry, each, str(each.medium.index)))
        for number, part in enumerate(each.parts, 1):
            rows.append(_row(entry, part, f"{each.medium.index}.{number}"))
    heads = ("MEDIUM", "SIZE", "OFFSET", "CAPTURED", "SHA-256", "UP", "NAME")
    yield ""
    if columns >= WIDE:
        yield from spilling(heads, rows, right={"SIZE", "OFFSET"}, width=columns)
    else:
        yield from stacked(heads, rows, columns)
    if any(row[3].startswith("~") for row in rows):
        yield UNTRUSTED
    if failures:
        yield from ("", "FAILED ATTEMPTS")
    for failure in failures:
        yield f"{local(failure.at, seconds=True)}  {failure.code}"
        yield from textwrap.wrap(
            printable(failure.reason), columns, initial_indent="  ", subsequent_indent="  "
        )


def _facts(
    entry: Entry, told: Mapping[str, Any], now: datetime
) -> Iterator[tuple[str, str | None]]:
    recording, receipt = entry.recording, entry.receipt
    sure = "" if recording.times_trusted else " (not trusted: an unset clock, or a file's date)"
    yield "entry", entry.id
    yield "recorder", recording.key.recorder
    yield "recording", recording.key.recording
    yield "state", entry.state
    yield "why", _why(entry, told["waiting"], now)
    if recording.started_at is not None:
        yield "started", f"{local(recording.started_at, seconds=True)}{sure}"
    yield "lasts", _length(told["timeline"])
    yield "size", size(entry.size_bytes)
    yield "metadata", ", ".join(f"{key}={value}" for key, value in recording.metadata.items())
    for name in ("begun", "sealed", "stored", "released"):
        yield name, _when(getattr(entry, f"{name}_at"), now)
    if receipt is not None:
        at = _when(receipt.acknowledged_at, now)
        yield "receipt", f"{receipt.cloud} {receipt.cloud_recording}, acknowledged {at}"
    yield "way", "; ".join(ways(entry))
    yield "twice", _twice(entry)
    yield "bytes", "removed from this computer" if entry.purged else None


def _why(entry: Entry, waiting: Mapping[str, Any] | None, now: datetime) -> str | None:
    if entry.state is State.QUARANTINED:
        remedy = f"once the cause is gone: fieldpost spool requeue {entry.id[:SHORT_ID]}"
        return f"{entry.quarantine_reason}; {remedy}"
    if waiting is None:
        return None
    until = waiting["next_at"]
    return f"{waiting['reason']}{f'; next try {relative(max(until, now), now)}' if until else ''}"


def _length(timeline: Mapping[str, Any]) -> str | None:
    if timeline["duration_ms"] is None:
        return None
    whence = " (by its audio)" if timeline["duration_from"] == "audio" else ""
    return f"{lasts(timeline['duration_ms'])}{whence}"


def _when(moment: datetime | None, now: datetime) -> str | None:
    return f"{local(moment, seconds=True)} ({relative(moment, now)})" if moment else None


def _twice(entry: Entry) -> str | None:
    told = [
        f"{size(more)} {name} twice"
        for name, more in (("read", entry.reread_bytes), ("sent", entry.resent_bytes))
        if more
    ]
    return ", ".join(told) or None


def _row(entry: Entry, each: MediumState, label: str) -> tuple[str, ...]:
    medium = each.medium
    sure = "" if medium.captured_at_trusted or medium.captured_at is None else "~"
    return (
        f"{label} {medium.kind}",
        size(medium.size_bytes),
        lasts(offset_ms(entry.recording, medium)),
        f"{sure}{local(medium.captured_at)}",
        (each.sha256 or "-")[:8],
        _up(entry, each),
        medium.name,
    )


def _up(entry: Entry, each: MediumState) -> str:
    if is_uploaded(entry, each):
        return "yes"
    return "begun" if each.session is not None else "no"
