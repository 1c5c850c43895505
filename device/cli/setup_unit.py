"""Start the agent's unit for `setup`, or say which commands would."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from enum import StrEnum

from device.errors import Fault, FieldpostError

UNIT = "fieldpost.service"
_SHORT_S, _START_S = 10.0, 120.0


class UnitFailed(FieldpostError):
    """systemd could not start the agent; the configuration stays as it was written."""

    code = "unit-failed"
    fault = Fault.OPERATOR
    hint = "journalctl -u fieldpost -e"


class UnitState(StrEnum):
    """What became of the unit."""

    STARTED = "started"
    RESTARTED = "restarted"
    RUNNING = "running"
    SKIPPED = "skipped"
    NOT_ROOT = "not-root"
    NOT_INSTALLED = "not-installed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What this computer has of it."""

    installed: bool
    active: bool = False
    root: bool = False

    @classmethod
    def look(cls) -> "Unit":
        """Ask systemd."""
        root = os.geteuid() == 0
        if shutil.which("systemctl") is None:
            return cls(installed=False, root=root)
        if _asked("show", "--property=LoadState", "--value", UNIT).strip() != "loaded":
            return cls(installed=False, root=root)
        state = _asked("show", "--property=ActiveState", "--value", UNIT).strip()
        return cls(installed=True, active=state in {"active", "reloading", "activating"}, root=root)

    def commands(self) -> tuple[str, ...]:
        """Say what a person types to have it run now and after every boot."""
        if self.active:
            return ("sudo systemctl enable fieldpost", "sudo systemctl restart fieldpost")
        return ("sudo systemctl enable --now fieldpost",)

    def start(self, *, changed: bool) -> UnitState:
        """Have it run now and after every boot, with what was changed.

        Raises:
            UnitFailed: It does not start.
        """
        if not self.installed:
            return UnitState.NOT_INSTALLED
        if not self.root:
            return UnitState.NOT_ROOT
        if not self.active:
            # One that failed before is counted: a start would be refused for having been too many.
            _asked("reset-failed", UNIT)
            _do("enable", "--now", UNIT)
            return UnitState.STARTED
        _do("enable", UNIT)
        if not changed:
            return UnitState.RUNNING
        _do("restart", UNIT)  # a reload would not give it a new token
        return UnitState.RESTARTED


def _asked(*words: str) -> str:
    try:
        done = _run(*words, within_s=_SHORT_S)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _do(*words: str) -> None:
    shown = " ".join(("systemctl", *words))
    try:
        done = _run(*words, within_s=_START_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnitFailed(f"{shown} did not end well: {error}") from error
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or [f"it exited {done.returncode}"])[0]
        raise UnitFailed(f"{shown}: {said}")


def _run(*words: str, within_s: float) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["systemctl", "--no-pager", "--no-ask-password", *words],  # noqa: S607 - where PATH has it
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=within_s,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
