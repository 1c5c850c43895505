"""Run `sz` and `rz` (lrzsz) through the paced relay and count what they need."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One row of the bench: a line and what is wrong with it."""

    baud: int
    flip: float = 0.0
    drop: float = 0.0
    seed: int = 1

    @property
    def name(self) -> str:
        """How the row is called."""
        if self.flip:
            return f"flips {self.flip:g}"
        return f"drops {self.drop:g}" if self.drop else "clean"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one transfer came to. `cpu_s` is of the receiving side."""

    size_bytes: int
    wall_s: float
    cpu_s: float
    intact: bool
    wire_bytes: int = 0

    def of_line(self, baud: int) -> float:
        """Payload per second as a share of what the line can carry."""
        return self.size_bytes / self.wall_s / (baud / 10)


class Relay:
    """A running relay between two ports."""

    def __init__(self, condition: Condition, folder: Path) -> None:
        self.a, self.b = folder / "a", folder / "b"
        faults = ["--flip", str(condition.flip), "--drop", str(condition.drop)]
        self._program = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.bench.pty_relay", str(condition.baud)),
                *(str(self.a), str(self.b), *faults, "--seed", str(condition.seed)),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._program.stdout is not None
        self._answers = self._program.stdout
        json.loads(self._answers.readline())

    def end(self) -> dict[str, float]:
        """Stop it and return its byte counts."""
        self._program.terminate()
        counts: dict[str, float] = json.loads(self._answers.readline() or "{}")
        self._program.wait()
        self._answers.close()
        return counts


@contextlib.contextmanager
def relay(condition: Condition, folder: Path) -> Iterator[Relay]:
    """Run a relay for the length of a block."""
    running = Relay(condition, folder)
    try:
        yield running
    finally:
        if running._program.poll() is None:
            running.end()


def zmodem(condition: Condition, content: bytes, folder: Path, *, timeout_s: float) -> Result:
    """Send `content` with `sz`, receive it with `rz`."""
    (folder / "from").mkdir()
    (folder / "to").mkdir()
    source, arrived = folder / "from" / "recording", folder / "to" / "recording"
    source.write_bytes(content)
    with relay(condition, folder) as line:
        a = os.open(line.a, os.O_RDWR | os.O_NOCTTY)
        b = os.open(line.b, os.O_RDWR | os.O_NOCTTY)
        started = time.monotonic()
        receiver = subprocess.Popen(
            ["rz", "-b", "-q", "-U", "-y"],
            stdin=b,
            stdout=b,
            stderr=subprocess.DEVNULL,
            cwd=folder / "to",
        )
        sender = subprocess.Popen(
            ["sz", "-b", "-q", str(source)], stdin=a, stdout=a, stderr=subprocess.DEVNULL
        )
        # `sz` ends when `rz` has confirmed the last byte. `rz` may wait half a minute longer for
        # a farewell that `sz` flushed away, and that is not held against it.
        try:
            _wait(sender, started + timeout_s)
            wall_s = time.monotonic() - started
        finally:
            sender.kill()
            sender.wait()
            _wait(receiver, time.monotonic() + 0.2)
            os.kill(receiver.pid, signal.SIGKILL)  # reaped only by wait4, for its counts
            _, _, usage = os.wait4(receiver.pid, 0)
            receiver.returncode = 0
            os.close(a)
            os.close(b)
        counts = line.end()
    return Result(
        size_bytes=len(content),
        wall_s=wall_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        intact=arrived.exists() and arrived.read_bytes() == content,
        wire_bytes=int(counts.get("a_to_b", 0)),
    )


def _wait(program: subprocess.Popen[bytes], deadline: float) -> None:
    """Wait for a program to end, without taking its resource counts away."""
    while time.monotonic() < deadline:
        if os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.005)  # noqa: TID251 - a bench has no loop to block
