"""Asking the running agent over its control socket: HTTP/1.0, one question per connection.

The standard library's own client would load TLS, which takes longer than the whole question.
"""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

from device.config import Config
from device.control.address import SPOOL_HEADER, places, short
from device.errors import ConfigInvalid, FieldpostError

ASK_S = 2.0
"""An agent that lives answers at once; one that does not must not hold up `status`."""
ACT_S = 60.0
"""What is asked for may wait for a drive to wake up or for a drain."""
MOST_BYTES = 64 << 20
_OTHER_SPOOL = 421


class AgentAbsent(FieldpostError):
    """No agent answers for this spool."""

    code = "agent-absent"
    transient = True
    exit_code = 69
    hint = "systemctl start fieldpost, or: fieldpost run"


class AgentBroken(FieldpostError):
    """An agent is there and answers no question in time, or nonsense."""

    code = "agent-broken"
    transient = True
    exit_code = 69
    hint = "journalctl -u fieldpost; systemctl restart fieldpost"


class _AgentSaid(FieldpostError):
    """The agent's own error: code, hint and exit code are those that it told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentClient:
    """Asks the agent that holds one spool."""

    spool: Path
    sockets: tuple[Path, ...]

    @classmethod
    def of(cls, config: Config, environ: Mapping[str, str]) -> Self:
        """Look for the agent of the configured spool."""
        return cls(spool=config.spool.path, sockets=tuple(places(config.spool.path, environ)))

    def status(self) -> dict[str, Any]:
        """Ask for the document of `status --json`.

        Raises:
            AgentAbsent: None runs, or it may not be asked.
            AgentBroken: It does not answer.
        """
        return self.get("/v1/status")

    def get(self, path: str, *, within_s: float = ASK_S) -> dict[str, Any]:
        """Ask a question; raises as `status`."""
        with self._answer("GET", path, None, within_s) as stream:
            return _document(stream)

    def post(
        self, path: str, body: Mapping[str, Any] | None = None, *, within_s: float = ACT_S
    ) -> dict[str, Any]:
        """Have something done.

        Raises:
            AgentAbsent: None runs, or it may not be asked.
            AgentBroken: It does not answer.
            FieldpostError: It refused; code, hint and exit code are its own.
        """
        with self._answer("POST", path, dict(body or {}), within_s) as stream:
            return _document(stream)

    def events(self, *, quiet_s: float = 60.0) -> Iterator[tuple[str, dict[str, Any]]]:
        """Listen: yields the name and content of each event until the agent ends.

        Args:
            quiet_s: After so long without even a sign of life the agent is given up.

        Raises:
            AgentAbsent: None runs, or it may not be asked.
            AgentBroken: It fell silent, or takes no more listeners.
        """
        with self._answer("GET", "/v1/events", None, quiet_s) as stream:
            name = ""
            for line in _lines(stream):
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "data" and name:
                    yield name, _parsed(value)

    @contextmanager
    def _answer(
        self, method: str, path: str, body: Mapping[str, Any] | None, within_s: float
    ) -> Iterator[BinaryIO]:
        content = b"" if body is None else json.dumps(body).encode()
        head = [f"{method} {path} HTTP/1.0", "Host: fieldpost", f"{SPOOL_HEADER}: {self.spool}"]
        if body is not None:
            head += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        request = "\r\n".join((*head, "", "")).encode() + content
        for place in self.sockets:
            with _connected(place, within_s) as line:
                if line is None:
                    continue
                with line.makefile("rb") as stream:
                    try:
                        line.sendall(request)
                        code = _status_code(stream)
                    except OSError as error:
                        raise AgentBroken(f"the agent does not answer at {place}") from error
                    if code == _OTHER_SPOOL:
                        continue
                    if code >= 400:  # noqa: PLR2004 - HTTP
                        raise _told(_document(stream))
                    yield stream
                    return
        raise AgentAbsent(f"no agent runs for the spool {self.spool}, or it may not be asked")


@contextmanager
def _connected(place: Path, within_s: float) -> Iterator[socket.socket | None]:
    """Connect; None where nobody listens, or not for us."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(within_s)
        try:
            with short(place) as address:
                line.connect(address)
        except OSError:
            yield None
            return
        yield line


def _status_code(stream: BinaryIO) -> int:
    first = stream.readline(1024).split()
    while stream.readline(65_536) not in {b"\r\n", b""}:
        pass
    if len(first) < 2 or not first[1].isdigit():  # noqa: PLR2004 - HTTP/1.1 200
        raise AgentBroken("what answers on the control socket is no agent")
    return int(first[1])


def _document(stream: BinaryIO) -> dict[str, Any]:
    try:
        return _parsed(stream.read(MOST_BYTES).decode("utf-8", "replace"))
    except OSError as error:
        raise AgentBroken("the agent began an answer and did not end it") from error


def _parsed(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise AgentBroken("what the agent answered is no JSON") from error
    if not isinstance(document, dict):
        raise AgentBroken("what the agent answered is no document")
    return document


def _lines(stream: BinaryIO) -> Iterator[str]:
    try:
        while line := stream.readline(MOST_BYTES):
            yield line.decode("utf-8", "replace").rstrip("\r\n")
    except OSError as error:
        raise AgentBroken("the agent fell silent") from error


def _told(document: Mapping[str, Any]) -> FieldpostError:
    """Raise the agent's error as if it were our own: people and programs see no difference."""
    if isinstance(problems := document.get("problems"), list):
        return ConfigInvalid([str(problem) for problem in problems])
    code, exit_code = document.get("error"), document.get("exit_code")
    members = {
        "__doc__": _AgentSaid.__doc__,
        "code": code if isinstance(code, str) else AgentBroken.code,
        "exit_code": exit_code if isinstance(exit_code, int) else AgentBroken.exit_code,
    }
    hint = document.get("hint")
    said: FieldpostError = type("_AgentSaid", (_AgentSaid,), members)(
        str(document.get("message", "the agent refused")),
        hint=hint if isinstance(hint, str) else None,
    )
    return said
