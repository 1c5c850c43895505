"""What goes to stdout: one JSON document, or text."""

import dataclasses
import json
import os
import sys
import textwrap
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, TextIO

from device.cli.words import rfc3339

SCHEMA = 1
"""Version of every JSON document; fields are only ever added."""

NARROW = 80


def document(content: Mapping[str, Any]) -> None:
    """Print one JSON document with `"schema"` first."""
    print(json.dumps({"schema": SCHEMA, **content}, default=_plain, indent=2, ensure_ascii=False))


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


def sentence(line: str) -> str:
    """Break a line for stderr between words, as a terminal would not; a pipe gets it whole."""
    columns = width(sys.stderr)
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


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date | Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no JSON form")
