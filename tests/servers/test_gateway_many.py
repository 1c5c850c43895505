"""Two gateway processes over one PostgreSQL database and one bucket: one goes on for the other."""

import contextlib
import hashlib
import json
import socket
from urllib.parse import urlsplit

import pytest

from tests.contract.processes import GatewayFailed, administer, serve, shared, start
from tests.fakes.uploads import noise
from tests.servers.daemon import call

AUDIO = noise(30_000)
SHA = hashlib.sha256(AUDIO).hexdigest()


class Gateways:
    """Processes that share all they keep, and a device that calls them."""

    def __init__(self, folder, environ):
        self.folder, self.environ = folder, environ
        self.processes = [start(folder / name, environ) for name in ("one", "two")]
        for process in self.processes:
            process.ready()
        made = administer(folder / "one", ["devices", "add", "AM-07"], environ)
        self.token = made["device_token"]
        self.known = []

    def ask(self, which, method, path, body=None, key=None):
        status, _, said = call(
            method,
            urlsplit(self.processes[which].url).port,
            f"/v1{path}",
            b"" if body is None else json.dumps(body).encode(),
            self.headers(key),
        )
        return status, json.loads(said) if said else None

    def headers(self, key):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return {**headers, "Idempotency-Key": f"{key}-{len(self.known)}"} if key else headers

    def put(self, target):
        url = urlsplit(target["upload_url"])
        return call("PUT", url.port, f"{url.path}?{url.query}", AUDIO, target.get("headers", {}))

    def uploaded(self):
        """Bring a recording so far that it only has to be completed, each step by another."""
        _, recording = self.ask(0, "POST", "/recordings", {}, key="r")
        body = {"type": "audio", "file_size_bytes": len(AUDIO)}
        _, target = self.ask(1, "POST", f"/recordings/{recording['id']}/upload-url", body, key="m")
        assert self.put(target)[0] == 200
        return recording["id"]

    def completed(self, which, recording):
        return self.ask(
            which,
            "POST",
            f"/recordings/{recording}/upload-complete",
            {"content_sha256": SHA},
            key="c",
        )

    def begin_to_complete(self, which, recording):
        """Send the request, and do not wait for what comes of it."""
        port = urlsplit(self.processes[which].url).port
        body = json.dumps({"content_sha256": SHA}).encode()
        words = {**self.headers("c"), "Host": "gateway", "Content-Length": str(len(body))}
        lines = [f"POST /v1/recordings/{recording}/upload-complete HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in words.items()]
        sent = socket.create_connection(("127.0.0.1", port))
        sent.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        return contextlib.closing(sent)

    def kept(self, which):
        """List what was made since the last test, with what the media are."""
        _, listed = self.ask(which, "GET", "/recordings")
        return [
            (each["id"], each["status"], [medium["content_sha256"] for medium in each["media"]])
            for each in listed["data"]
            if each["id"] not in self.known
        ]

    def up(self):
        """Start again whoever was killed."""
        for number, process in enumerate(self.processes):
            if process.popen.poll() is not None:
                self.processes[number] = process.again()
                self.processes[number].ready()
        self.known += [each[0] for each in self.kept(0)]


@pytest.fixture(scope="module")
def database(postgres_server):
    with postgres_server.database() as config:
        yield config


@pytest.fixture(scope="module")
def pair(tmp_path_factory, database, seaweedfs):
    folder = tmp_path_factory.mktemp("gateways")
    found = Gateways(folder, shared(folder, database=database.url, store=seaweedfs))
    yield found
    for process in found.processes:
        process.kill()


@pytest.fixture
def gateways(pair):
    pair.up()
    return pair


@pytest.fixture
def held(database, postgres_server):
    """Keep every writer of the database waiting for as long as this lasts."""
    return lambda: postgres_server.held(database, "SELECT pg_advisory_xact_lock(1718642551, 0)")


def test_what_one_begins_the_other_completes(gateways):
    """Every step by another process, then the first one is asked for it."""
    recording = gateways.uploaded()
    done = gateways.completed(0, recording)
    again = gateways.completed(1, recording)

    assert (200, "uploaded") == (done[0], done[1]["status"])
    assert done == again
    assert [(recording, "uploaded", [SHA])] == gateways.kept(0) == gateways.kept(1)


def test_a_process_with_another_signing_key_does_not_start(gateways, tmp_path):
    """It says why, and what to do about it."""
    (tmp_path / "other").write_text("x" * 32)
    environ = {
        **gateways.environ,
        "FIELDPOST_GATEWAY_SIGNING_KEY_FILE": str(tmp_path / "other"),
    }

    with pytest.raises(GatewayFailed, match="another signing key"):
        serve(tmp_path / "three", environ)


def test_a_process_killed_while_it_completes_leaves_it_to_the_other(gateways, held):
    """Killed before its transaction could go on: nothing is half done, and the other does it."""
    recording = gateways.uploaded()
    with held() as waiting, gateways.begin_to_complete(0, recording):
        waiting()
        gateways.processes[0].kill()
    done = gateways.completed(1, recording)

    assert (200, "uploaded") == (done[0], done[1]["status"])
    assert [(recording, "uploaded", [SHA])] == gateways.kept(1)


def test_an_answer_that_died_with_its_process_is_given_by_the_other(gateways):
    """Completed, and killed before the client heard of it: the same request ends the same."""
    recording = gateways.uploaded()
    with gateways.begin_to_complete(0, recording):
        while gateways.kept(1)[0][1] != "uploaded":
            continue
        gateways.processes[0].kill()
    done = gateways.completed(1, recording)
    repeated = gateways.ask(1, "POST", "/recordings", {}, key="r")

    assert (200, "uploaded") == (done[0], done[1]["status"])
    assert recording == repeated[1]["id"]
    assert [(recording, "uploaded", [SHA])] == gateways.kept(1)
