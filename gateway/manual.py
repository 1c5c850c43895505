"""The manual page of the gateway, written from its parser."""

import argparse
from collections.abc import Iterator
from importlib.metadata import version

from device.cli import roff
from device.cli.roff import Page


def page(parser: argparse.ArgumentParser, after: str) -> str:
    """Return the page of `fieldpost-gateway`, with every command.

    Args:
        parser: The whole program's.
        after: What its help ends with: blocks of `title:` and indented `term  meaning` lines.
    """
    written = Page("fieldpost-gateway", 1, f"Fieldpost {version('fieldpost')}")
    purpose, _, examples = (parser.description or "").partition("\n\nexamples:\n")
    written.name("fieldpost-gateway", purpose.rstrip("."))
    written.section("SYNOPSIS")
    written.command(roff.usage(parser))
    written.section("EXAMPLES")
    for line in examples.splitlines():
        written.command(line.strip())
    written.section("COMMANDS")
    for each in _commands(parser):
        _command(written, each)
    for block in after.split("\n\n"):
        title, _, lines = block.partition(":\n")
        if lines:
            terms = (line.strip().partition("  ") for line in lines.splitlines())
            roff.pairs(written, title.upper(), [(term, told.strip()) for term, _, told in terms])
    written.section("SEE ALSO")
    written.text("fieldpost(1)")
    return written.end()


def _command(written: Page, parser: argparse.ArgumentParser) -> None:
    purpose, _, examples = (parser.description or "").partition("\n\nexamples:\n")
    written.subsection(parser.prog)
    written.text(purpose)
    written.command(roff.usage(parser))
    roff.options(written, parser)
    for line in examples.splitlines():
        written.item(f"Example: {line.strip()}", "")


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Walk down to the parsers that are commands and no groups of them."""
    below = [
        each
        for action in parser._actions  # noqa: SLF001 - argparse offers no other way
        if isinstance(action, argparse._SubParsersAction)  # noqa: SLF001 - as above
        for each in action.choices.values()
    ]
    if not below:
        yield parser
    for each in below:
        yield from _commands(each)
