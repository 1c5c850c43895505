"""The help of the commands that people look with, word for word up to their options.

Made anew after a change that is meant: python -m tests.device.cli.test_help_golden.
"""

from pathlib import Path

import pytest

from device.cli import commands
from device.cli.parser import Parser, add_globals

GOLDEN = Path(__file__).parent / "help"
NAMES = ("status", "top", "recordings ls", "recordings show")


def told(name: str) -> str:
    """The whole help; options are cut off, which Python's versions write differently."""
    command = commands.command(name)
    parser = Parser(name, commands.COMMANDS[name], command.EXAMPLES)
    command.arguments(parser)
    own = [
        f"  {', '.join(each.option_strings) or each.metavar}: {each.help}"
        for each in parser._actions
        if each.dest != "help"
    ]
    add_globals(parser)
    head = parser.format_help().partition("\nusage: ")[0]
    examples = "EXAMPLES\n" + parser.format_help().partition("EXAMPLES\n")[2].partition("\n\n")[0]
    return "\n\n".join([head.strip(), examples, "\n".join(["OWN OPTIONS", *own])]) + "\n"


def golden(name: str) -> Path:
    return GOLDEN / f"{name.replace(' ', '-')}.txt"


@pytest.mark.parametrize("name", NAMES)
def test_the_help_is_what_was_agreed(name):
    """A change of help is a change that somebody meant."""
    assert golden(name).read_text() == told(name)


if __name__ == "__main__":
    for each in NAMES:
        golden(each).write_text(told(each))
