"""docs/enrol.md: its commands are accepted, and it leaves out no field, order or state."""

import re
import shlex
from pathlib import Path

import pytest

from device.cli import commands
from device.cli.parser import Parser, add_globals
from device.core.heartbeat import Report
from device.core.orders import OrderType
from device.surroundings import NetworkKind, NetworkState, PowerState

PAGE = (Path(__file__).parents[1] / "docs/enrol.md").read_text()
CONSOLE = re.findall(r"```console\n(.*?)```", PAGE, flags=re.DOTALL)
LINES = [line for block in CONSOLE for line in block.splitlines()]


@pytest.mark.parametrize("line", LINES)
def test_commands_parse(line):
    """What the page says to type is what the program takes."""
    sudo, program, name, *rest = shlex.split(line, comments=True)
    parser = Parser(name, "", ())
    commands.command(name).arguments(parser)
    add_globals(parser)

    assert ("sudo", "fieldpost") == (sudo, program)
    assert parser.parse_args(rest) is not None


def test_every_field_is_explained():
    """A report with everything in it holds nothing that the page does not name."""
    body = Report(
        version="1",
        name="box",
        pending=0,
        network=NetworkState(kind=NetworkKind.WIFI, signal_dbm=-60),
        power=PowerState(battery_percent=50),
        used_bytes=1,
        total_bytes=1,
    ).body()

    assert [] == [name for name in body if f"`{name}`" not in PAGE]


def test_every_order_is_explained():
    """Each is named, with what comes of it."""
    assert [] == [kind for kind in OrderType if f"`{kind}`" not in PAGE]
