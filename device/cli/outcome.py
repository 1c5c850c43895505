"""How a command that carries recordings ended: a table of them, what went wrong, the exit code."""

import signal
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from device.cli.exit_codes import INTERRUPTED
from device.cli.invocation import Invocation
from device.cli.output import document, sentence, width
from device.cli.views import entry_table
from device.documents.entries import entry_object
from device.errors import FieldpostError
from device.words import printable

if TYPE_CHECKING:
    from device.summary import Summary


T = TypeVar("T")


class Stopped(FieldpostError):
    """The program was asked to end before its work was done; everything is kept."""

    code = "interrupted"
    exit_code = INTERRUPTED


def lived(agent: "Coroutine[None, None, signal.Signals | None]") -> int:
    """Let the daemon live until it is told to end; returns the exit code."""
    return INTERRUPTED if _ran(agent) is signal.SIGINT else 0


def carried(work: Coroutine[None, None, "Summary"]) -> "Summary":
    """Carry until all is done.

    Args:
        work: What `device.once` offers.

    Raises:
        Stopped: SIGTERM came first.
    """
    import asyncio  # noqa: PLC0415 - `run --help` need not pay for it

    stopping = False

    async def until_stopped() -> "Summary":
        loop = asyncio.get_running_loop()
        carrying = asyncio.current_task()

        def stop() -> None:
            nonlocal stopping
            stopping = True
            if carrying is not None:
                carrying.cancel()

        loop.add_signal_handler(signal.SIGTERM, stop)
        try:
            return await work
        finally:
            loop.remove_signal_handler(signal.SIGTERM)

    try:
        return _ran(until_stopped())
    except asyncio.CancelledError as cancelled:
        if not stopping:
            raise
        raise Stopped("stopped by SIGTERM; everything is kept and goes on next time") from cancelled


def _ran(work: Coroutine[None, None, T]) -> T:
    """Run a loop; of several errors at once the first is the cause."""
    import asyncio  # noqa: PLC0415 - as above

    try:
        return asyncio.run(work)
    except BaseExceptionGroup as group:
        failures = group.subgroup(FieldpostError)
        if failures is None:
            raise
        raise _first(failures) from group


def _first(group: BaseExceptionGroup[FieldpostError]) -> FieldpostError:
    """Pick the error to tell: one task's failure cancels the others, so the first is the cause."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def tell(summary: "Summary", call: Invocation) -> int:
    """Print what came of it and return the exit code."""
    if call.json:
        document(
            {
                "recordings": [entry_object(entry) for entry in summary.entries],
                "problems": summary.problems,
                "exit_code": summary.exit_code,
            }
        )
        return summary.exit_code
    if summary.entries:
        print(entry_table(summary.entries, datetime.now(UTC), width()))
    elif not summary.problems:
        print("nothing to do: no recording is waiting")
    for problem in summary.problems:
        sys.stderr.write(sentence(f"fieldpost: {printable(problem)}") + "\n")
    return summary.exit_code
