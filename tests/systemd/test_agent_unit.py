"""The agent's unit: accepted by systemd without a word, closed to what it does not need."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path("systemd/fieldpost.service")
EXPOSURE = "20"


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists on every machine."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    text = UNIT.read_text(encoding="utf-8")
    copy = tmp_path / UNIT.name
    copy.write_text(text.replace("=/usr/bin/fieldpost ", "=/bin/true "))
    return copy


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )


def test_systemd_accepts_the_unit(unit: Path):
    """Every line is known and well-formed."""
    done = analyze("verify", str(unit))

    assert (0, "") == (done.returncode, done.stderr)


def test_the_unit_is_hardened(unit: Path):
    """The exposure that systemd computes stays low."""
    done = analyze("security", "--offline=yes", f"--threshold={EXPOSURE}", str(unit))

    assert 0 == done.returncode, done.stdout


def test_the_unit_lets_the_decoder_load():
    """The audio extra calls mbind while it loads; a filter without it kills the decoder."""
    filters = [
        line.partition("=")[2]
        for line in UNIT.read_text(encoding="utf-8").splitlines()
        if line.startswith("SystemCallFilter=")
    ]

    assert ["@system-service", "~@privileged @resources", "mbind"] == filters
