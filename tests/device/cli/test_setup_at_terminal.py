"""`setup` at a terminal, as a program of its own: the whole dialogue, cut short, and repeated."""

import json
import signal
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.device.cli.dialogue import CTRL_C, CTRL_D, at_terminal, environment, on_pipe

pytestmark = pytest.mark.timeout(60)

QUESTIONS = (
    "Which of these?",
    "A folder",
    "What becomes of a recording",
    "Which cloud?",
    "Address of the gateway",
    "There is a token. Keep it?",
    "Write this?",
)


class Gateway(NamedTuple):
    base_url: str
    code: str
    token: str


def program(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


@contextmanager
def running(*argv: str, cwd: Path):
    """A program that stays, and the first line it prints."""
    process = subprocess.Popen(
        argv, cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """A real gateway that knows two boxes."""
    folder = tmp_path_factory.mktemp("gateway")

    def ask(*words: str) -> dict:
        done = subprocess.run(
            program("gateway.cli", *words, "--data", str(folder), "--json"),
            env=environment(), capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
        return json.loads(done.stdout)

    to_enrol, enrolled = ask("devices", "add", "BOX-1"), ask("devices", "add", "BOX-2")
    serve = program("gateway.cli", "serve", "--data", str(folder), "--listen", "127.0.0.1:0")
    with running(*serve, "--json", cwd=folder) as told:
        code = ask("devices", "code", to_enrol["device_id"])["code"]
        yield Gateway(told["base_url"], code, enrolled["device_token"])


@pytest.fixture(scope="module")
def recorder(tmp_path_factory):
    """A simulated recorder on a pty with one recording."""
    folder = tmp_path_factory.mktemp("recorder")
    held = folder / "held" / "one"
    held.mkdir(parents=True)
    (held / "audio.opus").write_bytes(b"OggS" + bytes(1000))
    argv = ("simulate", "recorder", "--from", "held", "--link", "port")
    with running(*program("device.cli.main", *argv), cwd=folder):
        yield f"serial://{folder}/port"


@pytest.fixture
def box(tmp_path):
    """A box that works already: a folder, and a cloud that is not there today."""
    (tmp_path / "yard").mkdir()
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text("dtok_before\n")
    config = tmp_path / "fieldpost.toml"
    config.write_text(
        f'# mine\n[spool]\npath = "{tmp_path}/spool"\nmin_free_bytes = 0\n'
        f'[cloud]\nbase_url = "http://127.0.0.1:9/v1"\ntoken_file = "{token}"\n'
        f'[[recorders]]\nurl = "folder://{tmp_path}/yard" # out there\nrelease = "keep"\n'
    )
    return tmp_path


def held(box: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in box.iterdir() if each.is_file()}


def test_a_new_box_is_set_up_by_answers(tmp_path, gateway, recorder):
    """Recorder, folder, gateway, one-time code: then everything answers, and the file is right."""
    base_url, code, _ = gateway
    (tmp_path / "yard").mkdir()
    (tmp_path / "fieldpost.toml").write_text(
        f'[spool]\npath = "{tmp_path}/spool"\n[cloud]\ntoken_file = "{tmp_path}/token"\n'
    )
    with at_terminal("-c", f"{tmp_path}/fieldpost.toml", "setup", columns=40) as person:
        urls = iter([recorder, f"{tmp_path}/yard", "none"])
        while "Write this?" not in (question := person.asked()):
            replies = {
                "Which of these?": "none", "Which cloud?": "2", "Address": base_url,
                "one-time code": code.lower(), "becomes of a recording": "keep",
            }  # fmt: skip
            reply = next((r for phrase, r in replies.items() if phrase in question), None)
            person.types(f"{next(urls) if reply is None else reply}\n")
        person.types("\n")
        ended = person.leaves()
    config = tomllib.loads((tmp_path / "fieldpost.toml").read_text())

    assert 0 == ended, person.screen
    assert {"api": "bota", "base_url": base_url, "token_file": f"{tmp_path}/token"} == config[
        "cloud"
    ]
    assert [recorder, f"folder://{tmp_path}/yard"] == [each["url"] for each in config["recorders"]]
    assert 0o600 == (tmp_path / "token").stat().st_mode & 0o777
    assert "SIM00000 answers" in " ".join(person.screen.split())
    assert "the API takes the token" in " ".join(person.screen.split())
    assert code.lower() not in person.screen.lower()


def test_a_narrow_terminal_shows_it_all(box):
    """At 40 columns no line is longer, but for what people copy whole."""
    with at_terminal("-c", f"{box}/fieldpost.toml", "setup", columns=40) as person:
        person.answers({}, last="Which cloud?")
    long = [line for line in person.screen.splitlines() if len(line) > 40]

    assert [] == [line for line in long if "/" not in line]
    assert "\x1b[" not in person.screen


@pytest.mark.parametrize("last", QUESTIONS)
def test_ctrl_c_at_any_question_leaves_everything_as_it_was(box, gateway, last):
    """Not a byte of configuration or token differs, and no file is new."""
    before = held(box)
    with at_terminal("-c", f"{box}/fieldpost.toml", "setup") as person:
        replies = {"Address": gateway[0]} if last == "Write this?" else {"all the same?": "yes"}
        person.answers(replies, last=last)
        person.types(CTRL_C)
        ended = person.leaves()

    assert 130 == ended
    assert "nothing was changed" in person.screen
    assert before == held(box)


def test_ctrl_d_is_an_end_too(box):
    """A terminal that was closed answers nothing any more."""
    before = held(box)
    with at_terminal("-c", f"{box}/fieldpost.toml", "setup") as person:
        person.asked()
        person.types(CTRL_D)

        assert 130 == person.leaves()
    assert before == held(box)


def test_a_second_setup_starts_from_what_is_there(box, gateway):
    """Enter all the way changes nothing, keeps no copy, and asks for no token."""
    base_url, _, token = gateway
    (box / "token").write_text(token)
    config = box / "fieldpost.toml"
    config.write_text(
        config.read_text().replace(
            'base_url = "http://127.0.0.1:9/v1"', f'api = "bota"\nbase_url = "{base_url}"'
        )
    )
    before = held(box)
    with at_terminal("-c", str(config), "setup") as person:
        ended = 0
        for _ in range(6):
            assert "Write this?" not in person.asked()
            person.types("\n")
        ended = person.leaves()

    assert 0 == ended, person.screen
    assert "stays as it is" in person.screen
    assert before == held(box)


def test_answers_may_come_by_a_pipe(box, gateway):
    """Line by line, in the order of the questions; the earlier file is kept beside the new one."""
    base_url, _, token = gateway
    before = (box / "fieldpost.toml").read_text()
    answers = f"1\nnone\nkeep\ngateway\n{base_url}\n{token}\nyes\n"
    said = on_pipe("-c", f"{box}/fieldpost.toml", "setup", "--json", answers=answers)
    told = json.loads(said.out)

    assert 0 == said.code, said.err
    assert before == Path(told["backup"]).read_text()
    assert f'base_url = "{base_url}"' in (box / "fieldpost.toml").read_text()
    assert "# out there" in (box / "fieldpost.toml").read_text()
    assert (True, "token") == (told["ok"], told["token"]["given"])
    assert token not in said.out + said.err


def test_a_pipe_that_ends_is_an_end(box):
    """Nobody is asked for ever: what was not answered ends it, and says how scripts do it."""
    before = held(box)
    said = on_pipe("-c", f"{box}/fieldpost.toml", "setup", answers="1\n")

    assert 2 == said.code
    assert "no more answers came; nothing was changed" in said.err
    assert "--yes" in said.err
    assert before == held(box)


def test_a_pipe_of_nonsense_is_an_end(box):
    """A hundred useless answers are not read."""
    said = on_pipe("-c", f"{box}/fieldpost.toml", "setup", answers="perhaps\n" * 100)

    assert 2 == said.code
    assert "5 answers could not be used" in said.err


@pytest.mark.parametrize("interruption", ["refused token", "refused code"])
def test_what_the_gateway_refuses_changes_nothing(box, gateway, interruption):
    """Configuration and token stay, though they were to be changed together."""
    before = held(box)
    given = box / "given"
    given.write_text("dtok_" + "x" * 43)
    how = (
        ("--token-file", str(given)) if interruption == "refused token" else ("--code", "AAAABBBB")
    )
    said = on_pipe("-c", f"{box}/fieldpost.toml", "setup", "--yes", "--base-url", gateway[0], *how)
    given.unlink()

    assert 77 == said.code, said.err
    assert before == held(box)
