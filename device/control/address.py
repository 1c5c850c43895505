"""Where the control socket is, for the agent that makes it and for programs that look for it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

NAME = "control.sock"
SERVICE_FOLDER = Path("/run/fieldpost")
"""RuntimeDirectory= of the unit: whoever calls the command line does not inherit its variable."""
SPOOL_HEADER = "Fieldpost-Spool"
"""Whom a request is for: on one computer several agents may run, each with its own spool."""
_LONGEST = 100
"""Bytes of a path that a socket's address takes for sure (sun_path is 108)."""


def place(spool: Path, environ: Mapping[str, str]) -> Path:
    """Say where an agent makes its socket."""
    return next(iter(_given(environ)), spool) / NAME


def places(spool: Path, environ: Mapping[str, str]) -> list[Path]:
    """Say where the socket of the agent of a spool may be, likeliest first."""
    folders = dict.fromkeys((*_given(environ), SERVICE_FOLDER, spool))
    return [folder / NAME for folder in folders]


@contextmanager
def short(path: Path) -> Iterator[str]:
    """Name a socket in a way that fits into an address, however deep its folder lies."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _given(environ: Mapping[str, str]) -> Iterator[Path]:
    first, _, _ = environ.get("RUNTIME_DIRECTORY", "").partition(":")
    if first.startswith("/"):
        yield Path(first)
