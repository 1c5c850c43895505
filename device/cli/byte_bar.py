"""A bar for work that reads bytes through, on a terminal alone."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from device.cli.invocation import Invocation


@contextmanager
def byte_bar(call: Invocation, doing: str, total_bytes: int) -> Iterator[Callable[[int], None]]:
    """Yield what to tell of bytes that went by."""
    if not call.draws():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - 60 ms that only a terminal pays
    from rich.progress import Progress  # noqa: PLC0415 - as above

    console = Console(stderr=True, no_color=not call.coloured(sys.stderr))
    with Progress(console=console, transient=True) as bars:
        task = bars.add_task(doing, total=total_bytes)
        yield lambda more_bytes: bars.advance(task, more_bytes)
