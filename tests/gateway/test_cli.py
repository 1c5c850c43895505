"""The command `fieldpost-gateway`, as people and scripts run it."""

import fcntl
import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import gateway
from gateway.cli import main

BASE = [sys.executable, "-m", "gateway.cli"]


@dataclass
class Done:
    stdout: str
    stderr: str


def run(*arguments, data=None, code=0):
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main([*arguments, *(["--data", str(data)] if data else [])])
        except SystemExit as refused:
            status = refused.code
    assert code == status, err.getvalue()
    return Done(out.getvalue(), err.getvalue())


def run_json(*arguments, data):
    return json.loads(run(*arguments, "--json", data=data).stdout)


@contextmanager
def served(data, env=None):
    """A real gateway process; yields it and its base URL, SIGTERMs it at the end."""
    with subprocess.Popen(
        [*BASE, "serve", "--json", "--data", str(data), "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **(env or {})},
    ) as program:
        try:
            yield program, json.loads(program.stdout.readline())["base_url"]
        finally:
            program.terminate()
            program.wait()


class Client:
    """Small, blocking, one connection per call."""

    def __init__(self, base_url, token):
        self.base, self.token = urlsplit(base_url), token

    def call(self, method, path, body=None, **headers):
        parts = urlsplit(path)
        target = f"{parts.path}?{parts.query}" if parts.netloc else self.base.path + path
        connection = http.client.HTTPConnection(self.base.hostname, self.base.port)
        try:
            sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            if not parts.netloc:
                names["Authorization"] = f"Bearer {self.token}"
            connection.request(method, target, sent, names)
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()
        finally:
            connection.close()

    def held(self, url, total):
        status, headers, _ = self.call("PUT", url, b"", Content_Range=f"bytes */{total}")
        assert status == 308
        return int(headers["Range"].partition("-")[2]) + 1 if "Range" in headers else 0

    def target(self, size):
        made = json.loads(self.call("POST", "/recordings", {}, Idempotency_Key="r")[2])
        path = f"/recordings/{made['id']}/upload-url"
        body = {"type": "audio", "file_size_bytes": size}
        return json.loads(self.call("POST", path, body, Idempotency_Key="m")[2])["upload_url"]


def test_a_store_that_cannot_be_used_is_told_at_once(tmp_path):
    """A gateway without its bucket serves, says that it is not ready, why, and by which setting."""
    secret = tmp_path / "secret"
    secret.write_text("made-up-secret")
    settings = {
        "OBJECTS": "s3://bkt",
        "S3_ENDPOINT": "http://127.0.0.1:9",
        "S3_ACCESS_KEY_ID": "AKEXAMPLE",
        "S3_SECRET_ACCESS_KEY_FILE": str(secret),
    }
    with subprocess.Popen(
        [*BASE, "serve", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {f"FIELDPOST_GATEWAY_{name}": text for name, text in settings.items()},
    ) as program:
        told = program.stdout.readline()
        program.terminate()
        _, logged = program.communicate()
    (line,) = [line for line in logged.splitlines() if "cannot be used" in line]

    assert "NOT ready on http://127.0.0.1:" in told
    assert "FIELDPOST_GATEWAY_S3_ENDPOINT" in told
    assert "FIELDPOST_GATEWAY_S3_ENDPOINT" in json.loads(line)["reason"]
    assert "made-up-secret" not in told + logged


def test_help_is_quick_and_shows_examples_first():
    """Help does not wait for SQLAlchemy or aiohttp, and examples come before options."""
    code = (
        "import sys, gateway.cli\n"
        "try: gateway.cli.main(['devices', 'add', '--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('sqlalchemy', 'aiohttp', 'msgspec') if m in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert shown.endswith("[]\n")
    assert shown.index("examples:") < shown.index("--rotate  ")
    assert "exit status:" in shown


@pytest.mark.parametrize("group", ["devices", "keys", "phones", "quota", "webhooks"])
def test_help_of_a_group_shows_examples_too(group, capsys):
    """Where one looks first, and before its actions."""
    with pytest.raises(SystemExit):
        main([group, "--help"])
    shown = capsys.readouterr().out

    assert f"  fieldpost-gateway {group} " in shown[shown.index("examples:") :]
    assert shown.index("examples:") < shown.index("positional arguments:")


@pytest.mark.parametrize("arguments", [[], ["devices"], ["keys", "lose"], ["serve", "--speed"]])
def test_wrong_usage_exits_2(arguments):
    """Usage errors are the platform's 2."""
    run(*arguments, code=2)


def test_a_device_is_added_once_and_rotated_on_demand(tmp_path):
    """The token is shown once; again only with --rotate."""
    first = run_json("devices", "add", "AM-07", data=tmp_path)
    again = run_json("devices", "add", "AM-07", data=tmp_path)
    rotated = run_json("devices", "add", "AM-07", "--rotate", data=tmp_path)

    assert (first["schema"], first["created"]) == (1, True)
    assert first["device_token"].startswith("dtok_")
    assert (again["created"], again["device_token"]) == (False, None)
    assert again["device_id"] == rotated["device_id"] == first["device_id"]
    assert rotated["device_token"] not in (None, first["device_token"])


def test_people_read_lines(tmp_path):
    """Without --json the same is said in lines."""
    added = run("devices", "add", "AM-07", data=tmp_path).stdout
    again = run("devices", "add", "AM-07", data=tmp_path).stdout
    listed = run("devices", "ls", data=tmp_path).stdout

    assert "dtok_" in added
    assert "--rotate" in again
    assert "AM-07" in listed


def test_a_code_is_made_beside_a_gateway_that_serves_and_gives_the_token(tmp_path):
    """`devices code` prints what a box sends to enrol, for a serial number or an id."""
    with served(tmp_path) as (_, base_url):
        added = run_json("devices", "add", "AM-07", data=tmp_path)
        made = run_json("devices", "code", added["device_id"], data=tmp_path)
        client = Client(base_url, "")
        status, _, body = client.call("POST", "/enrol", {"code": made["code"]})
        enrolled = json.loads(body)
        client.token = enrolled["device_token"]
        beat, _, _ = client.call("POST", "/devices/me/heartbeat", {})
    shown = run("devices", "code", "AM-07", data=tmp_path).stdout
    unknown = run("devices", "code", "AM-99", data=tmp_path, code=1).stderr

    assert (200, 200) == (status, beat)
    assert added["device_id"] == made["device_id"] == enrolled["device_id"]
    assert re.search(r"^code  [0-9A-Z]{4}-[0-9A-Z]{4}$", shown, re.MULTILINE)
    assert max(map(len, shown.splitlines())) <= 80
    assert "there is no device AM-99" in unknown


def test_keys_are_added_listed_and_revoked(tmp_path):
    """A key's text is shown once; scopes make it a restricted key."""
    full = run_json("keys", "add", "--name", "backend", data=tmp_path)
    some = run_json("keys", "add", "--scopes", "recordings:read", data=tmp_path)
    run("keys", "revoke", full["key_id"], data=tmp_path)
    listed = run_json("keys", "ls", data=tmp_path)["keys"]

    assert full["api_key"].startswith("sk_live_")
    assert some["api_key"].startswith("rk_live_")
    assert [k["revoked_at"] is None for k in listed] == [False, True]
    assert "api_key" not in listed[0]


def test_errors_help(tmp_path):
    """Errors say what to try; under --json they are one object on stderr."""
    plain = run("devices", "revoke", "AM-99", data=tmp_path, code=1).stderr
    machine = json.loads(run("keys", "revoke", "x", "--json", data=tmp_path, code=1).stderr)
    scope = run("keys", "add", "--scopes", "all", data=tmp_path, code=2).stderr
    listen = run("serve", "--listen", "nowhere", data=tmp_path, code=78).stderr

    assert "no device AM-99\n  try: fieldpost-gateway devices ls" in plain
    assert (machine["error"], machine["exit_code"]) == ("not-found", 1)
    assert "recordings:read" in scope
    assert "HOST:PORT" in listen


def test_migrate_says_what_it_did(tmp_path):
    """A new folder is migrated once."""
    assert run_json("migrate", data=tmp_path)["migrated"] is True
    assert run_json("migrate", data=tmp_path)["migrated"] is False


def test_openapi_prints_what_is_committed():
    """The command writes the committed file."""
    committed = Path(gateway.__file__).parent / "openapi.json"

    assert run("openapi").stdout == committed.read_text()


def test_serve_says_where_and_stops_cleanly(tmp_path):
    """READY and STOPPING reach systemd, commands work beside it, SIGTERM is exit 0."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(tmp_path / "notify"))
        notified.settimeout(10)
        with served(tmp_path / "data", {"NOTIFY_SOCKET": str(tmp_path / "notify")}) as (
            program,
            base_url,
        ):
            ready = notified.recv(100)
            token = run_json("devices", "add", "AM-07", data=tmp_path / "data")["device_token"]
            status, _, _ = Client(base_url, token).call("GET", "/recordings")
            program.send_signal(signal.SIGTERM)
            code = program.wait()
        stopping = notified.recv(100)

    assert (ready, stopping) == (b"READY=1", b"STOPPING=1")
    assert (status, code) == (200, 0)


def test_serve_feeds_the_watchdog_that_systemd_set(tmp_path):
    """With a time limit from systemd it hears WATCHDOG=1 after READY=1."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(tmp_path / "notify"))
        notified.settimeout(10)
        systemd = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "60000000"}
        with served(tmp_path / "data", systemd):
            heard = [notified.recv(100) for _ in range(2)]

    assert [b"READY=1", b"WATCHDOG=1"] == heard


def test_a_data_folder_is_served_once(tmp_path):
    """A second gateway on the same folder is refused."""
    fd = os.open(tmp_path / "serve.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        refused = served_refusal(tmp_path)
    finally:
        os.close(fd)

    assert (refused.returncode, "another gateway" in refused.stderr) == (75, True)


def served_refusal(data):
    return subprocess.run(
        [*BASE, "serve", "--data", str(data), "--listen", "127.0.0.1:0"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_sigterm_keeps_what_a_long_put_brought(tmp_path):
    """Draining ends a PUT in the middle with what arrived on disk."""
    total = 4_000_000
    with served(tmp_path, {"FIELDPOST_GATEWAY_DRAIN_S": "0"}) as (program, base_url):
        token = run_json("devices", "add", "AM-07", data=tmp_path)["device_token"]
        client = Client(base_url, token)
        connection = begun_put(client.target(total), total, b"x" * 1_300_000)
        wait_for_bytes(client, 2**20)
        program.terminate()
        answer = connection.recv(100)
        connection.close()
        code = program.wait()
    with served(tmp_path) as (_, base_url):
        held = Client(base_url, token).held(Client(base_url, token).target(total), total)

    assert answer.startswith(b"HTTP/1.1 503")
    assert code == 0
    assert 2**20 <= held <= 1_300_000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_killed_gateway_keeps_what_it_acknowledged(tmp_path, seed):
    """SIGKILL in the middle of a PUT: the offset never falls below what was acknowledged."""
    content = os.urandom(4_000_000)
    total = len(content)
    known = 700_000 * seed
    with served(tmp_path) as (program, base_url):
        token = run_json("devices", "add", "AM-07", data=tmp_path)["device_token"]
        client = Client(base_url, token)
        url = client.target(total)
        span = f"bytes 0-{known - 1}/{total}"
        _, headers, _ = client.call("PUT", url, content[:known], Content_Range=span)
        connection = begun_put(url, total, content[known : known + 1_200_000], first=known)
        wait_for_bytes(client, known + 2**20)
        program.kill()
        program.wait()
        connection.close()
    with served(tmp_path) as (_, base_url):
        client = Client(base_url, token)
        url = client.target(total)
        held = client.held(url, total)
        status, _, body = client.call(
            "PUT", url, content[held:], Content_Range=f"bytes {held}-{total - 1}/{total}"
        )

    assert headers["Range"] == f"bytes=0-{known - 1}"
    assert known <= held <= known + 1_200_000
    assert (status, json.loads(body)["file_size_bytes"]) == (200, total)


def begun_put(url, total, content, first=0):
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port))
    connection.sendall(
        f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Range: bytes {first}-{total - 1}/{total}\r\n"
        f"Content-Length: {total - first}\r\n\r\n".encode()
        + content
    )
    return connection


def wait_for_bytes(client, least):
    """Wait until the gateway counted so many bytes of media."""
    metrics = Client(client.base.geturl().removesuffix("/v1"), "")
    for _ in range(2000):
        text = metrics.call("GET", "/metrics")[2].decode()
        if float(re.search(r"received_bytes_total ([0-9.e+]+)$", text, re.MULTILINE)[1]) >= least:
            return
    raise AssertionError("the bytes did not arrive")
