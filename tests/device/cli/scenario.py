"""A box at work: gateway, agent and recorder as processes, and a recording in every state."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from device.cli.agent_client import AgentClient
from device.clock import SystemClock
from device.config import SpoolConfig
from device.model import Attempt, State, Wait
from device.spool.spool import Spool
from tests.device.cli.calls import Said
from tests.device.cli.dialogue import environment
from tests.device.spool.recordings import recording, sealed, stored
from tests.fakes.folder import OGG, seal

DEADLINE_S = 30.0
MODES = ("terminal", "pipe", "programs")
"""The ways to call a command; what each of them may change once."""
JPEG = b"\xff\xd8\xff\xe0" + bytes(2_000) + b"\xff\xd9"
REASON = "the cloud is unwell (HTTP 503); what it has so far is kept there"
_JOURNAL = {
    "__REALTIME_TIMESTAMP": "1772366400000000",
    "PRIORITY": "4",
    "MESSAGE": "The cloud hears no heartbeat",
    "_PID": "7",
}
_JOURNALCTL = """#!/bin/sh
echo '{line}'
case "$*" in *--follow*) exec sleep 60;; esac
"""


@dataclass(frozen=True)
class Box:
    """Where everything is. `words` fills the command lines of a table in."""

    folder: Path
    config: Path
    words: dict[str, str]

    def environ(self) -> dict[str, str]:
        """What its commands run in: no Bluetooth, and a journal of one line."""
        given = environment()
        return {**given, "PATH": f"{self.folder}/bin:{given['PATH']}", "TZ": "UTC"}

    def command(self, line: str) -> list[str]:
        """Write a command line of a table out; one of another box names its configuration."""
        words = line.format(**self.words).split()
        return words if "-c" in words else ["-c", str(self.config), *words]

    def piped(self, line: str, typed: str = "", until: str = "", **environ: str) -> Said:
        """Run a command on pipes.

        Args:
            line: The command line.
            typed: All that comes on its standard input.
            until: Where it goes on for ever: what it prints before Ctrl-C.
            environ: More variables.
        """
        with subprocess.Popen(
            [sys.executable, "-m", "device.cli.main", *self.command(line)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**self.environ(), **environ}, cwd=self.folder,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            guard = threading.Timer(DEADLINE_S, process.kill)
            guard.start()
            try:
                early = b""
                while until and until.encode() not in early:
                    more = process.stdout.readline()
                    assert more, early
                    early += more
                if until:
                    process.send_signal(signal.SIGINT)
                out, err = process.communicate(typed.encode())
            finally:
                guard.cancel()
        return Said(code=process.returncode, out=(early + out).decode(), err=err.decode())


@contextmanager
def at_work() -> Iterator[Box]:
    """A running agent that has carried what its recorders had."""
    with ExitStack() as stack:
        folder = stack.enter_context(_short_folder())
        box = _bare(folder, stack.enter_context(_gateway(folder)), _recorder_url(folder))
        stack.enter_context(
            _running(*_program("simulate", "recorder", "--from", "worn", "--link", "port"),
                     cwd=folder)
        )  # fmt: skip
        stack.enter_context(_agent(box))
        _carried(box)
        yield box


@contextmanager
def at_rest() -> Iterator[Box]:
    """The same box without agent, gateway or recorder on a wire."""
    with _short_folder() as folder:
        yield _bare(folder, "http://127.0.0.1:9/v1")


def _bare(folder: Path, base_url: str, *recorders: str) -> Box:
    (folder / "worn/two").mkdir(parents=True)
    (folder / "worn/two/audio.opus").write_bytes(OGG)
    held = folder / "held"
    picture = {"file": "a.jpg", "captured_at": "2026-03-01T07:30:01.500Z"}
    held.mkdir()
    seal(
        held / "one",
        {"audio.opus": OGG, "a.jpg": JPEG},
        {"started_at": "2026-03-01T07:30:00Z", "media": [{"file": "audio.opus"}, picture]},
    )
    token = folder / "token"
    if not token.exists():
        token.write_text("dtok_nobody_knows_this_one")
    token.chmod(0o600)
    config = folder / "fieldpost.toml"
    urls = (f"folder://{held}", *recorders)
    config.write_text(
        f'[cloud]\nbase_url = "{base_url}"\ntoken_file = "{token}"\n'
        f'[spool]\npath = "{folder}/spool"\nmin_free_bytes = 0\n'
        f'[[recorders]]\nurl = "{urls[0]}"\nrelease = "keep"\n'
        + "".join(f'[[recorders]]\nurl = "{url}"\n' for url in urls[1:])
    )
    spare = folder / "spare.toml"
    spare.write_text(
        f'[cloud]\nbase_url = "{base_url}"\ntoken_file = "{folder}/spare-token"\n'
        f'[spool]\npath = "{folder}/spare"\nmin_free_bytes = 0\n'
    )
    broken = folder / "broken.toml"
    broken.write_text('[cloud]\nbase_ulr = "x"\n[spool]\npath = 7\n')
    program = folder / "bin/journalctl"
    program.parent.mkdir()
    program.write_text(_JOURNALCTL.format(line=json.dumps(_JOURNAL)))
    program.chmod(0o755)
    (folder / "call.opus").write_bytes(OGG)
    (folder / "its-token").write_text("dtok_" + "0123456789abcdef" * 4)
    words = {
        "box": str(folder),
        "recorder": urls[0],
        "wire": urls[-1],
        "token": str(token),
        "spare": f"-c {spare}",
        **_seeded(folder / "spool"),
    }
    box = Box(folder=folder, config=config, words=words)
    assert box.piped("spool export --all -o {box}/rescued.tar").code == 0
    return box


def _seeded(place: Path) -> dict[str, str]:
    """A recording in every state; the one that waits does so for an hour."""
    now = datetime.now(UTC)
    names = ("waits", "stuck", *(f"stuck_{each}" for each in MODES), "kept", "gone")
    config = SpoolConfig(path=place, min_free_bytes=0)
    with closing(Spool.open(config, SystemClock())) as spool:
        wanted = {name: recording(f"{number:02x}" * 16) for number, name in enumerate(names, 1)}
        ids = {
            name: (stored if name in {"kept", "gone"} else sealed)(spool, each).id
            for name, each in wanted.items()
        }
        wait = Wait(code="cloud-unwell", reason=REASON, until=now + timedelta(hours=1))
        spool.note_attempt(ids["waits"], Attempt(at=now, code=wait.code, reason=REASON))
        spool.save_wait(ids["waits"], wait, attempts=3)
        for name in names[1:-2]:
            spool.note_attempt(ids[name], Attempt(at=now, code="cloud-rejected", reason="HTTP 422"))
            spool.quarantine(ids[name], "the cloud takes no recording of this kind (HTTP 422)")
        spool.release(ids["gone"])
    return {name: str(each) for name, each in ids.items()}


@contextmanager
def _short_folder() -> Iterator[Path]:
    """Paths that are not longer than a box's own: they are printed whole."""
    folder = Path(tempfile.mkdtemp(prefix="fp-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _recorder_url(folder: Path) -> str:
    return f"serial://{folder}/port"


@contextmanager
def _gateway(folder: Path) -> Iterator[str]:
    data = str(folder / "gateway")

    def ask(*words: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "gateway.cli", *words, "--data", data, "--json"],
            env=environment(), capture_output=True, timeout=DEADLINE_S, check=True,
        )  # fmt: skip
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    (folder / "token").write_text(ask("devices", "add", "BOX-1")["device_token"])
    serve = (sys.executable, "-m", "gateway.cli", "serve", "--data", data)
    with _running(*serve, "--listen", "127.0.0.1:0", "--json", cwd=folder) as told:
        yield told["base_url"]


@contextmanager
def _running(*argv: str, cwd: Path) -> Iterator[dict[str, Any]]:
    """Let a program run that tells in its first line where it is."""
    with subprocess.Popen(
        argv, cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=DEADLINE_S)


def _program(*words: str) -> list[str]:
    return [sys.executable, "-m", "device.cli.main", *words]


@contextmanager
def _agent(box: Box) -> Iterator[None]:
    """Let the agent run; it ends well at SIGTERM."""
    with subprocess.Popen(
        _program("-c", str(box.config), "run"),
        env=box.environ(), stderr=subprocess.PIPE, cwd=box.folder,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        log = ""
        while "Agent started" not in log:
            line = process.stderr.readline().decode()
            assert line, log
            log += line
        lines: list[bytes] = []
        drain = threading.Thread(target=lambda: lines.extend(process.stderr or ()))
        drain.start()
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            drain.join(DEADLINE_S)
            assert process.wait(DEADLINE_S) == 0, log + b"".join(lines).decode()


def _carried(box: Box) -> None:
    """Wait until both recorders' recordings went up, and the wire's was deleted there."""
    agent = AgentClient(spool=box.folder / "spool", sockets=(box.folder / "spool/control.sock",))
    for _ in agent.events(quiet_s=DEADLINE_S):
        status = agent.status()
        rows = {each["recorder"]: each for each in status["recorders"]}
        if len(rows) == 3 and all(
            not row[State.PULLING] and row[State.STORED] + row[State.RELEASED]
            for row in rows.values()
        ) and status["heartbeat"]:  # fmt: skip
            return
