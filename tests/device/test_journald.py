"""The journal's lines, by a stand-in for journalctl that prints what the real one would."""

import json
import sys

import pytest

from device import journald
from device.errors import JournalUnreadable, UsageInvalid
from device.journald import LogLine, Wanted, lines, since

pytestmark = pytest.mark.asyncio

LINE = {"__REALTIME_TIMESTAMP": "1772366400000000", "PRIORITY": "4", "_PID": "7"}


@pytest.fixture
def program(tmp_path):
    """Make a journalctl of these lines, complaint and exit code; it keeps its arguments."""

    def make(*told, stderr: str = "", code: int = 0, hang: bool = False) -> str:
        text = "".join(
            (each if isinstance(each, str) else json.dumps(each)) + "\n" for each in told
        )
        place = tmp_path / "journalctl"
        place.write_text(
            f"#!{sys.executable}\nimport sys, signal\n"
            f"open({str(tmp_path / 'argv')!r}, 'w').write('\\n'.join(sys.argv[1:]))\n"
            f"sys.stdout.write({text!r}); sys.stdout.flush(); sys.stderr.write({stderr!r})\n"
            + ("signal.pause()\n" if hang else "")
            + f"sys.exit({code})\n"
        )
        place.chmod(0o755)
        return str(place)

    return make


async def read(program: str, **wanted) -> list[LogLine]:
    return [line async for line in lines(Wanted(**wanted), program=program)]


async def test_a_line_has_time_level_and_text(program):
    """Whatever else the journal notes of it."""
    (line,) = await read(program({**LINE, "MESSAGE": "Upload failed entry=3f9a"}))

    assert ("warning", "Upload failed entry=3f9a", 7) == (line.level, line.message, line.pid)
    assert "2026-03-01T12:00:00+00:00" == line.at.isoformat()


async def test_bytes_that_are_no_text_are_shown(program):
    """The journal gives such messages as numbers."""
    (line,) = await read(program({**LINE, "MESSAGE": [72, 105, 255]}))

    assert "Hi\ufffd" == line.message


async def test_what_is_no_line_is_passed_over(program):
    """Damage in the journal does not end the reading."""
    found = await read(program("nonsense", {"MESSAGE": "no time"}, {**LINE, "MESSAGE": "good"}))

    assert ["good"] == [line.message for line in found]


async def test_secrets_of_other_programs_go_too(program):
    """A library that logs past our redactor is redacted here, and steers no terminal."""
    (line,) = await read(
        program({**LINE, "MESSAGE": "GET https://s/o?sig=abc \x1b[2J dtok_abcdef"})
    )

    assert "GET https://s/o?*** \ufffd[2J dtok_***" == line.message


async def test_lines_of_one_recording(program):
    """Filtered here: the journal knows nothing of recordings."""
    told = [{**LINE, "MESSAGE": f"Sealed entry={each}"} for each in ("3f9a", "77aa")]
    found = await read(program(*told), containing="3F9A")

    assert ["Sealed entry=3f9a"] == [line.message for line in found]


async def test_the_question_names_unit_level_and_time(program, tmp_path):
    """And never goes through a shell."""
    await read(program({**LINE, "MESSAGE": "x"}), since="-2h", level="warning", last=5)
    argv = (tmp_path / "argv").read_text().splitlines()

    assert {"--priority=4", "--since=-2h", "--lines=5", "_SYSTEMD_UNIT=fieldpost.service"} <= {
        *argv
    }


async def test_a_journal_that_is_not_for_us_says_who_may(program):
    """journalctl then succeeds with nothing, and a hint."""
    hint = "Hint: You are currently not seeing messages from other users and the system."
    with pytest.raises(JournalUnreadable) as raised:
        await read(program(stderr=hint))

    assert "systemd-journal" in (raised.value.hint or "")


async def test_a_time_that_is_none_is_a_usage_error(program):
    """Not a fault of the journal."""
    with pytest.raises(UsageInvalid):
        await read(program(stderr="Failed to parse timestamp: nonsense", code=1), since="nonsense")


async def test_without_journalctl_it_says_where_the_log_is():
    """A box with another init."""
    with pytest.raises(JournalUnreadable) as raised:
        await read("/nonexistent/journalctl")

    assert "stderr" in (raised.value.hint or "")


async def test_what_nobody_writes_is_not_followed(program, tmp_path, monkeypatch):
    """Without systemd no line will come: the following ends where plain reading does."""
    monkeypatch.setattr(journald, "BOOTED", tmp_path / "none")
    monkeypatch.setattr(journald, "JOURNALS", (tmp_path,))

    assert [] == await read(program(), follow=True)
    assert "--follow" not in (tmp_path / "argv").read_text()


async def test_a_new_box_is_followed(program, tmp_path, monkeypatch):
    """Its agent has not logged yet, and will."""
    monkeypatch.setattr(journald, "BOOTED", tmp_path)
    monkeypatch.setattr(journald, "JOURNALS", (tmp_path,))

    assert [] == await read(program(), follow=True)
    assert "--follow" in (tmp_path / "argv").read_text()


async def test_following_what_is_not_for_us_says_who_may(program):
    """Its journalctl would hint on stderr and wait for ever."""
    hint = "Hint: You are currently not seeing messages from other users and the system."
    with pytest.raises(JournalUnreadable, match="may not read"):
        await read(program(stderr=hint), follow=True)


async def test_a_reading_that_hangs_is_ended(program, monkeypatch):
    """A broken disk under the journal must not hold up a report."""
    monkeypatch.setattr(journald, "READ_S", 0.5)
    with pytest.raises(JournalUnreadable, match="was not read"):
        await read(program({**LINE, "MESSAGE": "x"}, hang=True))


@pytest.mark.parametrize(
    ("said", "meant"), [("2h", "-2h"), ("10m", "-10m"), ("yesterday", "yesterday"), ("x", "x")]
)
async def test_short_times_are_ago(said, meant):
    """Nobody types a date in the rain."""
    assert meant == since(said)
