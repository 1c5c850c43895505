"""What goes to stdout: one JSON document, or text."""

import os
import sys
import textwrap
from collections.abc import Mapping
from typing import Any, TextIO

from device.documents import plain

NARROW = 80
WIDE = 72
"""Columns from which on tables are laid out as such."""
NARROWEST = 30
"""Columns of a phone held upright; less is not laid out for."""


def document(content: Mapping[str, Any]) -> None:
    """Print one JSON document with `"schema"` first."""
    print(plain.text(content, indent=2))


def width(stream: TextIO | None = None) -> int | None:
    """Say how wide text on stdout may be: as the terminal; without limit when piped.

    Args:
        stream: Another than stdout.
    """
    stream = stream or sys.stdout
    if not stream.isatty():
        return None
    try:
        return max(NARROW, os.get_terminal_size(stream.fileno()).columns)
    except OSError:
        return NARROW


def page_width(stream: TextIO | None = None) -> int:
    """Say how wide a page for people is: as a narrow terminal, never wider than 80 columns.

    Args:
        stream: Another than stdout.
    """
    stream = stream or sys.stdout
    try:
        columns = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else NARROW
    except OSError:
        columns = NARROW
    return min(NARROW, max(NARROWEST, columns or NARROW))


def sentence(line: str, stream: TextIO | None = None) -> str:
    """Break a line between words, as a terminal would not; a pipe gets it whole.

    Args:
        line: May begin with an indent, which the further lines have as well.
        stream: Another than stderr.
    """
    columns = width(stream or sys.stderr)
    if columns is None or len(line) <= columns:
        return line
    before = len(line) - len(line.lstrip())
    return textwrap.fill(
        line,
        columns,
        subsequent_indent=" " * (before + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )
