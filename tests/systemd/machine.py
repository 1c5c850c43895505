"""A machine that boots a real systemd: `systemd-nspawn` on a layer over this computer's files.

Nothing outlives it: its mounts are in a namespace of their own, and it dies with who started it.
It has no network but its own loopback.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

BOOT_S = 20.0
COMMAND_S = 60.0
TOOLS = ("systemd-nspawn", "nsenter", "unshare", "setpriv", "mount")

# Links of this computer's own services go; units come from where packages put them. `policy-rc.d`
# is how build machines forbid services to start, which is the very thing to be seen here.
_SCRIPT = """\
set -eu
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
root=$1/root; shift
rm -rf "$root"/etc/systemd/system/*.wants "$root"/etc/systemd/system/fieldpost* \\
  "$root"/usr/sbin/policy-rc.d "$root"/etc/fieldpost "$root"/var/lib/fieldpost*
: > "$root/etc/machine-id"
exec systemd-nspawn --quiet --directory="$root" --register=no --keep-unit --private-network \\
  --notify-ready=yes --boot "$@"
"""


class Impossible(Exception):
    """This computer cannot boot such a machine; the text says why."""


class Machine:
    """A booted machine; commands run in it as root."""

    def __init__(self, leader: int) -> None:
        self._leader = leader

    def run(
        self, *command: str, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end and return what it said."""
        done = subprocess.run(
            ["nsenter", f"--target={self._leader}", "--all", "--", *command],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        )
        if check and done.returncode != 0:
            raise AssertionError((command, done.returncode, done.stdout, done.stderr))
        return done

    def told(self, *command: str) -> str:
        """Return what a command that has to succeed prints."""
        return self.run(*command).stdout

    def write(self, path: str, text: str, mode: str = "0644") -> None:
        """Write a file, and the folders it is in."""
        self.run("install", "-D", "-m", mode, "/dev/stdin", path, stdin=text)

    def until(self, condition: str, *, within_s: int = 30) -> None:
        """Wait until a shell condition holds, looked at often."""
        looking = f"until {condition}; do sleep 0.05; done"
        self.run("timeout", str(within_s), "sh", "-c", looking)

    def show(self, unit: str, *names: str) -> tuple[str, ...]:
        """Return properties of a unit."""
        asked = self.told("systemctl", "show", unit, f"--property={','.join(names)}")
        found = dict(line.split("=", 1) for line in asked.splitlines())
        return tuple(found[name] for name in names)


@contextmanager
def booted(*, binds: Mapping[Path, str]) -> Iterator[Machine]:
    """Boot a machine in which these folders of ours are to be read elsewhere; take it away after.

    Raises:
        Impossible: Not on this computer.
    """
    if os.geteuid() != 0:
        raise Impossible("only root can boot a container")
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        raise Impossible(f"not installed: {', '.join(missing)} (apt-get install systemd-container)")
    options = [f"--bind-ro={source}:{place}" for source, place in binds.items()]
    with tempfile.TemporaryDirectory() as folder, _notices(Path(folder, "ready")) as notices:
        log = Path(folder, "log")
        mounts = Path(folder, "machine")
        mounts.mkdir()
        # It dies with us; and the first process of its outer namespace with it, and so all others.
        command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--fork", "--kill-child"]
        command += ["--pid", "--mount-proc", "--mount", "--propagation", "private"]
        command += ["sh", "-c", _SCRIPT, "sh", str(mounts), *options]
        with (
            log.open("wb") as out,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, "NOTIFY_SOCKET": str(Path(folder, "ready"))},
            ) as container,
        ):
            try:
                yield Machine(_leader(notices, container, log))
            finally:
                _end(container)


@contextmanager
def _notices(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        sock.settimeout(0.5)
        yield sock


def _leader(notices: socket.socket, container: subprocess.Popen[bytes], log: Path) -> int:
    """Wait for its READY=1; return its first process, numbered as we see it."""
    deadline_s = time.monotonic() + BOOT_S
    while container.poll() is None and time.monotonic() < deadline_s:
        with contextlib.suppress(TimeoutError):
            if "READY=1" in notices.recv(4096).decode().splitlines():
                return _child(_child(container.pid))
    ended = "" if container.poll() is None else f", it ended with {container.poll()}"
    said = log.read_text(errors="replace").splitlines()
    reasons = [line for line in said if "ailed" in line][-2:]
    raise Impossible(f"no systemd boots here in {BOOT_S:.0f} s{ended}: {'; '.join(reasons)}")


def _end(container: subprocess.Popen[bytes]) -> None:
    """Kill the first process of the outer namespace, and with it all others."""
    try:
        os.kill(_child(container.pid), signal.SIGKILL)
    except (OSError, IndexError):  # it never came so far, or is gone
        container.kill()


def _child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
