"""`enrol`: a token reaches a recorder from a file, a pipe or a question, and nowhere else."""

import getpass
import io
import json
import sys
from contextlib import asynccontextmanager

import pytest

from device.core.bota_ble.advertisement import Pairing
from device.drivers import bota_errand
from device.errors import LinkReason, LinkUnavailable
from tests.ble import room
from tests.device.drivers.bota_rig import SERIAL, recorder
from tests.device.drivers.test_bota_on_ble import bota_room

TOKEN = "dtok_" + "0123456789abcdef" * 4
URL = "ble://C0:FF:EE:00:00:01"


class Stdin(io.TextIOWrapper):
    def __init__(self, content: bytes, *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(content))
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture
def stdin(monkeypatch):
    def put(content: bytes = b"", *, terminal: bool = False) -> None:
        monkeypatch.setattr(sys, "stdin", Stdin(content, terminal=terminal))

    put()
    return put


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "its-token"
    path.write_text(f"{TOKEN}\n")
    return path


def test_a_file_holds_the_token(fieldpost, bota, file):
    """The recorder has it, a sentence says so, and nothing shows it."""
    source = recorder()
    asked = bota(source)
    said = fieldpost("-vv", "enrol", "--recorder", URL.lower(), "--token-file", str(file))

    assert (said.code, asked) == (0, ["C0:FF:EE:00:00:01"])
    assert said.out == f"recorder {SERIAL} has taken its token; its clock is set\n"
    assert (source.owner.token, source.owner.pairing) == (TOKEN, Pairing.PAIRED)
    assert TOKEN[5:12] not in said.out + said.err


def test_programs_get_a_document(fieldpost, bota, file):
    """Which recorder it was, by its own serial number."""
    bota(recorder())
    said = fieldpost("enrol", "--json", "--recorder", URL, "--token-file", str(file))

    assert json.loads(said.out) == {
        "schema": 1,
        "recorder": {"url": URL, "serial": SERIAL},
        "enrolled": True,
        "clock_set": True,
    }


def test_a_pipe_may_bring_the_token(fieldpost, bota, stdin):
    """What other programs print goes in without a file."""
    source = recorder()
    bota(source)
    stdin(TOKEN.encode() + b"\n")

    assert fieldpost("enrol", "--recorder", URL).code == 0
    assert source.owner.token == TOKEN


def test_a_person_is_asked_without_an_echo(fieldpost, bota, stdin, monkeypatch):
    """Typed or pasted, and not shown."""
    source = recorder()
    bota(source)
    stdin(terminal=True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(getpass, "getpass", lambda _: f" {TOKEN}")
    said = fieldpost("enrol", "--recorder", URL)

    assert (said.code, source.owner.token) == (0, TOKEN)
    assert said.err == f"connecting to {URL} …\n"


def hung_up(_: str) -> str:
    raise EOFError


def test_nothing_typed_is_no_token(fieldpost, bota, stdin, monkeypatch):
    """Ctrl-D at the question leaves everything as it was."""
    asked = bota(recorder())
    stdin(terminal=True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(getpass, "getpass", hung_up)

    assert fieldpost("enrol", "--recorder", URL).code == 2
    assert asked == []


def test_nobody_is_asked_who_wants_no_questions(fieldpost, bota, stdin):
    """With --no-input a token that is not there is a usage error."""
    bota(recorder())
    stdin(terminal=True)
    said = fieldpost("enrol", "--no-input", "--recorder", URL)

    assert said.code == 2
    assert "--token-file" in said.err


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n",
        b"sk_live_0123456789",
        b"dtok_",
        b"dtok_one dtok_two",
        b"dtok_\xc3\xa9",
        b"dtok_" + b"x" * 4076,
    ],
    ids=["empty", "space", "other kind", "bare", "two", "not ascii", "too long"],
)
def test_what_is_no_token_is_refused_before_connecting(fieldpost, bota, stdin, content):
    """The sentence never quotes what was read."""
    asked = bota(recorder())
    stdin(content)
    said = fieldpost("enrol", "--recorder", URL)

    assert (said.code, said.out, asked) == (2, "", [])
    assert "try: " in said.err
    assert "0123" not in said.err


def test_a_file_that_cannot_be_read_is_named(fieldpost, bota, tmp_path):
    """A missing file is a usage error."""
    bota(recorder())
    said = fieldpost("enrol", "--recorder", URL, "--token-file", str(tmp_path / "none"))

    assert said.code == 2
    assert f"cannot read {tmp_path / 'none'}: No such file" in said.err


@pytest.mark.parametrize("url", ["serial:///dev/ttyACM0", "ble://", "C0:FF:EE:00:00:01"])
def test_only_bluetooth_recorders_are_meant(fieldpost, file, url):
    """Anything else is a usage error that says where urls come from."""
    said = fieldpost("enrol", "--recorder", url, "--token-file", str(file))

    assert said.code == 2
    assert "fieldpost scan --ble" in said.err


def test_a_second_token_is_refused_with_its_number(fieldpost, bota, file):
    """A program can tell "already has one" from other refusals."""
    source = recorder()
    source.owner.pairing = Pairing.PAIRED
    bota(source)
    said = fieldpost("enrol", "--json", "--recorder", URL, "--token-file", str(file))

    error = json.loads(said.err)
    assert (said.code, said.out) == (1, "")
    assert (error["error"], error["wire_code"]) == ("recorder-refused", 4)
    assert error["hint"].startswith("for another")


def test_a_recorder_out_of_reach_ends_with_69(fieldpost, bota, file):
    """As every recorder that cannot be reached does."""
    bota(LinkUnavailable("away", reason=LinkReason.NOT_FOUND, hint=bota_errand.AGENT_HINT))
    said = fieldpost("enrol", "--recorder", URL, "--token-file", str(file))

    assert said.code == 69
    assert "systemctl stop fieldpost" in said.err


def test_another_kind_of_recorder_is_said_so(fieldpost, monkeypatch, file):
    """A native recorder, say: nothing in a configuration is to blame."""

    @asynccontextmanager
    async def in_a_room(place, clock):
        async with room.room(), errand(place, clock) as session:
            yield session

    errand = bota_errand.errand
    monkeypatch.setattr(bota_errand, "errand", in_a_room)
    said = fieldpost("enrol", "--recorder", room.URL, "--token-file", str(file))

    assert said.code == 69
    assert said.err == (
        f"fieldpost: {room.URL}: this is no Bota recorder\n"
        "  try: fieldpost scan --ble shows which are: their driver is bota\n"
    )


def test_over_a_virtual_radio(fieldpost, monkeypatch, file):
    """The whole way, every step logged: the token is in the recorder and in no line."""
    source = recorder()
    real = bota_errand.errand

    @asynccontextmanager
    async def in_a_room(place, clock):
        async with bota_room(source, 27), real(place, clock) as session:
            yield session

    monkeypatch.setattr(bota_errand, "errand", in_a_room)
    said = fieldpost("-vv", "enrol", "--recorder", room.URL, "--token-file", str(file))

    assert (said.code, source.owner.token) == (0, TOKEN)
    assert not [part for part in (TOKEN[5:15], TOKEN[-10:]) if part in said.out + said.err]
