"""`fieldpost settings RECORDER [NAME=VALUE …]`: how a Bota recorder uploads by itself."""

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from device.cli.bota_visit import visit
from device.cli.invocation import Invocation
from device.cli.output import document, width
from device.cli.settings_words import RANGES, as_object, meaning, parse_changes, written
from device.cli.tables import table
from device.core.bota_ble.settings_change import NAMES, Form, defaulted

if TYPE_CHECKING:
    from device.drivers.bota_session import Session
    from device.drivers.bota_settings import Changed, Held

EXAMPLES = (
    ("fieldpost settings ble://C0:FF:EE:00:00:01", "show them"),
    ("fieldpost settings ble://C0:FF:EE:00:00:01 wifi=off flush_s=30", "change these two alone"),
    ("fieldpost settings ble://C0:FF:EE:00:00:01 preference=ble,wifi", "Bluetooth before WiFi"),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("recorder", metavar="URL", help="a Bota recorder, as ble://ADDRESS")
    parser.add_argument(
        "changes", metavar="NAME=VALUE", nargs="*", help="a setting to change; others stay"
    )
    parser.add_argument_group(
        "settings", "; ".join(f"{name}: {values}" for name, values in RANGES.items()) + "."
    )


def main(args: Namespace, call: Invocation) -> int:
    """Show the settings; or change those that are named, and read back that it was done."""
    call.start_logs()
    changes = parse_changes(args.changes)

    async def look(session: "Session") -> tuple[str, "Changed"]:
        from device.drivers import bota_settings  # noqa: PLC0415 - it imports the links

        if changes:
            return session.serial, await bota_settings.change_settings(session, changes)
        held = await bota_settings.read_settings(session)
        return session.serial, bota_settings.Changed(before=held, after=held)

    serial, done = visit(args.recorder, call, look)
    if call.json:
        document(
            {
                "recorder": {"url": args.recorder, "serial": serial},
                "settings": as_object(done.after.settings),
                "defaults": defaulted(done.after.form),
                "changed": _differing(done),
            }
        )
    elif changes:
        _tell_changes(serial, done)
    else:
        _show(done.after)
    return 0


def _differing(done: "Changed") -> list[str]:
    before, after = done.before.settings, done.after.settings
    return [name for name in NAMES if getattr(before, name) != getattr(after, name)]


def _tell_changes(serial: str, done: "Changed") -> None:
    names = _differing(done)
    if not names:
        print(f"recorder {serial} has these settings already")
    for name in names:
        before, after = (written(name, each.settings) for each in (done.before, done.after))
        print(f"{name} was {before} and is {after}: {meaning(name, done.after.settings)}")


def _show(held: "Held") -> None:
    rows = []
    defaults = defaulted(held.form)
    for name in NAMES:
        note = " (by default)" if name in defaults else ""
        rows.append((name, written(name, held.settings), meaning(name, held.settings) + note))
    print(table(("SETTING", "VALUE", "MEANING"), rows, width=width()))
    if held.form is Form.BLANK:
        sys.stderr.write("the recorder holds no settings: these are its firmware's defaults\n")
