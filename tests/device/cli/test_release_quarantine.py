"""`release` and `quarantine …`: an operator's last word, and what it is spoken on."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from device.clock import SystemClock
from device.config import SpoolConfig
from device.model import Attempt, LastSeen, RecorderId, RecorderInfo
from device.spool.spool import Spool
from tests.device.cli.daemon import Place
from tests.device.spool.recordings import recording, sealed, stored

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def spool(site):
    held = Spool.open(SpoolConfig(path=site.spool, min_free_bytes=0), SystemClock())
    yield held
    held.close()


@pytest.mark.parametrize("extra", [["--yes"], ["--dry-run"], []])
def test_what_is_not_stored_is_never_released(fieldpost, spool, extra):
    """The refusal says why, and comes before any question."""
    kept = stored(spool, recording("01" * 16))
    entry = sealed(spool, recording("02" * 16))

    said = fieldpost("release", kept.id, entry.id, *extra)

    assert 1 == said.code
    assert f"{entry.id[:12]} is sealed: the cloud has not acknowledged it; nothing was" in said.err


def test_what_is_released_is_told_as_that(fieldpost, spool):
    """Twice is once."""
    entry = stored(spool)
    spool.release(entry.id)

    assert "is released already" in fieldpost("release", entry.id, "--yes").err


def test_a_recorder_that_keeps_is_not_overruled(fieldpost, spool, site):
    """The configuration says it in so many words; whoever wants otherwise changes it there."""
    url = f"folder://{site.spool.parent}"
    with site.config.open("a") as file:
        file.write(f'[[recorders]]\nurl = "{url}"\nrelease = "keep"\n')
    info = RecorderInfo(recorder=RecorderId("native:AM-07"), driver="folder")
    spool.save_last_seen(LastSeen(info=info, url=url, seen_at=NOW))

    said = fieldpost("release", stored(spool).id, "--yes")

    assert 1 == said.code
    assert f"release = keep is configured for {url}" in said.err
    assert "then: fieldpost reload" in said.err


def test_nothing_is_released_without_a_yes(fieldpost, spool):
    """No terminal, no --yes, no deed."""
    said = fieldpost("release", stored(spool).id)

    assert 2 == said.code
    assert "nothing was done" in said.err


def test_a_dry_run_only_says_it(fieldpost, spool):
    """It needs no agent, since it asks none."""
    entry = stored(spool)

    said = fieldpost("release", entry.id, "--dry-run")

    line = f"{entry.id[:12]}: native:AM-07 would be asked to delete it, once it is there\n"
    assert (0, line) == (said.code, said.out)


def test_without_an_agent_nobody_can_ask_the_recorder(fieldpost, spool):
    """It ends with 69 and says how to start one."""
    said = fieldpost("release", stored(spool).id, "--yes")

    assert (69, True) == (said.code, "systemctl start fieldpost" in said.err)


@pytest.mark.asyncio
async def test_the_agent_is_asked_for_all(tmp_path):
    """A stored recording whose recorder is away is released when it comes back."""
    place = Place(tmp_path)
    spool = await asyncio.to_thread(
        Spool.open, SpoolConfig(path=place.spool, min_free_bytes=0), SystemClock()
    )
    entry = await asyncio.to_thread(stored, spool)
    await asyncio.to_thread(spool.close)
    async with place.agent():
        document = await place.json("release", entry.id[:8], "--yes")

    assert (False, [entry.id]) == (document["dry_run"], document["wanted"])
    assert ["stored"] == [each["state"] for each in document["asked"]]


def test_quarantine_ls_says_why_and_what_helps(fieldpost, spool):
    """The reason whole, and the remedy of the last failure below it."""
    entry = sealed(spool)
    spool.note_attempt(entry.id, Attempt(at=NOW, code="digest-mismatch", reason="x"))
    spool.quarantine(entry.id, "the bytes do not have the digest that was announced")

    out = fieldpost("quarantine", "ls").out

    assert "the bytes do not have the digest that was announced" in out
    assert "the recorder's storage may be failing" in out
    assert entry.id[:12] in out


def test_quarantine_ls_of_nothing(fieldpost, spool):
    """Said in words."""
    sealed(spool)

    assert "no recording is quarantined\n" == fieldpost("quarantine", "ls").out


def test_quarantine_ls_for_programs_has_what_to_do(fieldpost, spool):
    """Entries as elsewhere, with the remedies beside them."""
    entry = sealed(spool)
    spool.quarantine(entry.id, "siro takes no images")

    (told,) = json.loads(fieldpost("quarantine", "ls", "--json").out)["entries"]

    assert (entry.id, "siro takes no images") == (told["id"], told["quarantine_reason"])
    assert f"once the cause is gone: fieldpost spool requeue {entry.id[:12]}" in told["todo"]


def test_quarantine_show_has_every_attempt(fieldpost, spool):
    """What failed, when, by its code, and how to go on."""
    entry = sealed(spool)
    for minute, code in enumerate(("cloud-unwell", "cloud-rejected")):
        at = NOW.replace(minute=minute)
        spool.note_attempt(entry.id, Attempt(at=at, code=code, reason=f"because of {code}"))
    spool.quarantine(entry.id, "siro takes no images")

    out = fieldpost("quarantine", "show", entry.id[:8]).out
    told = json.loads(fieldpost("quarantine", "show", entry.id[:8], "--json").out)["entry"]

    assert out.index("because of cloud-unwell") < out.index("because of cloud-rejected")
    assert f"  once the cause is gone: fieldpost spool requeue {entry.id[:12]}" in out
    assert ["cloud-unwell", "cloud-rejected"] == [a["code"] for a in told["failed_attempts"]]


def test_quarantine_show_of_another_is_refused(fieldpost, spool):
    """It says what it is, and where to look."""
    entry = sealed(spool)

    said = fieldpost("quarantine", "show", entry.id)

    assert 1 == said.code
    assert f"{entry.id[:12]} is sealed, not quarantined" in said.err
