"""Keep every recording that a Fieldpost gateway tells of: a webhook receiver to begin with.

    python consumer.py --secret-file whsec.txt --folder recordings --listen 127.0.0.1:9000

Each event is checked (signature, age), done once (its id is kept in SQLite), and acknowledged only
when its media are on disk with the right digest. What cannot be done answers 503: the gateway tries
again, with URLs that are good then. Python's own library is all it needs.
"""

import argparse
import contextlib
import hashlib
import hmac
import json
import os
import sqlite3
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WINDOW_S = 300
MOST_BODY_BYTES = 1024 * 1024
FETCH_S = 20
BLOCK_BYTES = 1024 * 1024


class Refused(Exception):
    """The request is not from our gateway, or too old."""


def verify(secret: str, headers: Any, body: bytes, now_s: float) -> None:
    """Check who sent a body, and that nobody replays an old one.

    Raises:
        Refused: Do nothing with it.
    """
    timestamp = headers.get("X-Bota-Timestamp", "")
    if not timestamp.isdigit() or abs(now_s - int(timestamp)) > WINDOW_S:
        raise Refused("the timestamp is not within five minutes: are both clocks right?")
    signed = timestamp.encode() + b"." + body
    expected = "v1=" + hmac.new(secret.encode(), signed, "sha256").hexdigest()
    if not hmac.compare_digest(expected.encode(), headers.get("X-Bota-Signature", "").encode()):
        raise Refused("the signature does not fit: is the secret the newest one?")


class Inbox:
    """Which events are done, on disk: the same event may come again, even after a restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        with self._database() as database:
            database.execute("CREATE TABLE IF NOT EXISTS done (event_id TEXT PRIMARY KEY)")

    def take(self, event: dict[str, Any]) -> bool:
        """Do what an event asks for, once; False when it was done before.

        Raises:
            OSError, ValueError: It could not be done; nothing is noted.
        """
        # One at a time is plenty here, and the retry of one that is slow finds it done.
        with self._lock:
            with self._database() as database:
                query = "SELECT 1 FROM done WHERE event_id = ?"
                if database.execute(query, (event["id"],)).fetchone():
                    return False
            if event["type"] == "recording.uploaded":
                for medium in event["data"]["media"]:
                    self.fetch(event["data"]["id"], medium)
            # After the media: a crash in between fetches them again, and loses none.
            with self._database() as database:
                database.execute("INSERT INTO done VALUES (?)", (event["id"],))
            return True

    def fetch(self, recording_id: str, medium: dict[str, Any]) -> None:
        """Fetch one medium, unless the recording was deleted meanwhile."""
        if medium["download_url"] is None:
            return
        folder = self.folder / recording_id
        folder.mkdir(exist_ok=True)
        fresh = folder / f".{medium['id']}"
        counted = hashlib.sha256()
        with (
            urllib.request.urlopen(medium["download_url"], timeout=FETCH_S) as answer,  # noqa: S310 - signed by our gateway
            fresh.open("wb") as file,
        ):
            while block := answer.read(BLOCK_BYTES):
                counted.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        if counted.hexdigest() != medium["content_sha256"]:
            raise ValueError(f"{medium['id']} came with another digest")
        fresh.replace(folder / medium["id"])

    @contextlib.contextmanager
    def _database(self) -> Any:
        database = sqlite3.connect(self.folder / "inbox.db")
        try:
            with database:
                database.execute("PRAGMA synchronous = FULL")
                yield database
        finally:
            database.close()


def handler(secret: str, inbox: Inbox) -> type[BaseHTTPRequestHandler]:
    """Build the receiver."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            if length > MOST_BODY_BYTES:
                self._answer(413, "too large")
                return
            body = self.rfile.read(length)
            try:
                verify(secret, self.headers, body, time.time())
                event = json.loads(body)
                fresh = inbox.take(event)
            except Refused as error:
                self._answer(403, str(error))
            except (OSError, ValueError) as error:
                self._answer(503, f"try again: {error}")
            else:
                print(f"{event['id']} {event['type']} {'done' if fresh else 'known'}", flush=True)
                self._answer(200, "done" if fresh else "known")

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing of each request: what was done is printed."""

    return Receiver


def main() -> None:
    """Receive until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--secret-file", type=Path, required=True)
    parser.add_argument("--folder", type=Path, default=Path("recordings"))
    parser.add_argument("--listen", default="127.0.0.1:9000")
    arguments = parser.parse_args()
    host, _, port = arguments.listen.rpartition(":")
    secret = arguments.secret_file.read_text().strip()
    server = ThreadingHTTPServer((host, int(port)), handler(secret, Inbox(arguments.folder)))
    print(f"receiving on http://{host}:{server.server_port}/", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
