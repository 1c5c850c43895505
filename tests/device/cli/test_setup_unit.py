"""The agent's unit as `setup` starts it: through a strict double of the few calls of systemctl."""

import os
import sys
from pathlib import Path

import pytest

from device.cli import setup_outcome
from device.cli.setup_files import Page
from device.cli.setup_outcome import Outcome
from device.cli.setup_token import Given
from device.cli.setup_unit import Unit, UnitFailed, UnitState
from device.config import Config, RecorderConfig

# It knows these calls and no others, and keeps what was done to the unit.
SYSTEMCTL = """\
#!{python}
import os, sys
from pathlib import Path
here = Path(__file__).parent
flags, words = ["--no-pager", "--no-ask-password"], sys.argv[3:]
if sys.argv[1:3] != flags or words.pop() != "fieldpost.service":
    sys.exit("Unknown operation")
state = dict(line.split("=", 1) for line in (here / "state").read_text().splitlines())
if words[0] == "show" and words[2] == "--value":
    print(state[words[1].removeprefix("--property=")])
    sys.exit(0)
if words not in (["enable"], ["enable", "--now"], ["restart"], ["reset-failed"]):
    sys.exit("Unknown operation " + " ".join(words))
with (here / "done").open("a") as done:
    done.write(" ".join(words) + chr(10))
if words != ["reset-failed"] and state["Starts"] == "no":
    sys.exit("Job for fieldpost.service failed.")
"""


class Systemd:
    """A unit, and what was asked of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "done").touch()

    def has(self, *, load: str = "loaded", active: str = "inactive", starts: str = "yes") -> None:
        text = f"LoadState={load}\nActiveState={active}\nStarts={starts}\n"
        (self._folder / "state").write_text(text)

    @property
    def done(self) -> list[str]:
        return (self._folder / "done").read_text().splitlines()


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """The double, alone on PATH; we are root."""
    program = tmp_path / "systemctl"
    program.write_text(SYSTEMCTL.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return Systemd(tmp_path)


def test_a_unit_that_rests_is_enabled_and_started(systemd):
    """Now and at every boot, though it failed too often before."""
    systemd.has(active="failed")

    assert UnitState.STARTED is Unit.look().start(changed=True)
    assert ["reset-failed", "enable --now"] == systemd.done


@pytest.mark.parametrize(
    ("changed", "state", "done"),
    [(True, UnitState.RESTARTED, ["enable", "restart"]), (False, UnitState.RUNNING, ["enable"])],
)
def test_a_unit_that_runs_is_restarted_for_a_change_alone(systemd, changed, state, done):
    """A reload would not give it a new token; without a change it is left in peace."""
    systemd.has(active="active")

    assert state is Unit.look().start(changed=changed)
    assert done == systemd.done


def test_who_is_not_root_is_told_the_commands(systemd, monkeypatch):
    """And nothing is tried."""
    systemd.has()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    unit = Unit.look()
    state = unit.start(changed=True)

    assert UnitState.NOT_ROOT is state
    assert ("sudo systemctl enable --now fieldpost",) == setup_outcome.commands(unit, state)
    assert [] == systemd.done


def test_a_unit_that_is_not_there_is_left_alone(systemd):
    """The agent runs without it too."""
    systemd.has(load="not-found")

    assert UnitState.NOT_INSTALLED is Unit.look().start(changed=True)
    assert [] == systemd.done


def test_a_computer_without_systemd_has_no_unit(tmp_path, monkeypatch):
    """Nothing of that name is on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert not Unit.look().installed


def test_a_unit_that_does_not_start_is_told_in_its_own_words(systemd):
    """With where to read on."""
    systemd.has(starts="no")
    with pytest.raises(UnitFailed, match=r"enable --now .*: Job for .* failed") as failed:
        Unit.look().start(changed=True)

    assert "journalctl" in str(failed.value.hint)


def outcome(tmp_path, **more) -> Outcome:
    config = Config(
        recorders=(RecorderConfig(url="folder:///srv/a%20yard", release="archive:/srv/sent"),)
    )
    page = Page(file=tmp_path / "x", before="", after="")
    return Outcome(config=config, page=page, given=Given.NOTHING, dry_run=False, **more)


def test_folders_beyond_the_units_fence_are_named(tmp_path):
    """The unit sees the disk read-only, so what it is to change has to be said in a drop-in."""
    steps = list(outcome(tmp_path, file=None, unit=UnitState.STARTED).next())

    assert "fieldpost enrol" == steps[0]
    assert '    ReadWritePaths="/srv/a yard" /srv/sent' in steps
    assert "fieldpost status" == steps[-1]


def test_a_file_of_ones_own_is_not_what_the_unit_reads(tmp_path):
    """So the agent is run by hand, with it."""
    steps = list(outcome(tmp_path, file=tmp_path / "x").next())

    assert f"fieldpost -c {tmp_path}/x run" in steps
    assert not [each for each in steps if "systemctl" in each]


def test_a_unit_that_did_not_start_is_a_failure(tmp_path):
    """What was done is told all the same, and where to read on."""
    failed = UnitFailed("systemctl enable: no")
    told = outcome(tmp_path, file=None, unit=UnitState.FAILED, failure=failed)

    assert (1, "unit-failed") == (told.exit_code, told.as_object()["problem"]["error"])
    assert "agent: not started: systemctl enable: no" in list(told.lines(80, colour=False))
    assert {"journalctl -u fieldpost -e", "fieldpost doctor"} <= set(told.next())
