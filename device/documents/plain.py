"""Values as JSON: one schema version, times in UTC, nothing that JSON does not know."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from device.words import rfc3339

SCHEMA = 1
"""Version of every JSON document; fields are only ever added."""


def text(content: Mapping[str, Any], *, indent: int | None = None) -> str:
    """Write one JSON document with `"schema"` first."""
    whole = {"schema": SCHEMA, **content}
    return json.dumps(whole, default=_plain, indent=indent, ensure_ascii=False)


def plain(content: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce a document to what whoever reads its JSON would get."""
    read: dict[str, Any] = json.loads(text(content))
    return read


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
