"""Writing man pages: text in, roff for man(7) out; understood by groff and mandoc alike."""

import argparse
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime


class Page:
    """One page, from its title on."""

    def __init__(self, name: str, section: int, source: str) -> None:
        """Begin a page; the same program gives the same page wherever SOURCE_DATE_EPOCH is set."""
        since = os.environ.get("SOURCE_DATE_EPOCH", "")
        day = datetime.fromtimestamp(int(since), UTC) if since.isdecimal() else datetime.now(UTC)
        self._lines = [
            f'.TH "{escaped(name.upper())}" "{section}" "{day:%Y-%m-%d}" "{escaped(source)}"'
        ]

    def section(self, title: str) -> None:
        """Begin a section."""
        self._lines.append(f".SH {escaped(title)}")

    def subsection(self, title: str) -> None:
        """Begin a subsection."""
        self._lines.append(f".SS {escaped(title)}")

    def name(self, name: str, purpose: str) -> None:
        """Write the section that `whatis` reads."""
        self.section("NAME")
        self._lines.append(f"{escaped(name)} \\- {escaped(purpose)}")

    def text(self, *sentences: str) -> None:
        """Write a paragraph; the first of a section needs no mark of its own."""
        if not self._lines[-1].startswith((".SH", ".SS")):
            self._lines.append(".PP")
        self._lines += [_line(each) for each in sentences]

    def command(self, line: str) -> None:
        """Write a command line to be typed."""
        self._lines += [".PP"] if not self._lines[-1].startswith((".SH", ".SS")) else []
        self._lines.append(f"\\fB{escaped(line)}\\fR")

    def item(self, term: str, *about: str) -> None:
        """Write a term, and what it means below it."""
        self._lines += [".TP", f"\\fB{escaped(term)}\\fR", *(_line(each) for each in about if each)]

    def end(self) -> str:
        """Return the page."""
        return "\n".join(self._lines) + "\n"


def options(page: Page, parser: argparse.ArgumentParser) -> None:
    """Write what a parser takes, and what it says of groups of that."""
    for group in parser._action_groups:  # noqa: SLF001 - argparse offers no other way to list them
        for action in group._group_actions:  # noqa: SLF001 - as above
            if action.dest == "help":
                continue
            names = ", ".join(action.option_strings)
            term = f"{names} {_value(action)}".strip()
            page.item(term, (action.help or "").replace("%%", "%"))
        if group.description:
            page.text(group.description)


def usage(parser: argparse.ArgumentParser) -> str:
    """Return how a command is called, in one line."""
    told = re.sub(r"\s+", " ", parser.format_usage().removeprefix("usage: "))
    return told.replace(" [-h]", "").strip()


def pairs(page: Page, title: str, found: Sequence[tuple[str, str]]) -> None:
    """Write a section of terms."""
    page.section(title)
    for term, about in found:
        page.item(term, about)


def escaped(text: str) -> str:
    """Write text so that roff takes no letter of it for more than that."""
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return "".join(each if each.isascii() else f"\\[u{ord(each):04X}]" for each in plain)


def _line(text: str) -> str:
    """Write a line of running text: no blank may stand at its begin, and no point be a request."""
    line = escaped(" ".join(text.split()))
    return f"\\&{line}" if line.startswith((".", "'")) else line


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if action.choices is not None and action.metavar is None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest
    return f"[{metavar} ...]" if action.nargs in {"*", "+"} else metavar
