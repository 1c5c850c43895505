"""Argument parsing with Fieldpost's help layout: purpose, usage, examples, options, exit status."""

import argparse
import difflib
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from device.cli import exit_codes
from device.cli.output import NARROW, WIDE, page_width
from device.errors import UsageInvalid

ENVIRONMENT = (
    ("FIELDPOST_SECTION__KEY", "overrides a setting, as in FIELDPOST_SPOOL__PATH"),
    ("CREDENTIALS_DIRECTORY", "set by systemd; its file `token` is the device token"),
    ("NO_COLOR", "when not empty: no colour"),
)
FILES = (
    ("/etc/fieldpost/fieldpost.toml", "the configuration"),
    ("/etc/fieldpost/conf.d/*.toml", "more of it, read in alphabetical order"),
    ("/etc/fieldpost/token", "the device token, mode 0600"),
    ("/var/lib/fieldpost/", "the spool"),
)


_BESIDE = 28
"""The column from which on options are explained; on a narrow terminal it is below them."""
_BELOW = 6


class Parser(argparse.ArgumentParser):
    """A parser that raises `UsageInvalid` instead of leaving, and lays help out our way."""

    def __init__(self, name: str, purpose: str, examples: Sequence[tuple[str, str]]) -> None:
        self._columns = NARROW
        super().__init__(
            prog=f"fieldpost {name}".strip(),
            allow_abbrev=False,
            formatter_class=lambda prog: argparse.HelpFormatter(
                prog,
                max_help_position=_BESIDE if self._columns >= WIDE else _BELOW,
                width=self._columns,
            ),
        )
        self._purpose = purpose
        self._examples = examples
        self.listing: dict[str, str] = {}

    def format_help(self) -> str:
        """Return the whole help text, as wide as the terminal and never wider than 80 columns."""
        columns = self._columns = page_width()
        purpose = textwrap.fill(f"{self.prog}: {self._purpose}", columns, subsequent_indent="  ")
        usage = self.format_usage()
        if self.listing:
            usage = f"{usage.rstrip()}\n{' ' * len(f'usage: {self.prog} ')}COMMAND …\n"
        if columns < WIDE:  # argparse would indent it by half the screen
            usage = textwrap.fill(
                " ".join(usage.split()),
                columns,
                subsequent_indent="  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
            usage += "\n"
        blocks = [f"{purpose}\n", usage]
        if self._examples:
            blocks.append("\n".join(["EXAMPLES", *self._example_lines()]) + "\n")
        if self.listing:
            blocks.append(_pairs("COMMANDS", tuple(self.listing.items()), columns))
        formatter = self._get_formatter()
        for group in self._action_groups:
            formatter.start_section(group.title.upper() if group.title else None)
            formatter.add_text(group.description)
            formatter.add_arguments(group._group_actions)  # noqa: SLF001 - as argparse itself does
            formatter.end_section()
        # argparse ends its headings with a colon; man pages and our own do not.
        blocks.append(re.sub(r"(?m)^([A-Z ]+):$", r"\1", formatter.format_help()))
        blocks.append("\n".join(["EXIT STATUS", *exit_codes.help_lines(columns)]) + "\n")
        blocks.append(_pairs("ENVIRONMENT", ENVIRONMENT, columns))
        blocks.append(_pairs("FILES", FILES, columns))
        return "\n".join(blocks)

    def _example_lines(self) -> list[str]:
        """Put what an example does beside it where there is room, else below; none is cut."""
        width = max(len(line) for line, _ in self._examples)
        beside = all(width + len(what) + 4 <= self._columns for _, what in self._examples)
        if beside:
            return [f"  {line:<{width}}  {what}" for line, what in self._examples]
        return [told for line, what in self._examples for told in _below(line, what, self._columns)]

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        hint = f"{self.prog} --help"
        if strange := re.match(r"unrecognized arguments: (--[^\s=]+)", message):
            known = [option for option in self._option_string_actions if option.startswith("--")]
            if near := difflib.get_close_matches(strange.group(1), known, n=1):
                hint = f"{near[0]}, or {hint}"
        raise UsageInvalid(message, hint=hint)


def add_globals(parser: argparse.ArgumentParser) -> None:
    """Add the options every command takes, before or after its name."""
    unset = argparse.SUPPRESS
    group = parser.add_argument_group("global options")
    group.add_argument(
        "-c", "--config", metavar="FILE", type=Path, default=unset,
        help="read this file instead of /etc/fieldpost (its conf.d is then not read)",
    )  # fmt: skip
    loud = group.add_mutually_exclusive_group()
    loud.add_argument(
        "-v", "--verbose", action="count", default=unset, help="log each step; -vv for debugging"
    )
    loud.add_argument(
        "-q", "--quiet", action="store_true", default=unset, help="no progress, warnings only"
    )
    group.add_argument(
        "--json", action="store_true", default=unset, help="print one JSON document on stdout"
    )
    group.add_argument(
        "--color", choices=("auto", "always", "never"), default=unset, help="default: auto"
    )
    group.add_argument("--no-input", action="store_true", default=unset, help="never ask anything")
    group.add_argument("--debug", action="store_true", default=unset, help="show tracebacks")


def _below(name: str, what: str, columns: int) -> list[str]:
    indent = " " * _BELOW
    return [
        f"  {name}",
        *textwrap.wrap(what, columns, initial_indent=indent, subsequent_indent=indent),
    ]


def _pairs(title: str, pairs: Sequence[tuple[str, str]], columns: int) -> str:
    width = max(len(name) for name, _ in pairs)
    lines = [title]
    for name, what in pairs:
        if columns < WIDE:
            lines += _below(name, what, columns)
            continue
        lines += textwrap.wrap(
            what,
            columns,
            initial_indent=f"  {name:<{width}}  ",
            subsequent_indent=" " * (width + 4),
        )
    return "\n".join(lines) + "\n"
