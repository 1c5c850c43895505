"""`fieldpost spool import`: bring rescued recordings into this box's spool."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from device.cli.byte_bar import byte_bar
from device.cli.exit_codes import SOME_FAILED
from device.cli.invocation import Invocation
from device.cli.output import document, sentence
from device.cli.rescue import opened
from device.cli.views import SHORT_ID
from device.errors import UsageInvalid
from device.words import count, printable, size

if TYPE_CHECKING:
    from device.spool.import_source import Source
    from device.spool.importing import Imported

EXAMPLES = (
    ("fieldpost spool import /media/stick/fieldpost", "what `spool export` wrote there"),
    ("fieldpost spool import rescue.tar", "the same from a tar"),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("source", metavar="PLACE", type=Path, help="an export: folder or tar")


def main(args: Namespace, call: Invocation) -> int:
    """Check and seal recordings under the lock; what is here already stays as it is.

    A box that never ran gets its spool here: rescue waits for no token, cloud or agent.
    """
    call.start_logs()
    config = call.config()
    from device.spool.importing import Importer  # noqa: PLC0415 - only what is done is imported

    with _source(args.source) as source:
        folders = source.folders()
        if not folders:
            raise UsageInvalid(
                f"there is no exported recording in {args.source}",
                hint="name what `fieldpost spool export` wrote",
            )
        with opened(config) as spool, byte_bar(call, "importing", _total(args.source)) as step:
            done = list(Importer(spool=spool, source=source, step=step).run())
    failed = [each for each in done if each.outcome == "failed"]
    if call.json:
        document({"source": args.source, "recordings": done, "failed": len(failed)})
    else:
        for line in _lines(done):
            print(line)
    return SOME_FAILED if failed else 0


@contextmanager
def _source(place: Path) -> "Iterator[Source]":
    from device.spool.import_source import FolderSource, TarSource  # noqa: PLC0415 - as above

    if place.is_dir():
        yield FolderSource(place)
        return
    if not place.exists():
        raise UsageInvalid(f"there is no {place}")
    with TarSource(place) as source:
        yield source


def _total(place: Path) -> int:
    """Sum up what is read: every byte twice."""
    if not place.is_dir():
        return 2 * place.stat().st_size
    return 2 * sum(path.stat().st_size for path in place.rglob("*") if path.is_file())


def _lines(done: "Sequence[Imported]") -> Iterator[str]:
    from device.spool.importing import Outcome  # noqa: PLC0415 - as above

    for each in done:
        name = each.entry[:SHORT_ID] if each.entry else printable(each.folder)
        match each.outcome:
            case Outcome.IMPORTED:
                yield f"{name} imported ({size(each.size_bytes)})"
            case Outcome.HERE:
                yield f"{name} is here already: {each.state}"
            case Outcome.IN_CLOUD:
                yield f"{name} is in the cloud already, {printable(each.problem or '')}"
            case _:
                yield sentence(f"[!!] {name} not imported: {printable(each.problem or '')}")
    if new := [each for each in done if each.outcome is Outcome.IMPORTED]:
        total = size(sum(each.size_bytes for each in new))
        yield f"{count(len(new), 'recording')} imported ({total}); the agent sends what waits"
        yield "  next: systemctl start fieldpost, then: fieldpost status"
