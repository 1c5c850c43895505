"""gcp-storage-emulator: the JSON API of Google Cloud Storage, whose sessions survive a restart.

It verifies no signature and does not know `x-goog-resumable`: sessions are opened as the gateway
opens them, by the JSON API.
"""

import json
import sys
from pathlib import Path
from urllib.parse import quote

from tests.servers.daemon import Daemon, answers, call

BUCKET = "recordings"


class GcsEmulator:
    """A running emulator with a bucket."""

    def __init__(self, folder: Path) -> None:
        command = Path(sys.executable).with_name("gcp-storage-emulator")
        self.daemon = Daemon(
            lambda ports: [
                *(str(command), "--data-dir", str(folder / "data"), "start", "--quiet"),
                *("--host", "127.0.0.1", "--port", str(ports[0]), "--default-bucket", BUCKET),
            ],
            ports=1,
            ready=lambda ports: answers(ports[0]),
            folder=folder,
        )
        self.port = self.daemon.ports[0]
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def open_session(self, key: str, content_type: str = "audio/opus") -> str:
        """Open a resumable session; gives its URI."""
        path = f"/upload/storage/v1/b/{BUCKET}/o?uploadType=resumable&name={quote(key, safe='')}"
        about = json.dumps({"contentType": content_type}).encode()
        kind = {"Content-Type": "application/json", "X-Upload-Content-Type": content_type}
        status, headers, said = call("POST", self.port, path, about, kind)
        assert status == 200, said
        return headers["location"]

    def content(self, key: str) -> bytes | None:
        """Give the object's bytes; None if there is no such object."""
        name = quote(key, safe="")
        status, _, body = call("GET", self.port, f"/storage/v1/b/{BUCKET}/o/{name}?alt=media")
        assert status in {200, 404}, body
        return body if status == 200 else None
