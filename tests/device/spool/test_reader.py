"""Looking into a spool from outside: while an agent runs, when none does, when there is none."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from device.errors import EntryUnknown, SpoolDamaged
from device.model import Spent
from device.spool.reader import read_only
from tests.device.spool.recordings import NOON, recording, sealed, stored


def test_a_missing_spool_is_empty_and_stays_missing(tmp_path):
    """Looking makes nothing."""
    with read_only(tmp_path / "none") as reader:
        assert [] == reader.entries()
        assert 0 == reader.sent_bytes(NOON.date())
        assert {} == reader.cooldowns()
        with pytest.raises(EntryUnknown):
            reader.entry("0" * 32)

    assert not (tmp_path / "none").exists()


def test_a_running_agents_spool_is_seen_as_of_its_last_commit(spool):
    """No lock is needed, and every look is up to date."""
    with read_only(spool.root) as reader:
        before = reader.entries()
        entry = sealed(spool)
        spool.spend(NOON.date(), Spent(kind="wifi", costs=False, sent_bytes=5))
        spool.save_cooldown("https://x.example", NOON + timedelta(hours=1), "slow")

        assert [] == before
        assert [entry] == reader.entries()
        assert entry == reader.entry(entry.id)
        assert 5 == reader.sent_bytes(NOON.date())
        assert "slow" == reader.cooldowns()["https://x.example"].reason


def test_a_spool_at_rest_is_seen_and_not_touched(reopen):
    """Without an agent the folder is the same before and after a look."""
    spool = reopen()
    entry = stored(spool)
    spool.close()
    before = sorted(path.name for path in spool.root.iterdir())
    with read_only(spool.root) as reader:
        found = reader.entries()

    assert [entry] == found
    assert before == sorted(path.name for path in spool.root.iterdir())


def test_a_reader_that_outlives_a_start_of_the_agent_sees_what_it_does(reopen):
    """A watching status does not go stale."""
    reopen().close()
    spool = reopen()
    spool.close()
    with read_only(spool.root) as reader:
        before = reader.entries()
        entry = sealed(reopen())

        assert [] == before
        assert [entry] == reader.entries()


def test_the_agents_own_reads_never_take_the_index_as_unchanging(reopen):
    """A spool that opens an existing index still sees its own commits."""
    reopen().begin(recording("01" * 16))
    spool = reopen()
    before = spool.entries()
    spool.begin(recording("02" * 16))

    assert (1, 2) == (len(before), len(spool.entries()))
    assert spool._reader._connection is not None


def test_a_damaged_index_is_said_to_be_damaged(tmp_path):
    """A reader repairs nothing; it says what is wrong."""
    (tmp_path / "spool.db").write_bytes(b"nonsense" * 1000)
    with read_only(tmp_path) as reader, pytest.raises(SpoolDamaged):
        reader.entries()


def test_the_reader_imports_nothing_heavy():
    """A status command is to answer at once, so it pays for no event loop and no CBOR."""
    code = "import sys, json, device.spool.reader; print(json.dumps(sorted(sys.modules)))"
    project = Path(__file__).parents[3]
    asked = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, check=True
    )
    loaded = set(json.loads(asked.stdout))

    assert not loaded & {"asyncio", "aiohttp", "cbor2", "concurrent.futures", "logging", "rich"}
