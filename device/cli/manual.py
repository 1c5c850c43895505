"""The program's own manual pages, written from the parsers and the dataclasses themselves."""

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from importlib.metadata import version
from typing import Any

from device.cli import commands, exit_codes, parsers, roff
from device.cli.parser import ENVIRONMENT, FILES, Parser
from device.cli.roff import Page
from device.config import RecorderConfig
from device.config_values import SECTIONS

_ABOUT = (
    "Fieldpost pulls recordings off field recorders (serial line, Bluetooth LE, folder), keeps"
    " them in a spool on this computer, sends them to a cloud over links that drop, and lets a"
    " recorder delete its copy only after the cloud has acknowledged every byte."
)
_EVERY = (
    "Every command takes the global options, --json among them, before or after its name, and"
    " --help, which shows examples first."
)


def fieldpost() -> str:
    """Return the page of the program, with every command."""
    page = _page("fieldpost", 1)
    page.name("fieldpost", parsers.PURPOSE)
    page.section("SYNOPSIS")
    page.command(roff.usage(parsers.top()) + " COMMAND ...")
    page.section("DESCRIPTION")
    page.text(_ABOUT, _EVERY)
    page.section("EXAMPLES")
    for line, what in parsers.EXAMPLES:
        page.item(line, what)
    page.section("COMMANDS")
    for name, purpose in commands.COMMANDS.items():
        _command(page, name, purpose)
    page.section("GLOBAL OPTIONS")
    roff.options(page, parsers.top())
    codes = [(str(code), meaning) for code, meaning in exit_codes.EXIT_CODES.items()]
    roff.pairs(page, "EXIT STATUS", codes)
    roff.pairs(page, "ENVIRONMENT", ENVIRONMENT)
    roff.pairs(page, "FILES", FILES)
    page.section("SEE ALSO")
    page.text("fieldpost.toml(5), fieldpost-gateway(1), journalctl(1), systemctl(1)")
    return page.end()


def configuration() -> str:
    """Return the page of the configuration, with every setting."""
    page = _page("fieldpost.toml", 5)
    page.name("fieldpost.toml", "configuration of fieldpost(1)")
    page.section("SYNOPSIS")
    page.text("/etc/fieldpost/fieldpost.toml, /etc/fieldpost/conf.d/*.toml")
    page.section("DESCRIPTION")
    page.text(
        "TOML. Later ones win: built-in defaults, fieldpost.toml, the files of conf.d in"
        " alphabetical order, then variables such as FIELDPOST_CLOUD__BASE_URL.",
        "Every key is optional. What is no key of Fieldpost's is an error: fieldpost config check"
        " reports them all, fieldpost config show tells where each value was set.",
    )
    for name, schema in SECTIONS.items():
        page.section(f"[{name}]")
        page.text((schema.__doc__ or "").splitlines()[0])
        for each in fields(schema):
            _setting(page, each, getattr(schema(), each.name))
        if name == "cloud":
            page.section("[cloud.images]")
            page.text("A second cloud, which gets the images. It takes the keys of [cloud].")
    page.section("[[recorders]]")
    page.text("One table for each recorder or folder of recordings.")
    for each in fields(RecorderConfig):
        _setting(page, each, None if each.default is MISSING else each.default)
    roff.pairs(page, "FILES", FILES)
    page.section("SEE ALSO")
    page.text("fieldpost(1)")
    return page.end()


PAGES: dict[str, Callable[[], str]] = {
    "fieldpost.1": fieldpost,
    "fieldpost.toml.5": configuration,
}
"""File name → what writes it; the digit is the section of the manual."""


def _page(name: str, section: int) -> Page:
    return Page(name, section, f"Fieldpost {version('fieldpost')}")


def _command(page: Page, name: str, purpose: str) -> None:
    command = commands.command(name)
    parser = Parser(name, purpose, ())  # the global options have a section of their own
    command.arguments(parser)
    page.subsection(f"fieldpost {name}")
    page.text(f"{purpose[0].upper()}{purpose[1:]}.")
    page.command(roff.usage(parser))
    roff.options(page, parser)
    for line, what in command.EXAMPLES:
        page.item(f"Example: {line}", what)


def _setting(page: Page, setting: Field[Any], default: Any) -> None:
    shown = setting.metadata.get("built-in", default)
    if isinstance(shown, bool):
        shown = str(shown).lower()
    told = "" if shown in {None, ""} else f"Default: {shown}."
    page.item(setting.name, f"{setting.metadata['doc']}.", told)
