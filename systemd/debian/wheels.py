"""Unpack wheels for another machine into a folder, and see that none is missing."""

import shutil
import subprocess
import sys
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from systemd.debian.packages import REPO, Target

_GLIBCS = (17, 24, 26, 27, 28, 31, 34, 35, 36)
"""Of the wheels that run on Debian 12 and later; pip does not derive the older from the newer."""


class Incomplete(Exception):
    """Something that a wheel requires is not there."""


def build_wheel(folder: Path) -> Path:
    """Build Fieldpost's own wheel."""
    _pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(REPO))
    (wheel,) = folder.glob("fieldpost-*.whl")
    return wheel


def unpack(wheel: Path, extras: tuple[str, ...], target: Target, site: Path) -> None:
    """Install Fieldpost and what it requires, for another machine's Python.

    Raises:
        subprocess.CalledProcessError: pip finds no wheel for that machine.
        Incomplete: It found too few.
    """
    platforms = [f"manylinux_2_{glibc}_{target.machine}" for glibc in reversed(_GLIBCS)]
    platforms.append(f"manylinux2014_{target.machine}")
    _pip(
        *("install", "--no-compile", "--only-binary=:all:", "--target", str(site)),
        *("--implementation", "cp", "--python-version", target.python),
        *(word for each in platforms for word in ("--platform", each)),
        f"fieldpost[{','.join(extras)}] @ {wheel.as_uri()}",
    )
    check_complete(site, extras, target)
    shutil.rmtree(site / "bin", ignore_errors=True)  # its first lines name this computer's Python
    for file in site.glob("*.dist-info/direct_url.json"):
        file.unlink()  # names a folder of this computer


def check_complete(site: Path, extras: tuple[str, ...], target: Target) -> None:
    """Follow what every wheel requires on the target; pip asked for what is required here.

    Raises:
        Incomplete: One is missing.
    """
    required = {canonicalize_name(file.name.split("-")[0]): file for file in _infos(site)}
    machine = {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": target.machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{target.python}.0",
        "python_version": target.python,
        "sys_platform": "linux",
    }
    todo = [Requirement(f"fieldpost[{','.join(extras)}]")]
    seen = set()
    while todo:
        wanted = todo.pop()
        if str(wanted) in seen:
            continue
        seen.add(str(wanted))
        if (info := required.get(canonicalize_name(wanted.name))) is None:
            raise Incomplete(f"{wanted.name} is not there for {target}")
        headers = HeaderParser().parsestr((info / "METADATA").read_text())
        for line in headers.get_all("Requires-Dist", ()):
            more = Requirement(line)
            asked = ("", *wanted.extras)
            if not more.marker or any(more.marker.evaluate({**machine, "extra": e}) for e in asked):
                todo.append(more)


def drop_what_is_in(other: Path, site: Path) -> None:
    """Remove from one folder of wheels what another one has already."""
    for theirs in other.iterdir():
        ours = site / theirs.name
        if ours.is_dir():
            shutil.rmtree(ours)
        elif ours.exists():
            ours.unlink()


def _infos(site: Path) -> list[Path]:
    return list(site.glob("*.dist-info"))


def _pip(*arguments: str) -> None:
    quietly = ("--quiet", "--disable-pip-version-check", "--no-input")
    subprocess.run([sys.executable, "-m", "pip", *arguments, *quietly], check=True)
