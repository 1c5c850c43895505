"""What the Debian packages say of themselves, read back by dpkg: without their wheels, so quick."""

import gzip
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from systemd.debian.build import CONFFILE, TOLD, control, seal, site, stage
from systemd.debian.packages import AGENT, AUDIO, GATEWAY, PACKAGES, REPO, Target, version
from systemd.debian.scripts import scripts

HERE = Target(arch="amd64", debian="12")

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg is not installed")


def dpkg(*arguments: object) -> str:
    command = [str(each) for each in arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent's package, built and taken apart by dpkg: its files, and what it says in DEBIAN."""
    folder = tmp_path_factory.mktemp("package")
    stage(AGENT, HERE, folder / "tree")
    made = seal(AGENT, HERE, folder / "tree", folder)
    dpkg("dpkg-deb", "-R", made, folder / "unpacked")
    return folder / "unpacked"


def test_a_package_says_what_it_is(unpacked: Path):
    """Name, version of pyproject.toml, architecture, and the one Python that it can run on."""
    lines = (unpacked / "DEBIAN" / "control").read_text().splitlines()
    fields = dict(line.split(": ", 1) for line in lines if not line.startswith(" "))
    number = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["version"]

    assert ("fieldpost", f"{number}+deb12", "amd64") == (
        fields["Package"],
        fields["Version"],
        fields["Architecture"],
    )
    assert "python3.11" in fields["Depends"].split(", ")


def test_the_configuration_is_the_operators(unpacked: Path):
    """It is the generated example, and dpkg never overwrites it."""
    assert f"/{CONFFILE}\n" == (unpacked / "DEBIAN" / "conffiles").read_text()
    assert Path("docs/fieldpost.toml").read_text() == (unpacked / CONFFILE).read_text()


@pytest.mark.parametrize("place", TOLD[AGENT.name].values())
def test_what_the_program_writes_of_itself_is_there(unpacked: Path, place: str):
    """Manual pages of the source's own day, and completions where shells look."""
    content = (unpacked / place).read_bytes()
    text = gzip.decompress(content).decode() if place.endswith(".gz") else content.decode()

    assert "fieldpost" in text.lower()
    assert ".TH " not in text or re.search(r'^\.TH "[^"]+" "[15]" "\d{4}-\d\d-\d\d"', text)


def test_the_gateway_has_a_page_too(tmp_path: Path):
    """Written by its own program."""
    stage(GATEWAY, HERE, tmp_path)

    assert (tmp_path / "usr/share/man/man1/fieldpost-gateway.1.gz").is_file()


@pytest.mark.parametrize(("source", "place"), AGENT.files)
def test_the_agents_files_are_where_systemd_looks(unpacked: Path, source: str, place: str):
    """Unit, user, folders and rules are those of the repository."""
    found = (unpacked / "usr/lib" / place).read_text()

    assert (REPO / "systemd" / source).read_text() == found


def test_the_command_leads_into_the_package(unpacked: Path):
    """/usr/bin/fieldpost runs this package's modules, whatever the environment says."""
    command = (unpacked / "usr/bin/fieldpost").readlink()
    launcher = (unpacked / str(command).lstrip("/")).read_text()

    assert "/opt/fieldpost/bin/fieldpost" == str(command)
    assert launcher.startswith("#!/opt/fieldpost/bin/python3 -I\n")
    assert "/usr/bin/python3.11" == str((unpacked / "opt/fieldpost/bin/python3").readlink())


def test_what_is_packed_can_be_verified(unpacked: Path):
    """`dpkg --verify` finds out what was changed since."""
    checked = subprocess.run(
        ["md5sum", "--check", "--quiet", "--strict", "DEBIAN/md5sums"],
        cwd=unpacked,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (checked.returncode, checked.stdout + checked.stderr)


def test_nothing_tells_where_it_was_built(unpacked: Path):
    """No file holds a path of the computer that built it."""
    texts = [f.read_bytes() for f in unpacked.rglob("*") if f.is_file() and not f.is_symlink()]

    assert not any(str(REPO).encode() in text for text in texts)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_scripts_are_filled_in_and_sound(package, tmp_path: Path):
    """Every script is shell without a word left to fill in."""
    for name, text in scripts(package, HERE).items():
        (tmp_path / name).write_text(text)
        dpkg("sh", "-n", tmp_path / name)

        assert [] == re.findall(r"@[A-Z]+@", text)
        assert text.startswith("#!/bin/sh\n")


@pytest.mark.parametrize(
    ("earlier", "later"), [("1.0.dev1", "1.0rc1"), ("1.0rc1", "1.0"), ("1.0", "1.0.1")]
)
def test_versions_are_in_debians_order_too(tmp_path: Path, earlier: str, later: str):
    """What comes before a release sorts before it."""
    numbers = []
    for number in (earlier, later):
        (tmp_path / "pyproject.toml").write_text(f'[project]\nversion = "{number}"\n')
        numbers.append(version(HERE, tmp_path))

    assert "" == dpkg("dpkg", "--compare-versions", numbers[0], "lt", numbers[1])


def test_another_release_takes_another_python():
    """Debian 13, and Raspberry Pi OS with it, has Python 3.13."""
    newer = Target(arch="arm64", debian="13")

    assert "python3.13" in control(AGENT, newer, 1)
    assert "Architecture: arm64\n" in control(AGENT, newer, 1)
    assert "opt/fieldpost-gateway/lib/python3.13/site-packages" == site(GATEWAY, newer)


def test_the_decoder_fits_the_agent_and_later_ones():
    """It lies beside the agent's wheels; an upgrade of the agent alone must not drive it away."""
    assert f"fieldpost (>= {version(HERE)})" in control(AUDIO, HERE, 1)


def test_the_page_on_installing_names_what_there_is():
    """Every package, and every file that an installation without packages copies."""
    page = (REPO / "systemd" / "README.md").read_text()
    named = [f"| `{package.name}` |" for package in PACKAGES]
    named += [f"`{source}`" for source, _ in AGENT.files]

    assert [] == [name for name in named if name not in page]
