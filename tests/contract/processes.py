"""Real `fieldpost-gateway serve` processes, by themselves or several on one database."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.s3 import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, S3Server

_PROGRAM = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *(sys.executable, "-c", "import sys; from gateway.cli import main; sys.exit(main())"),
)


class GatewayFailed(Exception):
    """A gateway did not come up; these are its last words."""


@dataclass
class Process:
    """One gateway that serves; `url` is where, without `/v1`."""

    url: str
    popen: subprocess.Popen[str]
    folder: Path
    environ: Mapping[str, str]

    def kill(self) -> None:
        """End it as a power cut would. Harmless when it is down."""
        self.popen.kill()
        self.popen.wait()
        if self.popen.stdout is not None:
            self.popen.stdout.close()

    def again(self) -> "Process":
        """Start it anew where it was; see `start`."""
        return start(self.folder, self.environ, listen=self.url.removeprefix("http://"))

    def ready(self) -> None:
        """Wait until it serves.

        Raises:
            GatewayFailed: It ended instead.
        """
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        told = json.loads(line) if line else {}
        if told.get("event") != "ready":
            self.kill()
            log = (self.folder / "log").read_text(errors="replace")
            raise GatewayFailed(line + log[-2000:])
        self.url = told["url"]


def start(
    folder: Path, environ: Mapping[str, str] | None = None, *, listen: str = "127.0.0.1:0"
) -> Process:
    """Begin to serve a data folder; its log goes to `log` there.

    Call it in the main thread: the kernel ends the gateway with the thread that started it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("ab") as log:
        popen = subprocess.Popen(
            [*_PROGRAM, "serve", "--data", str(folder), "--listen", listen, "--json"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=_environ(environ),
        )
    return Process("", popen, folder, dict(environ or {}))


def serve(folder: Path, environ: Mapping[str, str] | None = None) -> Process:
    """Serve a data folder; returns when it is ready, see `start`."""
    process = start(folder, environ)
    process.ready()
    return process


def shared(folder: Path, *, database: str, store: S3Server) -> dict[str, str]:
    """Set up what several gateways share: database, bucket and signing key.

    Args:
        folder: For files of secrets.
        database: URL of a PostgreSQL database.
        store: Of objects; they are below a prefix of their own.
    """
    secrets = {
        "DATABASE_FILE": database,
        "SIGNING_KEY_FILE": uuid.uuid4().hex,
        "S3_SECRET_ACCESS_KEY_FILE": SECRET_KEY,
    }
    named = {}
    for name, text in secrets.items():
        path = folder / name.lower()
        path.write_text(text)
        path.chmod(0o600)
        named[name] = str(path)
    plain = {
        "OBJECTS": f"s3://{BUCKET}/{uuid.uuid4().hex}",
        "S3_ENDPOINT": store.endpoint,
        "S3_REGION": REGION,
        "S3_ACCESS_KEY_ID": ACCESS_KEY,
    }
    return {f"FIELDPOST_GATEWAY_{name}": value for name, value in {**named, **plain}.items()}


def administer(
    folder: Path, arguments: Sequence[str], environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Run a command on a gateway's data; returns its document."""
    done = subprocess.run(
        [*_PROGRAM, *arguments, "--data", str(folder), "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=_environ(environ),
    )
    if done.returncode:
        raise GatewayFailed(done.stderr)
    told: dict[str, str] = json.loads(done.stdout)
    return told


def add_key(folder: Path, environ: Mapping[str, str] | None = None) -> str:
    """Make an API key that may do everything."""
    return administer(folder, ["keys", "add", "--name", "contract"], environ)["api_key"]


def _environ(more: Mapping[str, str] | None) -> dict[str, str]:
    """Hide what the machine's user has configured for gateways of his own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("FIELDPOST_")}
    return {**kept, **(more or {})}
