"""The checks of `fieldpost doctor`: what a check is, what it looks at, and the table of them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device.clock import Clock
from device.config import Config
from device.config_file import Loaded
from device.errors import ConfigInvalid, FieldpostError
from device.verdict import Finding

if TYPE_CHECKING:
    import asyncio

CONFIG = "config-valid"


@dataclass(kw_only=True)
class Scene:
    """What checks look at, and what one of them learnt for the next.

    `status` is the document of `status --json`, told by the agent or read from its spool; it is
    None where neither could be asked, and `trouble` says why.
    """

    loaded: Loaded | None
    problem: ConfigInvalid | None
    environ: Mapping[str, str]
    status: Mapping[str, Any] | None
    trouble: FieldpostError | None
    clock: Clock
    root: Path = Path("/")
    """Where /proc, /sys and /run are."""
    scans: dict[str | None, "asyncio.Task[Any]"] = field(default_factory=dict)
    """One look around for each Bluetooth adapter, however many recorders are looked for."""

    @property
    def config(self) -> Config:
        """The configuration; only for checks that need `config-valid`."""
        if self.loaded is None:
            raise self.problem or ConfigInvalid(["there is none"])
        return self.loaded.config

    @property
    def agent_pid(self) -> int | None:
        """Who carries; 0 if an agent runs and nobody knows its number, None without one."""
        agent = (self.status or {}).get("agent") or {}
        return (agent.get("pid") or 0) if agent.get("running") else None

    @property
    def now(self) -> datetime:
        """Our own idea of the time."""
        return self.clock.now()


def _once(_scene: Scene) -> Sequence[str]:
    return ("",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing to look at.

    `subjects` are what it looks at one by one: recorders, clouds; without any it does not apply
    and is not told. `needs` names the checks without which it makes no sense: for the same subject
    where they know it, else for all of theirs.
    """

    code: str
    run: Callable[[Scene, str], Awaitable[Finding]]
    needs: tuple[str, ...] = ()
    subjects: Callable[[Scene], Sequence[str]] = _once


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one check of one subject."""

    code: str
    subject: str | None
    finding: Finding
    seconds: float
    because: str | None = None
    """The check that failed, for which this one was not even begun."""


BUILTIN = (
    "device.doctor.box:CHECKS",
    "device.doctor.service:CHECKS",
    "device.doctor.spool:CHECKS",
    "device.doctor.bluetooth:CHECKS",
    "device.doctor.serial:CHECKS",
    "device.doctor.folders:CHECKS",
    "device.doctor.clouds:CHECKS",
)
"""Where checks are, in the order in which they are told."""
