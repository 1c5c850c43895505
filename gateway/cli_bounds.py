"""The arguments of `audit`, `quota` and `retention`."""

import argparse
from collections.abc import Callable
from typing import Any

_BOUNDS = (
    ("--recordings-per-day", "new recordings within a UTC day"),
    ("--media-bytes-per-day", "bytes of new media within a UTC day"),
    ("--storage-bytes", "bytes that are kept in all"),
    ("--retention-days", "days after which uploaded recordings are deleted"),
)
_INHERIT = -1
_MOST_SHOWN = 1000


def add(
    commands: Any, command: Callable[..., argparse.ArgumentParser], group: Callable[..., Any]
) -> None:
    """Add the commands."""
    audit = command(
        commands,
        "audit",
        "List what was changed by whom, newest first.",
        "fieldpost-gateway audit --limit 50",
        "fieldpost-gateway audit --actor cli --json",
    )
    audit.add_argument("--subject", metavar="ID", help="only what is about this id")
    audit.add_argument("--actor", metavar="ID", help="only what this key, phone or `cli` did")
    audit.add_argument("--limit", type=_limit, default=25, metavar="N", help="how many (25)")

    quota = group(
        commands,
        "quota",
        "How much devices and API keys may do.",
        "fieldpost-gateway quota show AM-07",
        "fieldpost-gateway quota set AM-07 --recordings-per-day 200",
    )
    show = command(
        quota,
        "show",
        "Show a quota and what was used of it.",
        "fieldpost-gateway quota show",
        "fieldpost-gateway quota show AM-07",
    )
    change = command(
        quota,
        "set",
        "Change a quota; a gateway that serves heeds it at once.",
        "fieldpost-gateway quota set --recordings-per-day 200",
        "fieldpost-gateway quota set AM-07 --storage-bytes 50000000000",
        "fieldpost-gateway quota set AM-07 --recordings-per-day inherit",
    )
    for parser in (show, change):
        parser.add_argument(
            "subject",
            nargs="?",
            metavar="SERIAL|DEVICE_ID|KEY_ID",
            help="whose (default: all devices)",
        )
    for flag, means in _BOUNDS:
        change.add_argument(
            flag, type=_bound, metavar="N", help=f"{means}; 0: no bound; inherit: as for all"
        )

    retention = command(
        commands,
        "retention",
        "Delete uploaded recordings that were kept for long enough.",
        "fieldpost-gateway retention --dry-run --data /srv/fieldpost",
    )
    retention.add_argument("--dry-run", action="store_true", help="only say what would go")


def _bound(text: str) -> int:
    if text == "inherit":
        return _INHERIT
    if not (text.isascii() and text.isdigit() and int(text) <= 2**53):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on, nor inherit")
    return int(text)


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _MOST_SHOWN):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to {_MOST_SHOWN}")
    return int(text)
