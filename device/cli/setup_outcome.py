"""What `setup` decided and did, for people and for programs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device.cli import exit_codes
from device.cli.setup_token import Given
from device.cli.setup_unit import Unit, UnitState
from device.cli.verdict_lines import lines, wrapped
from device.config import Config
from device.config_checks import DRIVER_OF_SCHEME
from device.documents.errors import error_object
from device.documents.examined import doctor_object
from device.errors import FieldpostError
from device.verdict import Verdict
from device.words import printable

if TYPE_CHECKING:
    from device.cli.setup_files import Page
    from device.doctor import Result

_TOKEN = {
    Given.TOKEN: "stored",
    Given.CODE: "fetched by the code, and stored",
    Given.KEPT: "kept",
    Given.NOTHING: "none yet: recordings are kept, and uploads wait",
}
_UNIT = {
    UnitState.STARTED: "started, now and at every boot",
    UnitState.RESTARTED: "restarted with what is new",
    UnitState.RUNNING: "runs, now and at every boot",
    UnitState.SKIPPED: "left as it is",
    UnitState.NOT_ROOT: "left as it is: only root may start it",
    UnitState.NOT_INSTALLED: "not installed as a service",
    UnitState.FAILED: "not started",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it. `kept` is where an earlier file is now; `file` is that of --config."""

    config: Config
    page: "Page"
    given: Given
    dry_run: bool
    file: Path | None
    kept: Path | None = None
    checks: "tuple[Result, ...]" = ()
    unit: UnitState = UnitState.SKIPPED
    commands: tuple[str, ...] = ()
    failure: FieldpostError | None = None
    """Why the unit did not start."""

    @property
    def exit_code(self) -> int:
        """A check that failed is a failure, whatever else went well."""
        return exit_codes.FAILED if self._unwell or self.failure else exit_codes.OK

    @property
    def _unwell(self) -> bool:
        return any(each.finding.verdict is Verdict.FAILED for each in self.checks)

    def as_object(self) -> dict[str, Any]:
        """Describe it for programs; no secret is in it."""
        return {
            "dry_run": self.dry_run,
            "file": self.page.file,
            "changed": self.page.changed,
            "backup": self.kept,
            "diff": self.page.diff(),
            "cloud": {"api": self.config.cloud.api, "base_url": self.config.cloud.base_url},
            "recorders": [
                {"url": each.url, "driver": each.driver, "release": each.release}
                for each in self.config.recorders
            ],
            "token": {"given": self.given, "file": self.config.cloud.token_file},
            **doctor_object(self.checks),
            "unit": self.unit,
            "problem": error_object(self.failure) if self.failure else None,
            "next": list(self.next()),
        }

    def lines(self, width: int, *, colour: bool) -> Iterator[str]:
        """Tell it to people."""
        if self.dry_run:
            yield from wrapped("dry run: nothing was written, sent or started", width)
            yield ""
        verb = "would be written" if self.dry_run else "written"
        done = verb if self.page.changed else "as it was"
        yield from wrapped(f"configuration: {self.page.file} {done}", width)
        if self.kept is not None:
            yield from wrapped(f"the earlier one: {self.kept}", width)
        yield from wrapped(f"recorders: {len(self.config.recorders)}", width)
        yield from wrapped(f"cloud: {self.config.cloud.api}, {self.config.cloud.base_url}", width)
        token = "to be stored" if self.dry_run and self._new_token else _TOKEN[self.given]
        yield from wrapped(f"token: {token}", width)
        if self.checks:
            yield ""
            for each in self.checks:
                name = f"{each.code} {printable(each.subject)}" if each.subject else each.code
                yield from lines(name, each.finding, width=width, colour=colour)
        yield ""
        if not self.dry_run and self.file is None:
            why = f": {printable(str(self.failure))}" if self.failure else ""
            yield from wrapped(f"agent: {_UNIT[self.unit]}{why}", width)
        yield "next:"
        yield from (f"  {step}" for step in self.next())

    def next(self) -> Iterator[str]:
        """Say what to type next, in order."""
        program = "fieldpost" if self.file is None else f"fieldpost -c {self.file}"
        if self.dry_run:
            yield f"{program} setup"
            return
        if self.given is Given.NOTHING:
            yield f"{program} enrol"
        if not self.config.recorders:
            yield f"{program} scan"
        if self.failure is not None and self.failure.hint:
            yield self.failure.hint
        if self._unwell or self.failure:
            yield f"{program} doctor"
        if self.file is not None or self.unit is UnitState.NOT_INSTALLED:
            yield f"{program} run"
        else:
            yield from self._folders()
            yield from self.commands
        yield f"{program} status"

    def _folders(self) -> Iterator[str]:
        """Name what the unit's own fence keeps it from: folders that it is to change."""
        folders = _changed_folders(self.config)
        paths = " ".join(f'"{each}"' if " " in each else each for each in folders)
        if paths:
            yield "sudo systemctl edit fieldpost    # put in these two lines:"
            yield "    [Service]"
            yield f"    ReadWritePaths={paths}"
            if not self.commands:
                yield "sudo systemctl restart fieldpost"

    @property
    def _new_token(self) -> bool:
        return self.given in {Given.TOKEN, Given.CODE}


def commands(unit: Unit, state: UnitState) -> tuple[str, ...]:
    """Say what a person has to type to have the agent run."""
    return unit.commands() if state in {UnitState.SKIPPED, UnitState.NOT_ROOT} else ()


def _changed_folders(config: Config) -> Iterator[str]:
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - only at the end

    for each in config.recorders:
        parts = urlsplit(each.url)
        folder = (each.driver or DRIVER_OF_SCHEME.get(parts.scheme)) == "folder"
        if folder and each.release != "keep":
            yield unquote(parts.path)
            policy, _, place = each.release.partition(":")
            if policy == "archive":
                yield place
