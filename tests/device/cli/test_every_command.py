"""Every command as a program of its own: at a terminal, on a pipe, for programs; what it ends with.

Once beside a running agent, once on a spool that nobody holds.
"""

import asyncio
import json
import re
from dataclasses import dataclass

import pytest

from device.cli.commands import COMMANDS
from device.cli.exit_codes import EXIT_CODES, FAILED, INTERRUPTED, OK, USAGE
from tests.device.cli.calls import Said
from tests.device.cli.scenario import Box, at_rest, at_work
from tests.device.cli.terminal import terminal

AWAY, LATER, BROKEN = 69, 75, 78
CTRL_C, CTRL_D = "\x03", "\x04"
_PLACED = re.compile(r"\x1b\[[0-9;]*H")
_OTHER = re.compile(r"^(-c \{box\}/new.toml|\{spare\}) ")
_DRAWN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[()].|[=>78])")

pytestmark = pytest.mark.timeout(60)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One way to call a command.

    `code` beside an agent and `alone` without one (None: not run then); `talk` is what a person at
    the terminal waits for and types, `ended` how the program ends then; `until` is what a program
    that goes on for ever prints before it is interrupted; `says` must be read by whoever called.
    """

    line: str
    code: int = OK
    alone: int | None = OK
    says: str = ""
    talk: tuple[tuple[str, str], ...] = ()
    ended: int | None = None
    until: str = ""

    @property
    def name(self) -> str:
        """The command's: `spool ls`."""
        words = _OTHER.sub("", self.line).split()
        return next(name for n in (2, 1) if (name := " ".join(words[:n])) in COMMANDS)

    def at(self, mode: str) -> str:
        """The command line, as one of `MODES` calls it."""
        return self.line.replace("{mode}", mode)

    def told(self, box: Box, said: str) -> bool:
        """Whether `says` was said, wherever its lines were broken."""
        return self.says.format(**box.words) in " ".join(said.split())


_BLE = "ble://C0:FF:EE:00:00:01"
ROWS = (
    Row(
        line="-c {box}/new.toml setup", code=USAGE, alone=None, says="nothing was changed",
        talk=(("Which of these?", CTRL_C),), ended=INTERRUPTED,
    ),
    Row(
        line="setup --dry-run --no-input", alone=None, says="fieldpost",
    ),
    Row(line="run", code=LATER, alone=None, says="an agent is running"),
    Row(line="status", says="next try in "),
    Row(
        line="top", until='"event"', talk=(("WAITING", CTRL_C),),
    ),
    Row(line="doctor", alone=FAILED, says="quarantined"),
    Row(line="probe cloud", alone=FAILED, says="resolve"),
    Row(line="logs", alone=None, says="The cloud hears no heartbeat"),
    Row(
        line="logs -f", alone=None, code=INTERRUPTED, until="no heartbeat",
        talk=(("no heartbeat", CTRL_C),),
    ),
    Row(
        line="bugreport -o {box}/{mode}.tar.gz", says="tell us the marker",
        talk=(("[Y/n]", "\n"),),
    ),
    Row(line="reload", alone=AWAY, says="reload"),
    Row(line="pull", alone=None, says="the agent looks at {recorder} now"),
    Row(line="upload {box}/call.opus", code=LATER, alone=None, says="an agent is running"),
    Row(line="scan --serial"),
    Row(line="recorders", alone=None, says="the agent has it open"),
    Row(line="recordings ls", says="native:AM-07"),
    Row(line="recordings ls --recorder {recorder}", says="one"),
    Row(
        line="recordings ls --recorder {wire}", code=AWAY, alone=None,
        says="what came from it: fieldpost recordings ls",
    ),
    Row(line="recordings show {waits}", says="images"),
    Row(
        line="enrol", code=USAGE, alone=USAGE, says="no token was given",
        talk=(("not shown):", CTRL_D),),
    ),
    Row(line="enrol --token-file {token}", alone=AWAY, says="the token is in {token}"),
    Row(
        line="enrol --recorder " + _BLE + " --token-file {box}/its-token", code=AWAY,
        alone=None, says="Bluetooth",
    ),
    Row(
        line="logout", code=USAGE, alone=USAGE, says="nothing was forgotten",
        talk=(("[y/N]", "n\n"),),
    ),
    Row(line="{spare} logout --yes", alone=None, says="this box has no token"),
    Row(line=f"settings {_BLE}", code=AWAY, alone=None, says="Bluetooth"),
    Row(
        line="release {kept}", code=USAGE, alone=USAGE, says="nothing was done",
        talk=(("[y/N]", "n\n"),),
    ),
    Row(line="release {kept} --yes", alone=AWAY, says="is asked to delete it"),
    Row(line="release {waits}", code=FAILED, alone=None, says="has not acknowledged it"),
    Row(line="spool ls --all", says="released"),
    Row(line="spool show {waits}", says="{waits}"),
    Row(line="spool verify", code=LATER, says="held by process"),
    Row(line="spool requeue {stuck_{mode}}", alone=None, says="again"),
    Row(line="spool export --waiting -o {box}/{mode}.tar", says="was read back and is right"),
    Row(line="spool import {box}/rescued.tar", code=LATER, says="held by process"),
    Row(line="spool rebuild --yes", code=LATER, alone=None, says="held by process"),
    Row(line="quarantine ls", says="the cloud takes no recording of this kind (HTTP 422)"),
    Row(line="quarantine show {stuck}", says="fieldpost spool requeue"),
    Row(line="config check", says="the configuration is valid"),
    Row(line="config show", says="cloud.base_url"),
    Row(line="config path", says="{box}/fieldpost.toml"),
    Row(
        line="simulate recorder --from {box}/worn", until='"ready"',
        alone=None, talk=(('"ready"', CTRL_C),),
    ),
    Row(
        line="simulate bota --ble usb:0 --fault xyz", code=USAGE, alone=None,
        says="count-prefix",
    ),
    Row(line="completion bash", alone=None, says="complete -F"),
    Row(line="man", alone=None, says=".TH"),
    Row(line="version", alone=None, says="fieldpost 0."),
)  # fmt: skip

_STREAMS = {"top", "logs", "simulate recorder"}
_FOR_OTHERS = {"completion", "man", "simulate recorder"}
"""What these print is read by a shell, by man, by a program."""
_READ_NO_CONFIGURATION = {
    "logs", "settings", "completion", "man", "version", "simulate recorder", "simulate bota",
}  # fmt: skip
_READING = {
    "status": ("{box}/spool", "{waits:.12}"),
    "doctor": ("fieldpost quarantine ls",),
    "probe cloud": (),
    "recorders": ("{recorder}",),
    "recordings ls": ("{waits:.12}", "native:AM-07"),
    "recordings show {waits}": ("{waits}",),
    "spool ls": ("{waits:.12}", "native:AM-07"),
    "spool show {waits}": ("{waits}",),
    "quarantine ls": ("{stuck:.12}",),
    "quarantine show {stuck}": ("{stuck}", "fieldpost spool requeue {stuck:.12}"),
    "config show": ("{box}/fieldpost.toml:2",),
    "config path": ("{box}/fieldpost.toml",),
    "scan --serial": (),
    "version": (),
}
"""What only looks, and what people copy out of it."""


def lines_of(rows):
    return [pytest.param(row, id=row.line) for row in rows]


@pytest.fixture(scope="module")
def work():
    with at_work() as box:
        yield box


@pytest.fixture(scope="module")
def rest():
    with at_rest() as box:
        yield box


def drawn(raw: bytes) -> list[str]:
    """The lines that went to a terminal, each as long as it ever was."""
    placed = _PLACED.sub("\n", raw.decode().replace("^C", ""))  # which the terminal itself writes
    plain = _DRAWN.sub("", placed).replace("\r\n", "\n")
    return [max(line.split("\r"), key=len).rstrip() for line in plain.split("\n")]


async def at_terminal(box: Box, line: str, talk=(), **size: int) -> tuple[int, bytes]:
    environ = {name: box.environ()[name] for name in ("PATH", "DBUS_SYSTEM_BUS_ADDRESS")}
    async with terminal(*box.command(line), **size, **environ) as shown:
        for question, answer in talk:
            await shown.shows(question)
            shown.type(answer.encode())
        return await shown.ended(), shown.raw


def test_every_command_has_a_row():
    """Whoever adds a command says here how it is called, and how it ends."""
    assert set(COMMANDS) == {row.name for row in ROWS}


def test_every_end_is_one_that_is_documented():
    """README, help and manual page tell of all of them."""
    codes = {each for row in ROWS for each in (row.code, row.alone, row.ended)}

    assert codes - {None} <= set(EXIT_CODES)


@pytest.mark.parametrize("row", lines_of(ROWS))
def test_at_a_terminal(work, row):
    """It fits 80 columns, ends as documented, and says what a person must know."""
    code, raw = asyncio.run(at_terminal(work, row.at("terminal"), row.talk))
    lines = drawn(raw)

    assert (row.code if row.ended is None else row.ended) == code
    assert "Traceback" not in raw.decode()
    assert row.name in _FOR_OTHERS or [] == [line for line in lines if len(line) > 80]
    assert row.told(work, " ".join(lines))


@pytest.mark.parametrize("row", lines_of(ROWS))
def test_on_a_pipe(work, row):
    """Nobody answers, nothing is drawn, and stdout has nothing but data."""
    said = work.piped(row.at("pipe"), until=row.until)

    assert row.code == said.code
    assert row.told(work, said.out + said.err)
    assert [] == _wrong_on_a_pipe(said)


@pytest.mark.parametrize("row", lines_of(ROWS))
def test_for_programs(work, row):
    """One document, one a line where they come one by one, or one error; each with its schema."""
    said = work.piped(f"{row.at('programs')} --json", until=row.until)

    assert row.code == said.code
    if said.out:
        documents = said.out.splitlines() if row.name in _STREAMS else [said.out]
        assert [["schema", 1]] * len(documents) == [_first(each) for each in documents]
        assert "" == said.err
    else:
        error = json.loads(said.err if not row.talk else said.err.splitlines()[-1])
        assert (1, row.code) == (error["schema"], error["exit_code"])


@pytest.mark.parametrize("row", lines_of(row for row in ROWS if row.alone is not None))
def test_without_an_agent(rest, row):
    """What needs none does it by itself; what needs one says so."""
    said = rest.piped(row.at("pipe"), until=row.until)

    assert row.alone == said.code
    assert row.alone == AWAY or row.code == LATER or row.told(rest, said.out + said.err)
    assert [] == _wrong_on_a_pipe(said)


@pytest.mark.parametrize("line", _READING)
def test_on_a_phone(rest, line):
    """Forty columns wide, what people copy is neither cut nor broken."""
    code, raw = asyncio.run(at_terminal(rest, line, columns=40, rows=20))
    told = "\n".join(drawn(raw))

    assert code in {OK, FAILED}
    assert "Traceback" not in told
    assert [] == [
        each for part in _READING[line] if (each := part.format(**rest.words)) not in told
    ]


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - _READ_NO_CONFIGURATION))
def test_a_broken_configuration(rest, name):
    """Whatever reads it tells all that is wrong with it; who looks for faults goes on."""
    line = next(row.at("programs") for row in ROWS if row.name == name)
    said = rest.piped("-c {box}/broken.toml " + _OTHER.sub("", line))
    told = said.out + said.err

    assert {"doctor": FAILED, "bugreport": OK}.get(name, BROKEN) == said.code
    assert "base_ulr" in told or name == "bugreport"
    assert "2 problems" in told or said.code != BROKEN
    assert "Traceback" not in told


def _first(document: str) -> list[object]:
    """The first member of a document, which is all there is."""
    return list(next(iter(json.loads(document).items())))


def _wrong_on_a_pipe(said: Said) -> list[str]:
    wrong = [each for each in ("Traceback", "\x1b", "\r") if each in said.out + said.err]
    return [*wrong, said.out] if said.out and said.code in {USAGE, AWAY, LATER, BROKEN} else wrong
