"""Build the Debian packages and run this folder's tests, those of the packages too."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
MADE = REPO / "build" / "deb-tested"
PACKAGES = {
    "systemd-nspawn": "systemd-container",
    "udevadm": "udev",
    "umockdev-run": "umockdev",
    "dpkg-deb": "dpkg",
}
"""What is installed if it is missing, by the program that tells."""


def main() -> int:
    """Prepare and test; return what the tests returned."""
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if missing and (os.getuid() != 0 or not shutil.which("apt-get")):
        say(f"run: sudo apt-get install --no-install-recommends {' '.join(missing)}")
        return 1
    if missing:
        say(f"installing {' '.join(missing)}")
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(command, check=True, env=environ, stdout=sys.stderr)
    say("building the packages")
    shutil.rmtree(MADE, ignore_errors=True)
    command = [sys.executable, "-m", "systemd.debian.build", "--output", str(MADE)]
    # Packing them tightly takes a minute and changes nothing that is tested.
    environ = {**os.environ, "DPKG_DEB_COMPRESSOR_TYPE": "none"}
    subprocess.run(command, check=True, cwd=REPO, env=environ, stdout=subprocess.DEVNULL)
    command = [sys.executable, "-m", "pytest", "-q", str(HERE), *sys.argv[1:]]
    environ = {**os.environ, "FIELDPOST_PACKAGES": str(MADE)}
    return subprocess.run(command, check=False, cwd=REPO, env=environ).returncode


def say(text: str) -> None:
    """Tell how far it is."""
    print(f"==> {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
