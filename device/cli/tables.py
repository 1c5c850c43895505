"""Tables of fixed width, without the cost of importing a library for them."""

import sys
import textwrap
from collections.abc import Iterator, Sequence
from itertools import accumulate

from device.words import printable, shortened


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: frozenset[str] | set[str] = frozenset(),
    width: int | None = None,
) -> str:
    """Lay rows out in columns two spaces apart.

    Args:
        heads: Column titles; their order is part of the interface.
        rows: As many cells as titles.
        right: Titles of columns of numbers.
        width: Where set, the last column is cut so that no line is longer.
    """
    cells = [[printable(cell) for cell in row] for row in [heads, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    if width is not None:
        others = sum(widths[:-1]) + 2 * (len(heads) - 1)
        widths[-1] = max(len(heads[-1]), min(widths[-1], width - others))
    lines = []
    for row in cells:
        laid = [
            shortened(cell, space).rjust(space) if head in right else cell.ljust(space)
            for head, cell, space in zip(heads, row[:-1], widths, strict=False)
        ]
        last = shortened(row[-1], widths[-1])
        laid.append(last.rjust(widths[-1]) if heads[-1] in right else last)
        lines.append("  ".join(laid).rstrip())
    return "\n".join(lines)


def spilling(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    more: Sequence[Sequence[str]] | None = None,
    *,
    right: frozenset[str] | set[str] = frozenset(),
    width: int | None = None,
) -> Iterator[str]:
    """Lay rows out as `table` does, and cut nothing: last cells too long go below their row.

    Args:
        heads: Column titles; their order is part of the interface.
        rows: As many cells as titles.
        more: For each row what is told below it anyway; nothing by default.
        right: Titles of columns of numbers, the last one not among them.
        width: Where set, no line is longer but for long words.
    """
    cells = [[printable(cell) for cell in row] for row in [heads, *rows]]
    widths = [max(map(len, column)) + 2 for column in zip(*cells, strict=True)]
    starts = list(accumulate(widths, initial=0))
    laid = table(heads, rows, right=right).splitlines()
    for row, line, below in zip(cells, laid, [(), *(more or [()] * len(rows))], strict=True):
        kept = len(row)
        while width is not None and len(line) > width and kept > 1:
            kept -= 1
            line = line[: starts[kept]].rstrip()  # noqa: PLW2901 - the rest of this line
        yield line
        told = [*(() if row is cells[0] else filter(None, row[kept:])), *below]
        yield from textwrap.wrap(
            printable(", ".join(told)),
            width or sys.maxsize,
            initial_indent="  ",
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def stacked(heads: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> Iterator[str]:
    """Lay rows out for a narrow terminal: the first cell, and below it the others by name."""
    for row in rows:
        yield printable(row[0])
        told = ", ".join(
            f"{head.lower()} {cell}"
            for head, cell in zip(heads[1:], row[1:], strict=True)
            if cell not in {"-", ""}
        )
        yield from textwrap.wrap(
            printable(told),
            columns,
            initial_indent="  ",
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
