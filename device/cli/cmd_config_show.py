"""`fieldpost config show`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from device.agreed import SETTINGS, of_config
from device.cli.invocation import Invocation
from device.cli.output import WIDE, document, page_width, width
from device.cli.tables import spilling, stacked, table
from device.config_file import Loaded
from device.errors import SpoolError
from device.off_peak import OffPeak
from device.settings import BUILT_IN, GATEWAY
from device.spool.reader import read_only

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
    loaded = call.loaded()
    settings = list(_settings(loaded))
    if call.json:
        rows = [{"key": key, "value": value, "origin": origin} for key, value, origin in settings]
        document({"settings": rows})
    else:
        print("\n".join(_lines([(key, _text(value), origin) for key, value, origin in settings])))
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


def _settings(loaded: Loaded) -> Iterator[tuple[str, Any, str]]:
    merged = of_config(loaded.config, _told_by_gateway(loaded.config.spool.path))
    for key, set_at in loaded.origins.items():
        if merged.origins.get(key) in {GATEWAY, BUILT_IN}:
            # What the file says of a limit does not hold where the gateway's is smaller.
            yield key, _shown(merged.values[key]), merged.origins[key]
            continue
        section, *place, name = key.split(".")
        holder: Any = getattr(loaded.config, section)
        value = getattr(holder[int(place[0])] if place else holder, name)
        yield key, str(value) if isinstance(value, Path) else value, set_at
    for key in sorted(merged.origins.keys() - loaded.origins.keys()):
        yield key, _shown(merged.values[key]), merged.origins[key]


def _told_by_gateway(spool: Path) -> Mapping[str, Any]:
    """Return the sections that the gateway sent last; none where the spool cannot be read."""
    try:
        with read_only(spool) as reader:
            kept = reader.kept(SETTINGS)
    except (SpoolError, OSError):
        return {}
    return kept.value if kept is not None and isinstance(kept.value, dict) else {}


def _shown(value: Any) -> Any:
    """Give a merged value as it is written in a file."""
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value) if isinstance(value, OffPeak) else value


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)
