"""The arguments of `phones`."""

import argparse
from collections.abc import Callable
from typing import Any


def add(
    commands: Any, command: Callable[..., argparse.ArgumentParser], group: Callable[..., Any]
) -> None:
    """Add the commands."""
    phones = group(
        commands,
        "phones",
        "Phones that sync Bluetooth recorders by their browser.",
        'fieldpost-gateway phones code "Anna\'s phone" --public-url https://gateway.example.org',
        "fieldpost-gateway phones ls",
    )
    code = command(
        phones,
        "code",
        "Make a one-time code and QR code that pair a phone, within 15 minutes.",
        'fieldpost-gateway phones code "Anna\'s phone" --public-url https://gateway.example.org',
    )
    code.add_argument("name", metavar="NAME", help="what the phone is to be called")
    code.add_argument("--end-user", metavar="ID", help="whose recordings it brings")
    code.add_argument(
        "--public-url",
        metavar="URL",
        help="this gateway as phones see it (default: FIELDPOST_GATEWAY_PUBLIC_URL)",
    )
    command(phones, "ls", "List paired phones.", "fieldpost-gateway phones ls --json")
    revoke = command(
        phones,
        "revoke",
        "Revoke a phone; what it brought stays.",
        "fieldpost-gateway phones revoke phn_…",
    )
    revoke.add_argument("phone", metavar="PHONE_ID")
