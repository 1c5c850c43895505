"""The exit codes of `fieldpost`, once: help texts, README and the program all read them here."""

import textwrap

from device.errors import FieldpostError

EXIT_CODES = {
    0: "ok",
    1: "failed, see the message (also: `doctor` or `spool verify` found damage)",
    2: "usage",
    3: "finished, but some recordings failed",
    69: "recorder, cloud or agent not reachable",
    75: "try again later (locked, full, rate-limited)",
    77: "not enrolled, or the token was refused",
    78: "configuration invalid",
    130: "interrupted",
}
"""Numbers the platform already knows (sysexits.h; `systemd-analyze exit-status`)."""

OK = 0
FAILED = 1
USAGE = 2
SOME_FAILED = 3
INTERRUPTED = 130


def exit_code(error: BaseException) -> int:
    """Say how the program ends because of an error."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return error.exit_code if isinstance(error, FieldpostError) else FAILED


def help_lines(columns: int) -> list[str]:
    """Return the section EXIT STATUS of every help text."""
    lines = (f"  {code:<4} {meaning}" for code, meaning in EXIT_CODES.items())
    return [
        told for line in lines for told in textwrap.wrap(line, columns, subsequent_indent=" " * 7)
    ]


def markdown_table() -> str:
    """Return the table under "Exit codes" in README.md."""
    rows = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    return "\n".join(["| code | meaning |", "|---|---|", *rows]) + "\n"
