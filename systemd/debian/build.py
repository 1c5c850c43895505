"""Build the Debian packages: `make deb`, or `python -m systemd.debian.build --help`.

They need no network to be installed: what Python packages there are to be is in them.
"""

import argparse
import gzip
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from device.config_example import example
from systemd.debian import wheels
from systemd.debian.packages import (
    AGENT,
    AUDIO,
    MACHINES,
    PACKAGES,
    PYTHONS,
    REPO,
    Package,
    Target,
    version,
)
from systemd.debian.scripts import scripts

TOLD = {
    "fieldpost": {
        "completion bash": "usr/share/bash-completion/completions/fieldpost",
        "completion zsh": "usr/share/zsh/vendor-completions/_fieldpost",
        "completion fish": "usr/share/fish/vendor_completions.d/fieldpost.fish",
        "man fieldpost.1": "usr/share/man/man1/fieldpost.1.gz",
        "man fieldpost.toml.5": "usr/share/man/man5/fieldpost.toml.5.gz",
    },
    "fieldpost-gateway": {"man": "usr/share/man/man1/fieldpost-gateway.1.gz"},
}
"""Words of each program → where what it answers is installed."""
_HERE = {machine: arch for arch, machine in MACHINES.items()}
CONFFILE = "etc/fieldpost/fieldpost.toml"
_LAUNCHER = """\
#!{root}/bin/python3 -I
import sys

from {module} import main

sys.exit(main())
"""


def main() -> None:
    """Build every package for one target."""
    arguments = _parser().parse_args()
    target = Target(arch=arguments.arch, debian=arguments.debian)
    output = Path(arguments.output)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        sites = unpack_all(target, Path(folder))
        for package in PACKAGES:
            tree = Path(folder, package.name)
            stage(package, target, tree)
            shutil.copytree(sites[package.name], tree / site(package, target), dirs_exist_ok=True)
            print(seal(package, target, tree, output))


def unpack_all(target: Target, folder: Path) -> dict[str, Path]:
    """Unpack the wheels of each package; no wheel is in both the agent's and its addition's."""
    wheel = wheels.build_wheel(folder)
    sites = {}
    for package in PACKAGES:
        sites[package.name] = folder / f"{package.name}-wheels"
        wheels.unpack(wheel, package.extras, target, sites[package.name])
    wheels.drop_what_is_in(sites[AGENT.name], sites[AUDIO.name])
    return sites


def site(package: Package, target: Target) -> str:
    """Return where a package keeps its wheels, without the leading slash."""
    root = package.root.lstrip("/")
    return f"{root}/lib/python{target.python}/site-packages" if package.script else root


def stage(package: Package, target: Target, tree: Path) -> None:
    """Lay out everything but the wheels."""
    if package.script:
        _stage_program(package, target, tree)
    else:
        pth = tree / site(AGENT, target) / f"{package.name}.pth"
        _write(pth, f"{package.root}\n")
    for source, place in package.files:
        _write(tree / "usr/lib" / place, (REPO / "systemd" / source).read_text())
    papers = tree / "usr/share/doc" / package.name
    _write(papers / "copyright", (REPO / "LICENSE").read_text())
    _write_packed(papers / "CHANGELOG.md.gz", (REPO / "CHANGELOG.md").read_text())
    if package is AGENT:
        _write(tree / CONFFILE, example())
        for page in (REPO / "README.md", *sorted((REPO / "docs").glob("*.md"))):
            _write(papers / page.name, page.read_text())
    if package.script:
        _stage_told_by_program(package, tree)


def seal(package: Package, target: Target, tree: Path, output: Path) -> Path:
    """Say what the package is, and pack it; return its file."""
    about = tree / "DEBIAN"
    files = [f for f in sorted(tree.rglob("*")) if f.is_file() and not f.is_symlink()]
    sums = [f"{hashlib.md5(f.read_bytes()).hexdigest()}  {f.relative_to(tree)}\n" for f in files]  # noqa: S324 - what dpkg --verify reads
    kib = sum(f.stat().st_size for f in files) // 1024
    _write(about / "md5sums", "".join(sums))
    _write(about / "control", control(package, target, kib))
    if (tree / CONFFILE).exists():
        _write(about / "conffiles", f"/{CONFFILE}\n")
    for name, text in scripts(package, target).items():
        _write(about / name, text, mode=0o755)
    changed_s = _settle(tree)
    made = output / f"{package.name}_{version(target)}_{target.arch}.deb"
    command = ["dpkg-deb", "--root-owner-group", "--build", str(tree), str(made)]
    environ = {**os.environ, "SOURCE_DATE_EPOCH": str(changed_s)}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environ)
    return made


def control(package: Package, target: Target, kib: int) -> str:
    """Return what dpkg is to know."""
    number = version(target)
    needs = [f"python{target.python}", "systemd (>= 252)" if package.unit else "", package.needs]
    fields = {
        "Package": package.name,
        "Version": number,
        "Architecture": target.arch,
        "Maintainer": "The Fieldpost authors <fieldpost@localhost>",
        "Installed-Size": str(kib),
        "Depends": ", ".join(need.format(version=number) for need in needs if need),
        "Suggests": package.advice,
        "Section": "net",
        "Priority": "optional",
        "Description": f"{package.about}\n{package.text}",
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


def _stage_program(package: Package, target: Target, tree: Path) -> None:
    """Make what `python -m venv` would make, for a Python that need not be here."""
    root = tree / package.root.lstrip("/")
    _write(root / "pyvenv.cfg", f"home = /usr/bin\nversion = {target.python}\n")
    launcher = _LAUNCHER.format(root=package.root, module=package.script)
    _write(root / "bin" / package.name, launcher, mode=0o755)
    (root / "bin" / "python3").symlink_to(f"/usr/bin/python{target.python}")
    command = tree / "usr/bin" / package.name
    command.parent.mkdir(parents=True)
    command.symlink_to(f"{package.root}/bin/{package.name}")


def _stage_told_by_program(package: Package, tree: Path) -> None:
    """Add the pages and completions that a program writes itself."""
    program = f"import sys; from {package.script} import main; sys.exit(main())"
    environ = {**os.environ, "SOURCE_DATE_EPOCH": str(_changed_s())}
    for words, place in TOLD[package.name].items():
        command = [sys.executable, "-c", program, *words.split()]
        told = subprocess.run(
            command, cwd=REPO, env=environ, stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        if place.endswith(".gz"):
            _write_packed(tree / place, told)
        else:
            _write(tree / place, told)


def _write(file: Path, text: str, *, mode: int = 0o644) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)


def _write_packed(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(text.encode(), mtime=0))


def _settle(tree: Path) -> int:
    """Give every file the rights and the time that it would have if built anywhere else.

    Returns:
        That time; see `_changed_s`.
    """
    changed_s = _changed_s()
    for file in (tree, *tree.rglob("*")):
        if not file.is_symlink():
            file.chmod(0o755 if file.is_dir() or file.stat().st_mode & 0o100 else 0o644)
        os.utime(file, (changed_s, changed_s), follow_symlinks=False)
    return changed_s


def _changed_s() -> int:
    """Say of when this is, in seconds: of the commit, or of the release without a repository."""
    asked = ["git", "-C", str(REPO), "log", "-1", "--format=%ct"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    unpacked_s = (REPO / "pyproject.toml").stat().st_mtime
    return int(os.environ.get("SOURCE_DATE_EPOCH") or told or unpacked_s)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make deb", description=__doc__)
    parser.add_argument("--arch", choices=MACHINES, default=_HERE.get(platform.machine(), "amd64"))
    parser.add_argument("--debian", choices=PYTHONS, default="12", help="release (default 12)")
    parser.add_argument("--output", default="build/deb", metavar="DIR")
    return parser


if __name__ == "__main__":
    main()
