"""What goes to stdout: one JSON document, or text."""

import dataclasses
import json
import os
import sys
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from device.cli.words import rfc3339

SCHEMA = 1
"""Version of every JSON document; fields are only ever added."""

NARROW = 80


def document(content: Mapping[str, Any]) -> None:
    """Print one JSON document with `"schema"` first."""
    print(json.dumps({"schema": SCHEMA, **content}, default=_plain, indent=2, ensure_ascii=False))


def width() -> int | None:
    """Say how wide a table may be: as the terminal; without limit when piped."""
    if not sys.stdout.isatty():
        return None
    try:
        return max(NARROW, os.get_terminal_size(sys.stdout.fileno()).columns)
    except OSError:
        return NARROW


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
