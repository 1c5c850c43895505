"""A person at a terminal: reads questions off a pty and types answers, or Ctrl-C."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.device.cli.calls import Said

CTRL_C = "\x03"
CTRL_D = "\x04"
DEADLINE_S = 15.0
_ASKS = re.compile(r"\S(?:\]:|:) $")


class Person:
    """Sits at a program that runs on a terminal."""

    def __init__(self, master: int, process: "subprocess.Popen[bytes]") -> None:
        self._master = master
        self._process = process
        self._read = 0
        self.screen = ""

    def asked(self) -> str:
        """Wait for the next question; return what is on the screen since the one before it."""
        while not _ASKS.search(self.screen[self._read :]):
            assert self._more(), self.screen
        new = self.screen[self._read :]
        self._read = len(self.screen)
        return " ".join(new.split())

    def types(self, text: str) -> None:
        os.write(self._master, text.encode())

    def answers(self, replies: Mapping[str, str], last: str = "") -> None:
        """Answer each question that holds a phrase; others with Enter; stop before `last`."""
        while True:
            question = self.asked()
            if last and last in question:
                return
            said = next((r for phrase, r in replies.items() if phrase in question), "")
            self.types(f"{said}\n")
            if "Write this?" in question and not last:
                return

    def leaves(self) -> int:
        """Wait until the program has ended; return how."""
        while self._more():
            pass
        return self._process.wait(DEADLINE_S)

    def _more(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], DEADLINE_S)
        assert ready, f"nothing happens after: {self.screen}"
        try:
            got = os.read(self._master, 65_536)
        except OSError:  # the other end is closed
            return False
        self.screen += got.decode().replace("\r\n", "\n")
        return bool(got)


@contextmanager
def at_terminal(*arguments: str, columns: int = 80, cwd: Path | None = None) -> Iterator[Person]:
    """Run `fieldpost` on a terminal of its own."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.device.cli.on_tty", *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env=environment(),
        cwd=cwd,
    )
    os.close(slave)
    try:
        yield Person(master, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(master)


def on_pipe(*arguments: str, answers: str = "", **environ: str) -> Said:
    """Run `fieldpost` with a pipe at its input."""
    done = subprocess.run(
        [sys.executable, "-m", "device.cli.main", *arguments],
        input=answers,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        env={**environment(), **environ},
    )
    return Said(code=done.returncode, out=done.stdout, err=done.stderr)


def environment() -> dict[str, str]:
    """An environment without the developer's settings, and without any Bluetooth."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FIELDPOST_", "CREDENTIALS_", "RUNTIME_", "NOTIFY_", "JOURNAL_"))
    }
    here = str(Path(__file__).parents[3])
    return {
        **clean,
        "PYTHONPATH": here,
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
        "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus",
    }
