"""Wheels for Raspberry Pi OS on arm64: all there, and none of this computer's.

They run only in `make test-systemd`: pip fetches them.
"""

import os
from pathlib import Path

import pytest

from systemd.debian.build import unpack_all
from systemd.debian.packages import AGENT, AUDIO, PACKAGES, Target

AARCH64 = 183
ELF = b"\x7fELF"

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not os.environ.get("FIELDPOST_PACKAGES"), reason="wheels are tested by make test-systemd"
    ),
]


@pytest.fixture(scope="module", params=["12", "13"], ids=["bookworm", "trixie"])
def target(request: pytest.FixtureRequest) -> Target:
    """A Raspberry Pi with one release."""
    return Target(arch="arm64", debian=request.param)


@pytest.fixture(scope="module")
def sites(target: Target, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of wheels of each package; that nothing is missing is found out on the way."""
    return unpack_all(target, tmp_path_factory.mktemp("arm64"))


def test_compiled_modules_are_for_that_machine(sites: dict[str, Path], target: Target):
    """Every library is for aarch64, and every module for its Python or for all of them."""
    own = f".cpython-{target.python.replace('.', '')}-aarch64-linux-gnu.so"
    for package in PACKAGES:
        libraries = [f for f in sites[package.name].rglob("*.so*") if f.read_bytes()[:4] == ELF]
        machines = {int.from_bytes(f.read_bytes()[18:20], "little") for f in libraries}
        foreign = [f.name for f in libraries if ".cpython-" in f.name and own not in f.name]

        assert ({AARCH64}, []) == (machines, foreign)


def test_no_file_is_in_both_packages_of_the_agent(sites: dict[str, Path]):
    """dpkg would refuse the second one."""
    ours, theirs = ({each.name for each in sites[p.name].iterdir()} for p in (AGENT, AUDIO))

    assert set() == ours & theirs
