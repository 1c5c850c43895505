"""`run`, `pull`, `upload`, `recorders`: how the agent is asked and its answer told."""

import json
import os
import signal
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from device.cli import cmd_recorders
from device.config import RecorderConfig
from device.errors import LinkReason, LinkUnavailable, RecorderBusy, SpoolLocked
from device.model import (
    Condition,
    Entry,
    EntryId,
    Listing,
    MediaKind,
    Medium,
    MediumState,
    RecorderId,
    RecorderInfo,
    Recording,
    RecordingKey,
    Rejected,
    State,
)
from device.survey import RecorderView

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MEDIUM = Medium(
    index=0,
    name="a.opus",
    kind=MediaKind.AUDIO,
    content_type="audio/opus",
    size_bytes=2048,
)
RECORDING = Recording(
    key=RecordingKey(recorder=RecorderId("native:1"), recording="r1", generation=0),
    media=(MEDIUM,),
)


def entry(state: State) -> Entry:
    return Entry(
        id=EntryId("ab" * 16),
        recording=RECORDING,
        state=state,
        media=(MediumState(medium=MEDIUM, file="audio.opus"),),
        begun_at=NOW,
    )


def summary(*states: State, problems=(), exit_code=0):
    entries = tuple(entry(state) for state in states)
    return SimpleNamespace(entries=entries, problems=tuple(problems), exit_code=exit_code)


def answering(answer, calls=None, name="carry"):
    """An agent whose one function notes how it was called and gives an answer."""

    async def work(*args, **kwargs):
        if calls is not None:
            calls.append((args, kwargs))
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return SimpleNamespace(**{name: work, "run": work})


def test_run_once_tells_what_became_of_each_recording(fieldpost, agent):
    """A table on stdout and 0 when all are released."""
    agent(answering(summary(State.RELEASED)))

    said = fieldpost("run", "--once")

    assert 0 == said.code
    assert "abababababab  released" in said.out


def test_run_once_ends_with_3_and_reasons(fieldpost, agent):
    """What failed is told sentence by sentence on stderr."""
    agent(answering(summary(State.SEALED, problems=["abab: too large"], exit_code=3)))

    said = fieldpost("run", "--once")

    assert 3 == said.code
    assert "fieldpost: abab: too large\n" in said.err


@pytest.mark.parametrize(("command", "name"), [("run", "run"), ("pull", "pull_now")])
def test_a_configuration_without_recorders_is_pointed_out(fieldpost, agent, command, name):
    """It is valid, and hardly what anybody wants of these two."""
    agent(answering(summary(), name=name))

    assert "no recorder is configured: add [[recorders]]" in fieldpost(command).err


def test_a_recorder_out_of_reach_is_not_nothing_to_do(fieldpost, agent):
    """Without recordings and with a problem, only the problem is told."""
    agent(answering(summary(problems=["serial:///x: in use"], exit_code=3), name="pull_now"))

    said = fieldpost("pull")

    assert (3, "") == (said.code, said.out)
    assert said.err.endswith("\nfieldpost: serial:///x: in use\n")


def test_run_once_for_programs(fieldpost, agent):
    """--json gives recordings, problems and the exit code in one document."""
    agent(answering(summary(State.RELEASED, problems=["x"], exit_code=3)))

    document = json.loads(fieldpost("run", "--once", "--json").out)

    assert ["schema", "recordings", "problems", "exit_code"] == list(document)
    assert "released" == document["recordings"][0]["state"]


def test_a_bad_configuration_never_gets_to_the_agent(fieldpost, agent, site):
    """All problems are told and nothing is opened."""
    calls = []
    agent(answering(summary(), calls))
    site.config.write_text("[upload]\nworkers = 0\nworker = 1\n")

    said = fieldpost("run")

    assert (78, []) == (said.code, calls)
    assert "fieldpost: the configuration has 2 problems\n" in said.err


def test_an_error_inside_the_agents_tasks_is_told_as_itself(fieldpost, agent):
    """A group of errors ends like its first member."""
    inner = ExceptionGroup("b", [SpoolLocked("the spool is held by process 5")])
    agent(answering(ExceptionGroup("a", [inner])))

    said = fieldpost("run")

    assert 75 == said.code
    assert "\nfieldpost: the spool is held by process 5\n  try: " in said.err


def test_a_bug_among_the_agents_errors_is_not_hidden(fieldpost, agent):
    """What is no error of ours stays a traceback."""
    agent(answering(ExceptionGroup("a", [KeyError("bug")])))

    with pytest.raises(ExceptionGroup):
        fieldpost("run")


def test_sigterm_ends_a_run_once_in_order(fieldpost, agent):
    """What is told to stop before all is done did not finish."""
    cleaned = []

    async def carry(*_args, **_kwargs):
        import asyncio  # noqa: PLC0415 - needed here alone

        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    agent(SimpleNamespace(carry=carry))

    assert 130 == fieldpost("run", "--once").code
    assert [True] == cleaned


@pytest.mark.parametrize(("told", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_daemon_that_is_told_to_end_ends_well(fieldpost, agent, told, code):
    """Systemd's word is the usual end; a person's Ctrl-C is an interruption."""
    agent(answering(told))

    assert code == fieldpost("run").code


def test_pull_passes_the_recorder_on(fieldpost, agent):
    """A recorder on the command line is the one that is pulled from."""
    calls = []
    agent(answering(summary(State.SEALED), calls, "pull_now"))

    fieldpost("pull", "folder:///srv")

    assert "folder:///srv" == calls[0][1]["recorder"]


def test_pull_needs_no_token(fieldpost, agent, site):
    """Pulling goes on while a device is not enrolled."""
    agent(answering(summary(), name="pull_now"))
    (site.config.parent / "token").unlink()

    assert 0 == fieldpost("pull").code


def test_upload_makes_one_recording_of_several_files(fieldpost, agent, tmp_path):
    """Paths, time and notes reach the agent parsed; a path named twice counts once."""
    calls = []
    agent(answering(summary(State.STORED), calls, "upload_files"))
    a, b = tmp_path / "a.opus", tmp_path / "b.jpg"

    said = fieldpost(
        "upload", str(a), str(b), str(a), "--started-at", "2026-03-01T09:30:00+02:00",
        "--metadata", "site=north", "--metadata", "note=a=b",
    )  # fmt: skip

    ((_, paths), options) = calls[0]
    assert 0 == said.code
    assert [a, b] == paths
    assert datetime(2026, 3, 1, 7, 30, tzinfo=UTC) == options["started_at"]
    assert {"site": "north", "note": "a=b"} == options["metadata"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x", "--started-at", "yesterday"],
        ["x", "--started-at", "2026-03-01T07:30:00"],
        ["x", "--metadata", "north"],
        ["x", "--metadata", "=north"],
    ],
)
def test_upload_refuses_what_it_does_not_understand(fieldpost, arguments):
    """A time without an offset and a note without a name are usage errors."""
    assert 2 == fieldpost("upload", *arguments).code


def view(url: str, *, error=None, info=None, listing=None):
    return RecorderView(config=RecorderConfig(url=url), info=info, listing=listing, error=error)


THERE = view(
    "folder:///a",
    info=RecorderInfo(recorder=RecorderId("native:1"), driver="native", model="AM-07"),
    listing=Listing(recordings=(RECORDING,), rejected=(Rejected(recording="x", reason="y"),)),
)
AWAY = view(
    "serial:///dev/x",
    error=LinkUnavailable("there is no /dev/x", reason=LinkReason.NOT_FOUND, hint="plug it in"),
)


def test_recorders_shows_who_is_there(fieldpost, agent):
    """Each recorder has a row; one that is away does not spoil the answer."""
    agent(answering((THERE, AWAY), name="look"))

    said = fieldpost("recorders")

    assert 0 == said.code
    assert (
        "folder:///a      native           1  2.0 KiB  AM-07, 1 thing cannot be pulled" in said.out
    )
    assert "serial:///dev/x  -                -        -  there is no /dev/x" in said.out
    assert "  try: plug it in\n" == said.err


def test_recorders_shows_how_each_fares(fieldpost, agent):
    """Below its row: battery, storage, and its own count where it gives no listing."""
    info = RecorderInfo(
        recorder=RecorderId("bota:1"),
        driver="bota",
        capacity_bytes=100,
        used_bytes=250,
        battery_percent=9,
        pending=4,
        conditions=(Condition.UPLOADING, Condition.LOW_BATTERY),
    )
    busy = view("ble://x", info=info, error=RecorderBusy("it uploads", retry_after_s=5))
    agent(answering((THERE, busy), name="look"))

    lines = fieldpost("recorders").out.splitlines()

    assert [
        "ble://x      bota             -        -  it uploads",
        "  battery 9 %, storage 100 % used, uploading by itself, low battery, 4 recordings waiting",
    ] == lines[-2:]
    assert 4 == len(lines)


def test_recorders_tells_the_whole_cause_in_80_columns(fieldpost, agent, monkeypatch):
    """A Bluetooth URL leaves little room: the cause stands below it, without the URL again."""
    url = "ble://C0:FF:EE:00:00:01"
    told = "this device does not speak the recorder's protocol"
    error = LinkUnavailable(f"{url}: {told}", reason=LinkReason.NOT_A_DEVICE)
    agent(answering((view(url, error=error),), name="look"))
    monkeypatch.setattr(cmd_recorders, "width", lambda: 80)

    assert fieldpost("recorders").out.splitlines()[1:] == [
        f"{url}  -                -     -",
        f"  {told}",
    ]


def test_recorders_is_stacked_on_a_phone(fieldpost, agent, monkeypatch):
    """No row is wider than its 40 columns; what nobody knows is left out."""
    agent(answering((THERE, AWAY), name="look"))
    monkeypatch.setattr(cmd_recorders, "page_width", lambda: 40)

    assert [
        "folder:///a",
        "  driver native, recordings 1, size 2.0",
        "  KiB",
        "  AM-07, 1 thing cannot be pulled",
        "serial:///dev/x",
        "  there is no /dev/x",
    ] == fieldpost("recorders").out.splitlines()


def test_recorders_ends_with_69_when_nobody_answers(fieldpost, agent):
    """Scripts can tell that there is nobody."""
    agent(answering((AWAY,), name="look"))

    said = fieldpost("recorders", "--json")

    assert 69 == said.code
    assert json.loads(said.out)["recorders"][0]["error"] == {
        "code": "link-unavailable",
        "message": "there is no /dev/x",
        "hint": "plug it in",
    }


def test_recordings_lists_what_can_and_cannot_be_pulled(fieldpost, agent):
    """Reasons stand beside what is rejected."""
    agent(answering(THERE.listing, name="listing"))

    lines = fieldpost("recordings", "ls", "--recorder", "folder:///a").out.splitlines()

    assert "r1             1  2.0 KiB  -        not pulled yet" == lines[1]
    assert "x              -        -  -        y" == lines[2]


def test_recordings_says_when_absence_proves_nothing(fieldpost, agent):
    """A mount that went away is not an empty recorder."""
    agent(answering(Listing(recordings=(), complete=False), name="listing"))

    assert "the recorder cannot vouch that this is all it holds\n" == (
        fieldpost("recordings", "ls", "--recorder", "folder:///a").out
    )
