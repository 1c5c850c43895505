"""`fieldpost doctor`: look at everything that carries recordings, and say what to do."""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from device.cli import exit_codes
from device.cli.invocation import Invocation
from device.cli.output import NARROW, document
from device.cli.scene import scene_of
from device.cli.verdict_lines import lines, wrapped
from device.verdict import Verdict, skipped
from device.words import count, printable

if TYPE_CHECKING:
    from device.doctor import Result

EXAMPLES = (
    ("fieldpost doctor", "every check, what failed first; ends with 1 if any did"),
    ("fieldpost doctor --strict", "ends with 1 for warnings too"),
    ("fieldpost doctor --json", "for programs: .ok, and .checks with a fix for each failure"),
)
_LEAST = 32
_MOST = 100
_FIRST = (Verdict.FAILED, Verdict.WARNING)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("--strict", action="store_true", help="warnings count as failures")


def main(args: Namespace, call: Invocation) -> int:
    """Run every check at once and tell what came of it."""
    call.start_logs()
    import asyncio  # noqa: PLC0415 - `doctor --help` need not pay for it

    from device.doctor.running import every_check, examine  # noqa: PLC0415 - as above
    from device.documents.examined import doctor_object  # noqa: PLC0415 - as above

    scene = scene_of(call)
    if call.draws():
        sys.stderr.write("looking; this takes up to 20 s …\n")
    results = asyncio.run(examine(scene, every_check()))
    if call.json:
        document(doctor_object(results))
    else:
        print("\n".join(told_lines(results, columns(), colour=call.coloured(sys.stdout))))
    bad = _FIRST if args.strict else (Verdict.FAILED,)
    unwell = any(each.finding.verdict in bad for each in results)
    return exit_codes.FAILED if unwell else exit_codes.OK


def columns() -> int:
    """Say how wide text may be: a phone has 40 columns, and no screen needs more than 100."""
    if not sys.stdout.isatty():
        return NARROW
    try:
        return min(max(_LEAST, os.get_terminal_size(sys.stdout.fileno()).columns), _MOST)
    except OSError:
        return NARROW


def told_lines(results: "Sequence[Result]", width: int, *, colour: bool) -> Iterator[str]:
    """Write what needs a person first; everything else in the order of the checks."""
    rank = {verdict: place for place, verdict in enumerate(_FIRST)}
    causes: dict[str, list[str]] = {}
    for each in sorted(results, key=lambda each: rank.get(each.finding.verdict, len(rank))):
        if each.because is not None:
            causes.setdefault(each.because, []).append(each.code)
            continue
        name = f"{each.code} {_short(each.subject)}" if each.subject else each.code
        yield from lines(name, each.finding, width=width, colour=colour)
    for cause, codes in causes.items():
        found = skipped(", ".join(dict.fromkeys(codes)))
        yield from lines(
            f"not looked at, because {cause} failed", found, width=width, colour=colour
        )
    yield ""
    yield from wrapped(_summary(results), width)


def _short(subject: str) -> str:
    """Name a recorder by the end of its url, which says most; JSON has all of it."""
    place, _, _ = subject.partition("?")
    return printable(place.rstrip("/").rpartition("/")[2] or subject)


def _summary(results: "Sequence[Result]") -> str:
    number = {
        verdict: sum(each.finding.verdict is verdict for each in results) for verdict in Verdict
    }
    if not number[Verdict.FAILED] and not number[Verdict.WARNING]:
        return f"all is well: {count(number[Verdict.OK], 'check')} passed"
    return (
        f"{number[Verdict.FAILED]} failed, {count(number[Verdict.WARNING], 'warning')},"
        f" {number[Verdict.OK]} passed, {number[Verdict.SKIPPED]} not looked at"
    )
