"""Programs that people would otherwise upload with, each measured in a process of its own."""

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.servers.s3 import ACCESS_KEY, REGION, SECRET_KEY

RCLONE = str(Path(sys.executable).with_name("rclone"))
_LOOK_S = 0.05


def measured(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run a program to its end: wall and CPU seconds, peak memory, its exit code and stderr."""
    before, begun_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    running = subprocess.Popen(
        argv,
        env={**os.environ, **(environ or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    peak = _Peak(running.pid)
    _, said = running.communicate()
    wall_s = time.perf_counter() - begun_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall_s": wall_s,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "rss_mib": peak.stop_mib(),
        "code": running.returncode,
        "said": said,
    }


def curl(url: str, file: Path, *options: str) -> dict[str, Any]:
    """PUT a file with `curl -T`."""
    return measured(["curl", "-sS", "-f", "-o", "/dev/null", *options, "-T", str(file), url])


def remote(endpoint: str) -> dict[str, str]:
    """Name an S3 server `s3:` for rclone."""
    return {
        "RCLONE_CONFIG": "/dev/null",
        "RCLONE_CONFIG_S3_TYPE": "s3",
        "RCLONE_CONFIG_S3_PROVIDER": "Other",
        "RCLONE_CONFIG_S3_ENDPOINT": endpoint,
        "RCLONE_CONFIG_S3_REGION": REGION,
        "RCLONE_CONFIG_S3_ACCESS_KEY_ID": ACCESS_KEY,
        "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": SECRET_KEY,
    }


def rclone(command: str, endpoint: str, *arguments: str) -> dict[str, Any]:
    """Run rclone with a remote `s3:`, and its defaults for all else."""
    return measured([RCLONE, command, *arguments], remote(endpoint))


def whole(run: dict[str, Any]) -> dict[str, Any]:
    """Insist that a program did what it was asked."""
    if run["code"]:
        raise SystemExit(f"a rival failed: {run['said'][-500:]}")
    return run


class _Peak:
    """The most memory a process held, looked at while it runs.

    What the kernel tells of a child that has ended includes this process, as it was forked.
    """

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._over = threading.Event()
        self._kib = 0
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def stop_mib(self) -> float:
        self._over.set()
        self._thread.join()
        return self._kib / 1024

    def _look(self) -> None:
        while not self._over.wait(_LOOK_S):
            try:
                lines = self._status.read_text().splitlines()
            except OSError:
                return
            for line in lines:
                if line.startswith("VmHWM:"):
                    self._kib = int(line.split()[1])
