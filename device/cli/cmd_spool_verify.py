"""`fieldpost spool verify`: read back every recording and compare its digest."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from device.cli.byte_bar import byte_bar
from device.cli.exit_codes import FAILED
from device.cli.invocation import Invocation
from device.cli.output import document, width
from device.cli.rescue import held
from device.cli.tables import table
from device.cli.views import SHORT_ID
from device.model import State
from device.words import count, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from device.spool.checks import Checked

EXAMPLES = (
    ("fieldpost spool verify", "exit 0 when every byte is as it was written, 1 when not"),
    ("fieldpost spool verify --json", "the same, file by file, for programs"),
)


def arguments(_parser: ArgumentParser) -> None:
    """Declare nothing of its own."""


def main(_args: Namespace, call: Invocation) -> int:
    """Re-hash all sealed media under the lock; changes nothing."""
    call.start_logs()
    with held(call.config()) as spool:
        total = sum(entry.size_bytes for entry in spool.entries(State.SEALED, State.STORED))
        with byte_bar(call, "reading", total) as step:
            checked = list(_telling(spool.verify(), step))
    damaged = [each for each in checked if each.problem]
    read_bytes = sum(each.bytes for each in checked)
    if call.json:
        files = [
            {"entry": e.entry, "file": e.file, "bytes": e.bytes, "problem": e.problem}
            for e in checked
        ]
        document({"files": files, "damaged": len(damaged), "bytes": read_bytes})
    else:
        if damaged:
            rows = [(each.entry[:SHORT_ID], each.file, each.problem or "") for each in damaged]
            print(table(("ENTRY", "FILE", "PROBLEM"), rows, width=width()))
        print(f"{count(len(checked), 'file')} read, {size(read_bytes)}, {len(damaged)} damaged")
    return FAILED if damaged else 0


def _telling(checks: "Iterable[Checked]", step: "Callable[[int], None]") -> "Iterator[Checked]":
    """Pass the checks on and tell how far they are."""
    for each in checks:
        yield each
        step(each.bytes)
