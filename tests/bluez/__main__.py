"""Boot a small virtual machine with a real BlueZ in it and run this folder's tests there.

It boots Debian's kernel on this computer's own files, read-only under a layer in memory, without a
network. It is emulated: inside another virtual machine KVM may hang before the kernel says a word.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
CACHE = REPO / "build" / "bluez"
ROOT = CACHE / "root"
"""Where the kernel and a shell for its first steps are unpacked; nothing is installed of them."""

PACKAGES = {"qemu-system-x86_64": "qemu-system-x86", "bluetoothctl": "bluez", "depmod": "kmod"}
"""What is installed if it is missing, by the program that tells."""

EARLY_MODULES = (
    "drivers/virtio",
    "fs/9p",
    "fs/fscache",
    "fs/netfs",
    "fs/overlayfs",
    "net/9p",
)
"""What it takes to reach this computer's files."""

BOOT_S = 120
TOTAL_S = 900
VERDICT = "tests in the virtual machine ended:"


class Missing(Exception):
    """This computer cannot run such a machine; the text says why."""


def ensure_programs() -> None:
    """Install what is missing, where that is possible."""
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if not missing:
        return
    if os.getuid() != 0 or not shutil.which("apt-get"):
        raise Missing(f"run: sudo apt-get install --no-install-recommends {' '.join(missing)}")
    say(f"installing {' '.join(missing)}")
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    run(command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def unpack_kernel() -> str:
    """Return the version of the kernel that is unpacked, once, into the cache."""
    if not (CACHE / "ready").exists():
        if not shutil.which("apt-get"):
            raise Missing("Debian's kernel package is needed, and there is no apt-get")
        CACHE.mkdir(parents=True, exist_ok=True)
        depends = run(["apt-cache", "depends", "linux-image-amd64"])
        names = [word for word in depends.split() if word.startswith("linux-image-6")]
        if not names:
            raise Missing("apt knows no linux-image-amd64; run: sudo apt-get update")
        say(f"fetching {names[0]}")
        run(["apt-get", "download", "-qq", names[0], "busybox-static"], cwd=CACHE)
        for package in CACHE.glob("*.deb"):
            run(["dpkg-deb", "-x", str(package), str(ROOT)])
            package.unlink()
        run(["depmod", "-b", str(ROOT), names[0].removeprefix("linux-image-")])
        (CACHE / "ready").touch()
    return next((ROOT / "lib" / "modules").iterdir()).name


def build_first_files(version: str, arguments: list[str]) -> None:
    """Write the files that the kernel starts with: a shell, the modules, and what to run."""
    first = CACHE / "first"
    shutil.rmtree(first, ignore_errors=True)
    (first / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "bin" / "busybox", first / "bin")
    shutil.copy(HERE / "init.sh", first / "init")
    modules = Path("lib", "modules", version)
    for each in EARLY_MODULES:
        shutil.copytree(ROOT / modules / "kernel" / each, first / modules / "kernel" / each)
    for index in ("modules.dep", "modules.order", "modules.builtin"):
        shutil.copy(ROOT / modules / index, first / modules)
    # What a shell reads as variables.
    (first / "given").write_text(
        f"repo={shlex.quote(str(REPO))}\nkernel={shlex.quote(str(ROOT / modules))}\n"
        f"python={shlex.quote(sys.executable)}\n"
        f"arguments={shlex.quote(shlex.join(arguments))}\n"
    )
    busybox = shlex.quote(str(ROOT / "bin" / "busybox"))
    archive = shlex.quote(str(CACHE / "first.cpio"))
    run(["sh", "-c", f"{busybox} find . | {busybox} cpio -o -H newc > {archive}"], cwd=first)


def boot(version: str) -> int:
    """Run the machine to its end; return what the tests in it returned."""
    command = [
        *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2"),
        *("-m", "1024", "-nic", "none", "-display", "none", "-monitor", "none"),
        *("-serial", "stdio", "-no-reboot"),
        *("-kernel", str(ROOT / "boot" / f"vmlinuz-{version}")),
        *("-initrd", str(CACHE / "first.cpio")),
        *("-append", "console=ttyS0 quiet panic=-1"),
        *("-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"),
    ]
    machine = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"
    )
    signal.signal(signal.SIGALRM, lambda *_: machine.kill())
    signal.alarm(BOOT_S + TOTAL_S)
    verdict = 1
    for line in machine.stdout or ():
        print(line.rstrip(), flush=True)
        if line.startswith(VERDICT):
            verdict = int(line.removeprefix(VERDICT))
    machine.wait()
    return verdict


def run(command: list[str], **options) -> str:
    """Return what a command says; its failure is a reason not to run at all."""
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, **options)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing(f"{command[0]}: {getattr(error, 'stderr', '') or error}") from error
    return done.stdout


def say(text: str) -> None:
    """Tell how far it is."""
    print(f"==> {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Prepare, boot and tell."""
    try:
        ensure_programs()
        version = unpack_kernel()
        build_first_files(version, sys.argv[1:])
    except Missing as why:
        say(f"skipped: {why}")
        return 0
    say(f"booting Linux {version} in an emulated machine")
    return boot(version)


if __name__ == "__main__":
    sys.exit(main())
