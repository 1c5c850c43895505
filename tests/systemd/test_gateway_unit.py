"""The gateway's unit file."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "fieldpost-gateway.service"
PROGRAM = "/usr/bin/fieldpost-gateway"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@pytest.fixture
def unit(tmp_path):
    """The unit with a program that exists here: an uninstalled path is not its fault."""
    text = UNIT.read_text().replace(PROGRAM, "/bin/true")
    copy = tmp_path / UNIT.name
    copy.write_text(text)
    return copy


@needs_systemd
def test_the_unit_is_clean(unit):
    """systemd has nothing to say about it."""
    checked = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )

    assert checked.stderr == ""
    assert checked.returncode == 0


@needs_systemd
def test_the_unit_is_tight(unit):
    """Its exposure stays at 2.0 or below."""
    checked = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout


def test_the_unit_starts_the_command():
    """It runs `serve` under the name that is installed, and waits for READY=1."""
    text = UNIT.read_text()

    assert f"ExecStart={PROGRAM} serve\n" in text
    assert "Type=notify\n" in text
