"""A server that nobody here wrote: a process on loopback, ended by its id, restarted in place."""

import contextlib
import http.client
import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

_START_S = 60.0
_LOOK_S = 0.03
_CALL_S = 10.0
_TRIES = 3

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers by lower-case name, body."""


class Daemon:
    """One process. Its folder and its ports outlive it, so `restart` is a crash and a new start.

    Args:
        argv: Given its ports, the command line.
        ports: How many it listens on; chosen by the kernel, and anew if one was snatched away.
        ready: Asked with its ports until it says yes.
        folder: Its own; its output goes to `log` there.
        environ: Added to ours.
    """

    def __init__(
        self,
        argv: Callable[[Sequence[int]], Sequence[str]],
        *,
        ports: int,
        ready: Callable[[Sequence[int]], bool],
        folder: Path,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._argv = argv
        self._ready = ready
        self._folder = folder
        # A server must not read what its user has configured for other servers.
        self._environ = {**os.environ, "HOME": str(folder), **(environ or {})}
        self._process: subprocess.Popen[bytes] | None = None
        for attempt in range(_TRIES):
            self.ports = _free_ports(ports)
            try:
                self.start()
            except ServerFailed:
                if attempt == _TRIES - 1:
                    raise
            else:
                return

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it is ready.

        Call it in the main thread: the kernel ends the server with the thread that started it, so
        that a worker which is killed leaves none behind.
        """
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *self._argv(self.ports)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=self._environ,
            )
        for _ in range(int(_START_S / _LOOK_S)):
            if self._ready(self.ports):
                return
            try:
                self._process.wait(_LOOK_S)
            except subprocess.TimeoutExpired:
                continue
            break
        self.kill()
        raise ServerFailed((self._folder / "log").read_text(errors="replace")[-2000:])

    def kill(self) -> None:
        """End it as a power cut would. Harmless when it is down."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wait(self) -> None:
        """Wait until it has ended, after a signal to its `pid`."""
        if self._process is not None:
            self._process.wait(_CALL_S)

    def restart(self) -> None:
        """Crash it and start it again, on the same ports and data."""
        self.kill()
        self.start()

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Crash it for as long as this lasts."""
        self.kill()
        try:
            yield
        finally:
            self.start()


class ServerFailed(Exception):
    """A server did not come up; these are its last words."""


def call(
    method: str, port: int, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Answer:
    """Make one request of a connection of its own; for looking at a server, never under test."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_CALL_S)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        lower = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, lower, answer.read()
    finally:
        connection.close()


def answers(port: int, path: str = "/") -> bool:
    """Tell whether anything at all is answered there."""
    try:
        call("GET", port, path)
    except (OSError, http.client.HTTPException):
        return False
    return True


def answers_tcp(port: int) -> bool:
    """Tell whether anybody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=_CALL_S).close()
    except OSError:
        return False
    return True


def _free_ports(count: int) -> list[int]:
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in listening]
    finally:
        for each in listening:
            each.close()
