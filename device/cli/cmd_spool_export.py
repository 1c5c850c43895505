"""`fieldpost spool export`: rescue recordings to a USB stick, or as a tar; no cloud, no agent."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from device.cli.byte_bar import byte_bar
from device.cli.exit_codes import SOME_FAILED
from device.cli.invocation import Invocation
from device.cli.output import document, sentence
from device.cli.rescue import chosen, entries
from device.cli.views import SHORT_ID
from device.errors import IllegalMove, UsageInvalid
from device.model import Entry, State
from device.words import count, printable, size

if TYPE_CHECKING:
    from device.spool.exporting import Exported, Sink

EXAMPLES = (
    ("fieldpost spool export -o /media/stick/fieldpost", "what the cloud does not have yet"),
    ("fieldpost spool export --all -o rescue.tar", "all recordings, as one file"),
    ("fieldpost spool export -o - | ssh depot 'cat > box.tar'", "to another computer"),
)
_PIPE = "-"
_WAITING = (State.SEALED,)
_QUARANTINED = (State.QUARANTINED,)
_ALL = (State.SEALED, State.STORED, State.QUARANTINED)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument(
        "entry",
        metavar="ENTRY",
        nargs="*",
        help="an id, or the beginning of one; by default what is not in the cloud",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="PLACE",
        default="fieldpost-export",
        help="a folder, a file that ends with .tar, or - for a tar on stdout"
        " (default: fieldpost-export)",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="what is in the cloud, too")
    which.add_argument("--waiting", action="store_true", help="only what waits to go up")
    which.add_argument("--quarantined", action="store_true", help="only what is quarantined")


def main(args: Namespace, call: Invocation) -> int:
    """Copy recordings out of the spool and read them back; the spool stays as it is."""
    call.start_logs()
    piped = args.output == _PIPE
    if piped and (call.json or sys.stdout.isatty()):
        taken = "--json prints on stdout as well" if call.json else "stdout is a terminal"
        raise UsageInvalid(f"-o - writes the tar to stdout, and {taken}", hint="-o rescue.tar")
    config = call.config()
    wanted = _wanted(entries(config), args)
    from device.spool.exporting import Exporter  # noqa: PLC0415 - only what is done is imported
    from device.spool.layout import Layout  # noqa: PLC0415 - as above
    from device.spool.reader import read_only  # noqa: PLC0415 - as above

    total_bytes = sum(entry.size_bytes for entry in wanted)
    with (
        read_only(config.spool.path) as reader,
        byte_bar(call, "exporting", (2 if piped else 3) * total_bytes) as step,
        _sink(args.output, step) as sink,
    ):
        exporter = Exporter(
            reader=reader,
            layout=Layout(config.spool.path),
            sink=sink,
            now=lambda: datetime.now(UTC),
            step=step,
        )
        done = list(exporter.run(wanted))
    failed = [each for each in done if each.problem]
    if call.json:
        document({"output": args.output, "recordings": done, "failed": len(failed)})
    else:
        for line in _lines(done, args.output):
            (sys.stderr if piped else sys.stdout).write(f"{line}\n")
    return SOME_FAILED if failed else 0


def _wanted(found: Sequence[Entry], args: Namespace) -> list[Entry]:
    """Pick what is to be exported.

    Raises:
        UsageInvalid: Ids and a choice by state.
        EntryUnknown: There is no such entry.
        IllegalMove: One that is named has no bytes here that could be.
    """
    from device.spool.exporting import refusal  # noqa: PLC0415 - as above

    by_state: tuple[State, ...] = _ALL if args.all else _WAITING if args.waiting else _QUARANTINED
    if not args.entry:
        if not (args.all or args.waiting or args.quarantined):
            by_state = (*_WAITING, *_QUARANTINED)
        return [each for each in found if each.state in by_state and refusal(each) is None]
    if args.all or args.waiting or args.quarantined:
        raise UsageInvalid("name recordings, or say which by their state; not both")
    ids = set(chosen(found, args.entry))
    named = [each for each in found if each.id in ids]
    for entry in named:
        if (why := refusal(entry)) is not None:
            raise IllegalMove(f"{entry.id[:SHORT_ID]} {why}", hint="fieldpost spool ls --all")
    return named


@contextmanager
def _sink(output: str, step: Callable[[int], None]) -> "Iterator[Sink]":
    """Open what is written to; nothing half stays behind."""
    if output != _PIPE and not output.endswith(".tar"):
        from device.spool.export_folder import ExportFolder  # noqa: PLC0415 - as above

        yield ExportFolder(Path(output), step)
        return
    from device.spool.export_tar import ExportTar  # noqa: PLC0415 - as above

    place = None if output == _PIPE else Path(output)
    tar = ExportTar(place, sys.stdout.buffer, step)
    try:
        yield tar
    finally:
        tar.give_up()


def _lines(done: "Sequence[Exported]", output: str) -> Iterator[str]:
    """Say what was done, what was not, and what comes next."""
    from device.spool.exporting import Outcome  # noqa: PLC0415 - as above

    for each in done:
        if each.problem:
            yield sentence(f"[!!] {each.entry[:SHORT_ID]}: {printable(each.problem)}")
        elif not each.complete:
            yield (
                f"[!!] {each.entry[:SHORT_ID]} is not complete: it was quarantined while it was"
                " pulled"
            )
    for outcome in (Outcome.WRITTEN, Outcome.THERE, Outcome.IN_CLOUD):
        these = [each for each in done if each.outcome is outcome]
        if these:
            total = size(sum(each.size_bytes for each in these))
            yield f"{count(len(these), 'recording')} {outcome} ({total})"
    if not any(each.outcome in {Outcome.WRITTEN, Outcome.THERE} for each in done):
        if not done:
            yield "nothing to rescue: no recording waits; for all that are here: --all"
        return
    if output == _PIPE:
        yield "next, where the tar is: fieldpost spool import FILE.tar"
        return
    yield "what was written was read back and is right; next:"
    place = quote(output)
    if output.endswith(".tar"):
        yield f"  to see what is in it:\n    tar -tvf {place}"
    else:
        yield f"  to check it, anywhere:\n    cd {place} && sha256sum -c MANIFEST.sha256"
    yield f"  to bring it into another box:\n    fieldpost spool import {place}"
    yield "  unmount a stick before it is pulled out; the spool is as it was"
