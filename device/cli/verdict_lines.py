"""Findings as people read them: a mark, a name, a sentence, and below it what to type."""

import textwrap
from collections.abc import Iterator

from device.verdict import Finding, Verdict
from device.words import printable

MARKS = {
    Verdict.OK: "[ok]",
    Verdict.WARNING: "[!!]",
    Verdict.FAILED: "[xx]",
    Verdict.SKIPPED: "[--]",
}
COLOURS = {Verdict.OK: "32", Verdict.WARNING: "33", Verdict.FAILED: "31", Verdict.SKIPPED: "2"}
"""SGR codes; never colour alone."""
_INDENT = "     "


def lines(name: str, finding: Finding, *, width: int, colour: bool) -> Iterator[str]:
    """Write one finding; no line is wider but for long words, which people copy."""
    mark = MARKS[finding.verdict]
    first, *rest = wrapped(f"{name}: {printable(finding.sentence)}", width - len(_INDENT))
    yield f"{_coloured(mark, finding.verdict) if colour else mark} {first}"
    yield from (f"{_INDENT}{line}" for line in rest)
    if finding.fix is not None:
        yield from (
            f"{_INDENT}{line}" for line in wrapped(f"try: {finding.fix}", width - len(_INDENT))
        )


def wrapped(text: str, width: int) -> list[str]:
    """Break between words alone."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def _coloured(mark: str, verdict: Verdict) -> str:
    return f"\x1b[{COLOURS[verdict]}m{mark}\x1b[0m"
