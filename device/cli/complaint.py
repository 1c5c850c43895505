"""Tell a person, or a program, why a command ended: one sentence and what to try."""

import json as json_module
import sys
import traceback
from types import TracebackType

from device.cli.exit_codes import exit_code
from device.cli.output import sentence
from device.documents.errors import error_object
from device.documents.plain import SCHEMA
from device.errors import ConfigInvalid, FieldpostError
from device.logs import redact


def complain(error: FieldpostError, *, json: bool, debug: bool) -> int:
    """Print an error on stderr and return its exit code."""
    code = exit_code(error)
    if debug:
        sys.stderr.write(redact("".join(traceback.format_exception(error))))
    if json:
        sys.stderr.write(
            redact(json_module.dumps({"schema": SCHEMA, **error_object(error)})) + "\n"
        )
    else:
        sys.stderr.write(redact("\n".join(map(sentence, _as_lines(error)))) + "\n")
    return code


def tell_bugs() -> None:
    """Let tracebacks of our own bugs pass the redactor too."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))

    sys.excepthook = hook


def _as_lines(error: FieldpostError) -> list[str]:
    if isinstance(error, ConfigInvalid):
        count = len(error.problems)
        noun = "problem" if count == 1 else "problems"
        lines = [f"fieldpost: the configuration has {count} {noun}"]
        return [*lines, *(f"  {problem}" for problem in error.problems)]
    lines = [f"fieldpost: {error}"]
    return [*lines, f"  try: {error.hint}"] if error.hint else lines
