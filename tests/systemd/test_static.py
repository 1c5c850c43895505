"""Users, folders and rules of devices, read by the programs that read them, without a boot."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
RULES = (SYSTEMD / "78-fieldpost.rules").read_text()


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    if shutil.which(arguments[0]) is None:
        pytest.skip(f"{arguments[0]} is not installed")
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root without any users."""
    if os.geteuid() != 0:
        pytest.skip("only root can make users, in whatever root")
    (tmp_path / "etc").mkdir()
    return tmp_path


def test_the_spools_owner_is_made(root: Path):
    """A user without a password or a shell, whose home is the spool, in the serial ports' group."""
    made = run("systemd-sysusers", f"--root={root}", SYSTEMD / "fieldpost.sysusers")
    (user,) = (root / "etc/passwd").read_text().splitlines()
    groups = (root / "etc/group").read_text().splitlines()

    assert 0 == made.returncode, made.stderr
    assert ["fieldpost", "/var/lib/fieldpost", "/usr/sbin/nologin"] == [
        user.split(":")[each] for each in (0, 5, 6)
    ]
    assert ["fieldpost"] == [g.split(":")[3] for g in groups if g.startswith("dialout:")]


def test_folders_are_made_and_credentials_closed(root: Path):
    """The spool is for its group at most, and a token that was written open is so no longer."""
    (root / "var").mkdir()
    run("systemd-sysusers", f"--root={root}", SYSTEMD / "fieldpost.sysusers")
    token = root / "etc/fieldpost/token"
    token.parent.mkdir()
    token.write_text("dtok_1\n")
    token.chmod(0o644)
    made = run("systemd-tmpfiles", f"--root={root}", "--create", SYSTEMD / "fieldpost.tmpfiles")

    assert (0, "") == (made.returncode, made.stderr)
    assert (0o40750, 0o100600) == tuple(
        file.stat().st_mode for file in (root / "var/lib/fieldpost", token)
    )


def test_rules_say_nothing_of_other_devices():
    """Whatever is no serial port on USB leaves before the first word about it."""
    lines = [line for line in RULES.splitlines() if line and not line.startswith("#")]
    leaving = [line for line in lines if "GOTO=" in line]

    assert leaving == lines[: len(leaving)]
    assert 'SUBSYSTEM!="tty", GOTO="fieldpost_end"' in leaving
    assert 'ENV{ID_BUS}!="usb", GOTO="fieldpost_end"' in leaving


def test_rules_compare_with_two_signs_and_assign_with_one():
    """A condition with one sign would be an assignment, and udev takes it without a word."""
    words = re.findall(r'([A-Z]+(?:\{\w+\})?)(==|!=|\+=|=)"', RULES)
    compared = {name for name, sign in words if sign in {"==", "!="}}
    assigned = {name for name, sign in words if sign in {"=", "+="}}

    assert {"ENV{ID_USB_INTERFACES}", "ENV{ID_USB_DRIVER}"} <= compared - assigned
    assert {"ENV{ID_MM_DEVICE_IGNORE}", "TAG", "GROUP", "MODE"} <= assigned - compared
