"""The arguments of `webhooks`."""

import argparse
from collections.abc import Callable
from typing import Any

_STATUSES = ("pending", "delivered", "dead", "cancelled")
_MOST_SHOWN = 1000


def add(
    commands: Any, command: Callable[..., argparse.ArgumentParser], group: Callable[..., Any]
) -> None:
    """Add the commands."""
    webhooks = group(
        commands,
        "webhooks",
        "Addresses that are told of events.",
        "fieldpost-gateway webhooks add https://backend.example.org/fieldpost",
        "fieldpost-gateway webhooks deliveries --status dead",
    )
    made = command(
        webhooks,
        "add",
        "Make a webhook and print its secret, once.",
        "fieldpost-gateway webhooks add https://backend.example.org/fieldpost",
        "fieldpost-gateway webhooks add http://127.0.0.1:9000/ --events recording.uploaded",
    )
    made.add_argument("url", metavar="URL")
    made.add_argument("--events", metavar="A,B", help="only these types (default: all)")
    made.add_argument("--description", default="", metavar="TEXT", help="what it is for")
    command(webhooks, "ls", "List webhooks.", "fieldpost-gateway webhooks ls --json")
    removed = command(
        webhooks,
        "rm",
        "Delete a webhook; what is on its way to it is cancelled.",
        "fieldpost-gateway webhooks rm wh_…",
    )
    removed.add_argument("webhook", metavar="WEBHOOK_ID")
    shown = command(
        webhooks,
        "deliveries",
        "List deliveries with how their last try went, newest first.",
        "fieldpost-gateway webhooks deliveries --status dead",
        "fieldpost-gateway webhooks deliveries wh_… --json",
    )
    shown.add_argument("webhook", nargs="?", metavar="WEBHOOK_ID", help="only of this one")
    shown.add_argument("--status", choices=_STATUSES, help="only of this status")
    shown.add_argument("--limit", type=_limit, default=25, metavar="N", help="how many (25)")
    replay = command(
        webhooks,
        "replay",
        "Send a delivery once more, or all of a webhook that are dead.",
        "fieldpost-gateway webhooks replay dlv_…",
        "fieldpost-gateway webhooks replay wh_…",
    )
    replay.add_argument("what", metavar="DELIVERY_ID|WEBHOOK_ID")


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= _MOST_SHOWN:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_MOST_SHOWN}")
    return int(text)
