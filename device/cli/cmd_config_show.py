"""`fieldpost config show`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from device.cli.invocation import Invocation
from device.cli.output import document, width
from device.cli.tables import table
from device.config_file import Loaded

EXAMPLES = (
    ("fieldpost config show", "each setting and where it was set"),
    ("fieldpost config show --json", "the same for programs"),
)


def arguments(_parser: ArgumentParser) -> None:
    """Declare nothing of its own."""


def main(_args: Namespace, call: Invocation) -> int:
    """Print every setting with its origin. There are no secrets among them: tokens are in files."""
    call.start_logs()
    loaded = call.loaded()
    settings = list(_settings(loaded))
    if call.json:
        rows = [{"key": key, "value": value, "origin": origin} for key, value, origin in settings]
        document({"settings": rows})
    else:
        rows_of_text = [(key, _text(value), origin) for key, value, origin in settings]
        print(table(("KEY", "VALUE", "ORIGIN"), rows_of_text, width=width()))
    return 0


def _settings(loaded: Loaded) -> Iterator[tuple[str, Any, str]]:
    for key, origin in loaded.origins.items():
        section, *place, name = key.split(".")
        holder: Any = getattr(loaded.config, section)
        value = getattr(holder[int(place[0])] if place else holder, name)
        yield key, str(value) if isinstance(value, Path) else value, origin


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)
