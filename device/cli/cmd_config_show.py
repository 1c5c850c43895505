"""`fieldpost config show`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any

from device.cli.invocation import Invocation
from device.cli.output import WIDE, document, page_width, width
from device.cli.tables import spilling, stacked, table
from device.documents.settings import settings

EXAMPLES = (
    ("fieldpost config show", "each setting and where it was set"),
    ("fieldpost config show --json", "the same for programs"),
)


_HEADS = ("KEY", "VALUE", "ORIGIN")
_VALUE_COLUMNS = 22
"""A longer value stands by itself: the origin of every other would have no room beside it."""


def arguments(_parser: ArgumentParser) -> None:
    """Declare nothing of its own."""


def main(_args: Namespace, call: Invocation) -> int:
    """Print every setting that holds, with its origin; those of the gateway as it sent them last.

    There are no secrets among them: tokens are in files.
    """
    call.start_logs()
    found = list(settings(call.loaded()))
    if call.json:
        rows = [{"key": key, "value": value, "origin": origin} for key, value, origin in found]
        document({"settings": rows})
    else:
        print("\n".join(_lines([(key, _text(value), origin) for key, value, origin in found])))
    return 0


def _lines(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    columns = page_width()
    if width() is None:
        yield table(_HEADS, rows)
    elif columns < WIDE:
        yield from stacked(_HEADS, rows, columns)
    else:
        yield from spilling(
            _HEADS, [row for row in rows if len(row[1]) <= _VALUE_COLUMNS], width=columns
        )
        yield from stacked(_HEADS, [row for row in rows if len(row[1]) > _VALUE_COLUMNS], columns)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)
