"""Tables of fixed width, without the cost of importing a library for them."""

from collections.abc import Sequence

from device.cli.words import printable, shortened


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
