"""Help texts: every command explains itself, examples first."""

import re
import shlex
from pathlib import Path

import pytest

from device.cli import commands, exit_codes, parser
from device.cli.main import main
from device.cli.parser import Parser, add_globals

README = Path(__file__).parents[3] / "README.md"


def help_of(capsys, *words: str) -> str:
    assert 0 == main([*words, "--help"])
    return capsys.readouterr().out


@pytest.mark.parametrize("name", ["", *commands.COMMANDS])
def test_help_has_its_parts_in_order(capsys, name):
    """Purpose, usage, examples, options, exit status, environment, files: always in this order."""
    text = help_of(capsys, *name.split())
    parts = ["usage: ", "EXAMPLES", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "FILES"]

    places = [text.find(part) for part in parts]

    assert text.startswith(f"fieldpost {name}".strip() + ": ")
    assert sorted(places) == places
    assert -1 not in places


@pytest.mark.parametrize("name", ["", *commands.COMMANDS, *commands.GROUPS])
def test_help_fits_a_terminal(capsys, name):
    """No line of help is longer than 80 columns."""
    text = help_of(capsys, *name.split())

    assert [] == [line for line in text.splitlines() if len(line) > 80]


@pytest.mark.parametrize("name", ["", *commands.COMMANDS, *commands.GROUPS])
def test_help_fits_a_phone(capsys, monkeypatch, name):
    """In 40 columns only what is copied is longer: command lines of examples, and choices."""
    monkeypatch.setattr(parser, "page_width", lambda: 40)
    text = help_of(capsys, *name.split())
    long = [line for line in text.splitlines() if len(line) > 40]

    assert [] == [each for each in long if not each.startswith("  fieldpost ") and "{" not in each]


@pytest.mark.parametrize("name", ["", *commands.GROUPS])
def test_usage_asks_for_a_command(capsys, name):
    """Whoever reads the first lines alone learns that a command has to follow."""
    usage = help_of(capsys, *name.split()).partition("usage: ")[2].partition("\n\n")[0]

    assert usage.endswith(" COMMAND …")


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_examples_parse(name):
    """What the examples show is what the command accepts."""
    command = commands.command(name)

    assert 2 <= len(command.EXAMPLES) <= 3
    for line, _ in command.EXAMPLES:
        words = shlex.split(line)
        assert "fieldpost" == words[0]
        if name not in line:
            continue  # points to another command
        rest = line.partition(name)[2]
        built = Parser(name, "", ())
        command.arguments(built)
        add_globals(built)
        built.parse_args(shlex.split(rest))


@pytest.mark.parametrize("group", commands.GROUPS)
def test_a_group_lists_its_commands(capsys, group):
    """`fieldpost spool --help` names each of the group's commands."""
    text = help_of(capsys, group)

    assert all(name in text for name in commands.COMMANDS if name.startswith(f"{group} "))


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_help_and_mapping_agree_on_exit_codes(capsys, name):
    """The section EXIT STATUS is the mapping."""
    section = help_of(capsys, *name.split()).partition("EXIT STATUS\n")[2].partition("\n\n")[0]

    told = {int(code): meaning for code, meaning in re.findall(r"  (\d+) +(.+)", section)}

    assert exit_codes.EXIT_CODES == told


def test_readme_and_mapping_agree_on_exit_codes():
    """The table under "Exit codes" in README.md is the mapping."""
    section = README.read_text().partition("Exit codes\n")[2]

    assert section.lstrip("\n").startswith(exit_codes.markdown_table())


def test_every_command_module_is_in_the_table():
    """A cmd_….py that no name leads to would be dead."""
    folder = Path(commands.__file__).parent

    found = {path.stem for path in folder.glob("cmd_*.py")}

    assert {f"cmd_{name.replace(' ', '_')}" for name in commands.COMMANDS} == found
