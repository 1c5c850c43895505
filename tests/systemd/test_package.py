"""The Debian packages on a booted machine: installed, upgraded, removed, purged.

They run only in `make test-systemd`, which builds them first.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.box import RECORDINGS, REST
from tests.systemd.machine import Impossible, Machine, booted

MADE = os.environ.get("FIELDPOST_PACKAGES", "")
HIGHER = "99.0"
SPOOL = "/var/lib/fieldpost"
CONFIG = "/etc/fieldpost/fieldpost.toml"
DROP_IN = f"[Service]\nReadWritePaths={RECORDINGS}\n"
OFFLINE = f'[cloud]\nbase_url = "http://127.0.0.1:8470/v1"\n{REST}'

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not MADE, reason="packages are tested by make test-systemd"),
]


def package(name: str) -> str:
    """The file of a package."""
    (found,) = Path(MADE).glob(f"{name}_*.deb")
    return found.name


@pytest.fixture(scope="module")
def higher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent's package as a higher version of itself."""
    folder = tmp_path_factory.mktemp("higher")
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "-R", f"{MADE}/{package('fieldpost')}", tree], check=True)
    control = tree / "DEBIAN" / "control"
    lines = control.read_text().splitlines()
    changed = [f"Version: {HIGHER}" if line.startswith("Version:") else line for line in lines]
    control.write_text("\n".join(changed) + "\n")
    made = folder / "made"
    made.mkdir()
    packing = ["dpkg-deb", "-Znone", "--build", tree, made / "fieldpost.deb"]
    subprocess.run(packing, check=True, stdout=subprocess.DEVNULL)
    return made


@pytest.fixture(scope="module")
def bare(higher: Path) -> Iterator[Machine]:
    """A booted machine that has nothing of ours but the packages' files."""
    try:
        with booted(binds={Path(MADE): "/srv/deb", higher: "/srv/higher"}) as up:
            yield up
    except Impossible as why:
        pytest.skip(str(why))


@pytest.fixture
def installed(bare: Machine) -> Iterator[Machine]:
    """The machine with the agent's package installed, for the first time."""
    bare.run("dpkg", "-i", f"/srv/deb/{package('fieldpost')}")
    bare.run("install", "-d", "-o", "fieldpost", RECORDINGS)
    bare.write("/etc/systemd/system/fieldpost.service.d/test.conf", DROP_IN)
    bare.run("systemctl", "daemon-reload")
    yield bare
    ours = ("fieldpost-audio", "fieldpost-gateway", "fieldpost")
    bare.run("env", "FIELDPOST_PURGE_SPOOL=1", "dpkg", "--purge", *ours, check=False)
    bare.run("rm", "-rf", "/var/lib/private/fieldpost-gateway", RECORDINGS, "/etc/fieldpost")


def record(machine: Machine, name: str = "one") -> None:
    """Put a sealed recording into the folder."""
    place = f"{RECORDINGS}/{name}"
    machine.run("install", "-D", "-o", "fieldpost", "/dev/stdin", f"{place}/a.opus", stdin="OggS")
    machine.run("chown", "fieldpost", place)
    machine.write(f"{place}/recording.json", "{}")


def states(machine: Machine) -> list[str]:
    """The state of each recording in the spool."""
    listed = machine.told("fieldpost", "spool", "ls", "--all", "--json")
    return [entry["state"] for entry in json.loads(listed)["entries"]]


def run_with_a_recording(machine: Machine) -> None:
    """Start the agent, without a cloud, and wait until it keeps a recording."""
    machine.write(CONFIG, OFFLINE)
    machine.run("systemctl", "start", "fieldpost")
    record(machine)
    machine.until("fieldpost spool ls --json | grep -q '\"sealed\"'")


def test_an_installed_agent_is_there_and_not_started(installed: Machine):
    """It works from the command line; the unit waits for its configuration and its operator."""
    version = installed.told("fieldpost", "version").split()[1]
    status = json.loads(installed.told("fieldpost", "status", "--json"))
    number = installed.told("dpkg-query", "-W", "-f${Version}", "fieldpost")

    assert number.startswith(f"{version}+deb")
    assert not status["agent"]["running"]
    assert ("inactive", "disabled") == installed.show("fieldpost", "ActiveState", "UnitFileState")
    assert {"fieldpost", "dialout"} <= set(installed.told("id", "-Gn", "fieldpost").split())


def test_the_installed_unit_is_accepted_and_hardened(installed: Machine):
    """systemd says nothing about it, and finds it closed."""
    verified = installed.run("systemd-analyze", "verify", "fieldpost.service", check=False)
    looked = installed.run(
        "systemd-analyze", "security", "--threshold=20", "fieldpost.service", check=False
    )

    assert (0, "") == (verified.returncode, verified.stderr)
    assert 0 == looked.returncode, looked.stdout


def test_packages_carry_a_recording_from_agent_to_gateway(installed: Machine):
    """What is in them is enough, without a network to fetch more from."""
    installed.run("dpkg", "-i", f"/srv/deb/{package('fieldpost-gateway')}")
    installed.run("systemctl", "start", "fieldpost-gateway")
    told = installed.told("fieldpost-gateway", "devices", "add", "AM-07", "--json")
    installed.write("/etc/fieldpost/token", json.loads(told)["device_token"], "0600")
    installed.write(CONFIG, OFFLINE)
    installed.run("systemctl", "start", "fieldpost")
    record(installed)
    installed.until("fieldpost spool ls --all --json | grep -q '\"released\"'")

    assert ["released"] == states(installed)


def test_the_decoder_is_an_addition_to_the_agent(installed: Machine):
    """With its package the agent's Python decodes, and without it no longer tries."""
    imports = ("/opt/fieldpost/bin/python3", "-c", "import soundfile")
    before = installed.run(*imports, check=False).returncode
    installed.run("dpkg", "-i", f"/srv/deb/{package('fieldpost-audio')}")
    between = installed.run(*imports, check=False).returncode
    installed.run("dpkg", "--remove", "fieldpost-audio")
    after = installed.run(*imports, check=False).returncode

    assert (1, 0, 1) == (before, between, after)
    assert 0 != installed.run("test", "-e", "/opt/fieldpost/audio", check=False).returncode


def test_an_upgrade_keeps_everything_and_restarts_a_running_agent(installed: Machine):
    """Configuration, token and spool stay; the new version carries on by itself."""
    installed.write("/etc/fieldpost/token", "dtok_1\n", "0600")
    run_with_a_recording(installed)
    before = installed.show("fieldpost", "MainPID")
    installed.run("dpkg", "-i", "/srv/higher/fieldpost.deb")
    after = installed.show("fieldpost", "MainPID")

    assert HIGHER == installed.told("dpkg-query", "-W", "-f${Version}", "fieldpost")
    assert ("active",) == installed.show("fieldpost", "ActiveState")
    assert before != after
    assert ["sealed"] == states(installed)
    assert (OFFLINE, "dtok_1\n") == (
        installed.told("cat", CONFIG),
        installed.told("cat", "/etc/fieldpost/token"),
    )


def test_an_upgrade_does_not_start_what_was_stopped(installed: Machine):
    """Whoever stopped the agent had a reason."""
    installed.write(CONFIG, OFFLINE)
    installed.run("dpkg", "-i", "/srv/higher/fieldpost.deb")

    assert ("inactive",) == installed.show("fieldpost", "ActiveState")


def test_an_upgrade_is_whole_even_if_the_agent_does_not_start(installed: Machine):
    """A configuration that became invalid is told, and leaves no half-installed package."""
    run_with_a_recording(installed)
    installed.write(CONFIG, "[cloud]\nbase = 1\n")
    done = installed.run("dpkg", "-i", "/srv/higher/fieldpost.deb")
    known = installed.told("dpkg-query", "-W", "-f${db:Status-Status}", "fieldpost")

    assert "installed" == known
    assert "fieldpost: did not start again" in done.stderr


def test_a_removal_stops_the_agent_and_keeps_what_is_the_owners(installed: Machine):
    """Configuration and spool stay; of the program nothing does."""
    run_with_a_recording(installed)
    installed.run("dpkg", "--remove", "fieldpost")
    gone = installed.run("test", "-e", "/opt/fieldpost", check=False).returncode
    left = installed.told("ls", f"{SPOOL}/sealed", "/etc/fieldpost")

    assert 1 == gone
    assert ("inactive",) == installed.show("fieldpost", "ActiveState")
    assert "fieldpost.toml" in left


@pytest.mark.parametrize(("asked", "kept"), [("0", True), ("1", False)])
def test_a_purge_keeps_recordings_unless_it_is_asked_not_to(
    installed: Machine, asked: str, kept: bool
):
    """Configuration and token go; recordings only by FIELDPOST_PURGE_SPOOL=1."""
    installed.write("/etc/fieldpost/token", "dtok_1\n", "0600")
    run_with_a_recording(installed)
    purge = ("env", f"FIELDPOST_PURGE_SPOOL={asked}", "dpkg", "--purge", "fieldpost")
    told = installed.run(*purge).stderr
    spool = installed.run("test", "-e", f"{SPOOL}/spool.db", check=False).returncode
    config = installed.run("test", "-e", "/etc/fieldpost", check=False).returncode

    assert (kept, 1) == (spool == 0, config)
    assert kept == (f"recordings are kept in {SPOOL}" in told)
