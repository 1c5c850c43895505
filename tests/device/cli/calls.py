"""What a call of the command line is made on, and how it ended."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Said:
    """How a call ended."""

    code: int
    out: str
    err: str


@dataclass
class Site:
    """A configuration file and the spool it names."""

    config: Path
    spool: Path
