"""`enrol` and `logout` of the box itself: a token that works is never given up for one that does
not, and nothing shows it."""

import asyncio
import contextlib
import getpass
import io
import json
import sys
import threading

import pytest

from device import enrolment
from device.slots import FILE, SlottedToken
from tests.fakes.bota_api import CUT, LOST_ANSWER, BotaDouble, Fault
from tests.fakes.bota_api import TOKEN as GOOD

BAD = "dtok_unheard_of_0123"


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
        monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)

    put()
    return put


@contextlib.contextmanager
def served(double: BotaDouble):
    """Serve a double in a thread of its own: commands run their own loop."""
    ready, over = threading.Event(), threading.Event()

    def work() -> None:
        async def live() -> None:
            async with double:
                ready.set()
                await asyncio.to_thread(over.wait)

        asyncio.run(live())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(10)
        yield double
    finally:
        over.set()
        thread.join()


@pytest.fixture
def bota(site):
    """A Bota double that the site's configuration names; its slots need a spool."""
    with served(BotaDouble(chunked=True)) as double:
        _name(site, double)
        yield double


def _name(site, double: BotaDouble) -> None:
    text = site.config.read_text().replace("http://127.0.0.1:9/v1", double.base_url)
    site.config.write_text(text)


@pytest.fixture
def token(site):
    """The token file of the site."""
    return site.config.with_name("token")


@pytest.fixture
def spool(site):
    site.spool.mkdir()
    return site.spool


def test_a_token_is_checked_and_put_in_place(fieldpost, bota, token, tmp_path):
    """The cloud accepts it first; the file is readable by nobody else, and holds nothing more."""
    given = tmp_path / "given"
    given.write_text(f"  {GOOD}\n")
    said = fieldpost("-vv", "enrol", "--token-file", str(given))

    assert (0, f"{GOOD}\n") == (said.code, token.read_text())
    told = f"this box is enrolled: the token is in {token}, and the cloud accepts it\n"
    assert told == said.out
    assert "systemctl restart fieldpost" in said.err
    assert GOOD[5:12] not in said.out + said.err
    assert 0o600 == token.stat().st_mode & 0o777
    assert [("heartbeat", 200)] == bota.requests


@pytest.mark.parametrize("arguments", [(), ("--token-file", "-")])
def test_a_pipe_may_bring_it(fieldpost, bota, token, stdin, arguments):
    """By itself, or where a dash says so."""
    stdin(GOOD.encode() + b"\n")

    assert 0 == fieldpost("enrol", *arguments).code
    assert f"{GOOD}\n" == token.read_text()


def test_a_person_is_asked_and_sees_nothing(fieldpost, bota, token, stdin, monkeypatch):
    """On a terminal, without an echo."""
    stdin(terminal=True)
    monkeypatch.setattr(getpass, "getpass", lambda question: GOOD)

    assert 0 == fieldpost("enrol").code
    assert f"{GOOD}\n" == token.read_text()


def test_programs_get_a_document(fieldpost, bota, token, stdin):
    """Where it is, and whether the cloud accepted it."""
    stdin(GOOD.encode())
    said = fieldpost("enrol", "--json")

    assert {
        "schema": 1,
        "enrolled": True,
        "checked": True,
        "token_file": str(token),
    } == json.loads(said.out)


def test_a_refused_token_changes_nothing(fieldpost, bota, token, stdin):
    """What works stays, and nothing is left beside it."""
    stdin(BAD.encode())
    said = fieldpost("enrol")

    assert (77, "dtok_test") == (said.code, token.read_text())
    assert ["token"] == [each.name for each in token.parent.glob("token*")]
    assert BAD not in said.out + said.err


def test_a_token_that_cannot_be_checked_replaces_none(fieldpost, token, stdin):
    """Without a network the one that is there stays."""
    stdin(GOOD.encode())
    said = fieldpost("enrol")

    assert (69, "dtok_test") == (said.code, token.read_text())
    assert "the token that is here stays" in said.err


def test_a_first_token_needs_no_network(fieldpost, token, stdin):
    """A box is prepared at a desk: it is kept, and said to be unchecked."""
    token.unlink()
    stdin(GOOD.encode())
    said = fieldpost("enrol")

    assert (0, f"{GOOD}\n") == (said.code, token.read_text())
    assert "nobody could check it yet" in said.out


@pytest.mark.parametrize("junk", [b"", b" \n", b"two words", b"\xff\xfe"])
def test_what_is_no_token(fieldpost, token, stdin, junk):
    """It is refused before anybody is asked, and never quoted."""
    stdin(junk)

    assert 2 == fieldpost("enrol").code
    assert "dtok_test" == token.read_text()


def test_a_file_that_cannot_be_written(fieldpost, bota, site, stdin):
    """The sentence says which file, and what to do."""
    text = site.config.read_text().replace("/token", "/nowhere/token")
    site.config.write_text(text)
    stdin(GOOD.encode())
    said = fieldpost("enrol")

    assert 77 == said.code
    assert "nowhere/token: No such file or directory" in said.err
    assert "token_file" in said.err
    assert [] == bota.requests


def test_an_agent_that_runs_needs_no_restart(fieldpost, bota, token, spool, stdin):
    """It was given the old token when it started, and finds the new one in its spool."""
    running = SlottedToken(lambda: "dtok_test", spool)
    stdin(GOOD.encode())
    fieldpost("enrol")

    assert GOOD == running()


def test_the_same_token_again_ends_what_came_after_it(fieldpost, bota, token, spool, stdin):
    """Put in place on purpose it counts, also after a reset."""
    token.write_text(GOOD)
    SlottedToken(lambda: GOOD, spool).forget()
    stdin(GOOD.encode())

    assert 0 == fieldpost("enrol").code
    assert GOOD == SlottedToken(lambda: GOOD, spool)()


def test_a_code_gives_the_token(fieldpost, bota, token):
    """Typed at the box; the token itself passes through nobody's hands."""
    bota.codes["ABCD-EFGH"] = "dtok_by_code"
    said = fieldpost("enrol", "--code", " ABCD-EFGH")

    assert (0, "dtok_by_code\n") == (said.code, token.read_text())
    assert [("enrol", 200), ("heartbeat", 200)] == bota.requests


@pytest.mark.parametrize("fault", [LOST_ANSWER, CUT])
def test_a_lost_answer_costs_no_code(fieldpost, bota, token, fault):
    """The same code with the same nonce is asked for once more."""
    bota.codes["ABCD-EFGH"] = "dtok_by_code"
    bota.faults["enrol"].append(fault)

    assert 0 == fieldpost("enrol", "--code", "ABCD-EFGH").code
    assert "dtok_by_code\n" == token.read_text()


def test_a_wrong_code(fieldpost, bota, token):
    """What is there stays; the next code is one command away."""
    said = fieldpost("enrol", "--code", "WRONG")

    assert (77, "dtok_test") == (said.code, token.read_text())
    assert "fieldpost-gateway devices code" in said.err


def test_too_many_codes(fieldpost, bota, token):
    """The gateway asks to wait; that is no wrong code."""
    bota.faults["enrol"].append(Fault(status=429, headers={"Retry-After": "60"}))

    assert 75 == fieldpost("enrol", "--code", "ABCD-EFGH").code


def test_a_gateway_that_is_none(fieldpost, bota, token):
    """Bota itself has no codes."""
    bota.faults["enrol"].append(Fault(status=404))

    assert 69 == fieldpost("enrol", "--code", "ABCD-EFGH").code
    assert "dtok_test" == token.read_text()


def test_rotation_stores_and_proves_the_next_token(fieldpost, bota, token, spool):
    """The token file stays as it is: the next one is in the spool."""
    token.write_text(GOOD)
    said = fieldpost("enrol", "--rotate")

    assert (0, GOOD) == (said.code, token.read_text())
    assert f"the new token is in {spool} and has worked" in said.out
    assert {"dtok_next_1"} == bota.tokens
    assert [("refresh", 200), ("heartbeat", 200)] == bota.requests


def test_a_rotation_that_is_not_proved_yet(fieldpost, bota, token, spool):
    """The next token is stored; whatever call comes next proves it."""
    token.write_text(GOOD)
    bota.faults["heartbeat"] += [CUT, CUT]
    first = fieldpost("enrol", "--rotate")
    second = fieldpost("enrol", "--rotate", "--json")
    third = fieldpost("enrol", "--rotate", "--json")

    assert "the old one is kept until it has worked" in first.out
    assert [False, True] == [json.loads(each.out)["checked"] for each in (second, third)]
    assert ["refresh"] == [name for name, _ in bota.requests if name == "refresh"]
    assert {"dtok_next_1"} == bota.tokens


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1"])
def test_an_api_key_is_not_exchanged(fieldpost, bota, token, spool, key):
    """Only devices have tokens that are."""
    token.write_text(key)
    said = fieldpost("enrol", "--rotate")

    assert (2, []) == (said.code, bota.requests)
    assert "API key" in said.err


def test_an_api_that_checks_nothing(fieldpost, site, token, stdin):
    """Its credential is kept as it is; it has neither codes nor an exchange."""
    text = site.config.read_text().replace("[cloud]", '[cloud]\napi = "cryomix"')
    site.config.write_text(text)
    stdin(b"a-key-of-cryo-mix")
    said = fieldpost("enrol")

    assert (0, "a-key-of-cryo-mix\n") == (said.code, token.read_text())
    assert "nobody could check it yet" in said.out
    assert [2, 2] == [
        fieldpost("enrol", *how).code for how in (("--code", "ABCD-EFGH"), ("--rotate",))
    ]


def test_rotation_without_a_spool(fieldpost, bota, token):
    """There is no place for the next token yet; nothing is asked."""
    token.write_text(GOOD)
    said = fieldpost("enrol", "--rotate")

    assert (2, []) == (said.code, bota.requests)
    assert "fieldpost run" in said.err


def test_bota_itself_is_asked_on_purpose_alone(fieldpost, site, spool, stdin, monkeypatch):
    """Its old token dies at once: somebody must say yes."""
    text = site.config.read_text().replace("http://127.0.0.1:9/v1", "https://api.bota.dev/v1")
    site.config.write_text(text)
    monkeypatch.setattr(enrolment, "rotate", None)
    stdin(b"n\n", terminal=True)
    asked = fieldpost("enrol", "--rotate")
    stdin()
    piped = fieldpost("enrol", "--rotate")

    assert (2, 2) == (asked.code, piped.code)
    assert "at once" in asked.err
    assert "--yes" in piped.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--code", "ABCD-EFGH", "--rotate"),
        ("--recorder", "ble://C0:FF:EE:00:00:01", "--rotate"),
        ("--recorder", "ble://C0:FF:EE:00:00:01", "--code", "ABCD-EFGH"),
    ],
)
def test_what_does_not_go_together(fieldpost, arguments):
    """One way at a time, and codes are for boxes."""
    assert 2 == fieldpost("enrol", *arguments).code


@pytest.mark.parametrize("where", [(), ("--json",)])
def test_logout_forgets_everything(fieldpost, token, spool, where):
    """The token, and what came after it; a second time there is nothing to forget."""
    (spool / FILE).write_text("{}")
    first = fieldpost("logout", "--yes", *where)
    second = fieldpost("logout", "--yes", *where)

    assert (0, 0) == (first.code, second.code)
    assert not token.exists()
    assert not (spool / FILE).exists()
    if where:
        assert [True, False] == [json.loads(s.out)["forgotten"] for s in (first, second)]
    else:
        assert "forgotten" in first.out
        assert "this box has no token\n" == second.out


def test_logout_asks(fieldpost, token, stdin):
    """Somebody who only looked around loses nothing; a program must say --yes."""
    stdin(b"n\n", terminal=True)
    asked = fieldpost("logout")
    stdin()
    piped = fieldpost("logout")

    assert (2, 2, True) == (asked.code, piped.code, token.exists())
    assert "--yes" in piped.err
