"""The tus project's own for Node: `@tus/server` with its store of plain files, `tus-js-client`."""

import shutil
import sys
from pathlib import Path

from tests.servers.daemon import Daemon, answers

NODE_FOLDER = Path(sys.prefix) / "node"
"""Where `make setup` had npm install package.json."""

CLIENT = Path(__file__).with_name("tus_js_upload.mjs")
"""Uploads a file by tus-js-client."""

_SCRIPT = Path(__file__).with_name("tus_server.mjs")


def missing(package: str = "@tus/server") -> str | None:
    """Say why a package cannot run here; None if it can."""
    if shutil.which("node") is None:
        return "node is not installed"
    if not (NODE_FOLDER / "node_modules" / package).is_dir():
        return f"npm has not installed {package}: see `make setup`"
    return None


class TusNode:
    """A running server; uploads are created below `endpoint`."""

    def __init__(self, folder: Path) -> None:
        self._uploads = folder / "uploads"
        # A program given as text looks for packages where it runs, not where its file is.
        program = ("node", "--input-type=module", "--eval", _SCRIPT.read_text(), "--")
        inside = ("env", "--chdir", str(NODE_FOLDER))
        self.daemon = Daemon(
            lambda ports: [*inside, *program, str(ports[0]), str(self._uploads)],
            ports=1,
            ready=lambda ports: answers(ports[0], "/files"),
            folder=folder,
        )
        self.port = self.daemon.ports[0]
        self.endpoint = f"http://127.0.0.1:{self.port}/files"

    def content(self, location: str) -> bytes | None:
        """Give what it holds of an upload; None if there is none.

        Read from its folder: a GET after a refused PATCH has ended the whole server before.
        """
        file = self._uploads / location.rpartition("/")[2]
        return file.read_bytes() if file.is_file() else None
