"""An index that an earlier Fieldpost wrote becomes a current one, whole, at the next start."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from device.errors import SpoolError
from device.spool import schema
from device.spool.reader import read_only
from device.spool.spool import Spool
from tests.device.spool.recordings import NOON, recording

VECTORS = Path(__file__).parents[2] / "vectors" / "spool"
EARLIER = sorted(VECTORS.glob("v*.sql"))


def written_by(dump: Path, folder: Path) -> Path:
    folder.mkdir()
    with closing(sqlite3.connect(folder / "spool.db")) as connection:
        connection.executescript(dump.read_text())
    return folder


def tables(database: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(database)) as connection:
        return set(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


def test_every_earlier_version_has_its_dump():
    """Who appends a migration adds what the version before it wrote."""
    assert [f"v{number}.sql" for number in range(1, schema.VERSION)] == [p.name for p in EARLIER]


@pytest.mark.parametrize("dump", EARLIER, ids=lambda path: path.stem)
def test_an_earlier_index_is_brought_up_to_date(dump, config, clock, tmp_path):
    """Recordings, ledger and cool-downs are those of before; the tables are those of a new one."""
    written_by(dump, config.path)
    with read_only(config.path) as reader:
        before = reader.entries()
    with closing(Spool.open(config, clock)) as spool:
        after = spool.entries()
        sent = spool.sent_bytes(NOON.date())
        cooldown = spool.cooldown("https://store.example")
    schema.connect(tmp_path / "new.db").close()

    assert before == after
    assert recording() == after[0].recording
    assert 2048 == sent
    assert "asked to wait" == cooldown.reason
    assert tables(tmp_path / "new.db") == tables(config.path / "spool.db")
    assert [] == list(config.path.glob("spool.db.damaged-*"))


@pytest.mark.parametrize("dump", EARLIER, ids=lambda path: path.stem)
def test_an_earlier_index_can_be_looked_at_before_the_agent_starts(dump, config):
    """`status` of a new Fieldpost, run before its agent, knows no recorders yet."""
    written_by(dump, config.path)
    database = config.path / "spool.db"
    before = database.read_bytes()
    with read_only(config.path) as reader:
        assert [] == reader.last_seen()
        assert [] == reader.unreached()

    assert before == database.read_bytes()


@pytest.mark.parametrize("dump", EARLIER, ids=lambda path: path.stem)
def test_an_upgrade_cut_in_the_middle_leaves_the_earlier_index(dump, config, clock, monkeypatch):
    """All of a step or nothing; the next start does it again."""
    written_by(dump, config.path)
    database = config.path / "spool.db"
    before = tables(database)
    steps = tuple(f"{step}; NONSENSE" for step in schema.MIGRATIONS)
    with monkeypatch.context() as broken:
        broken.setattr(schema, "MIGRATIONS", steps)
        with pytest.raises(SpoolError):
            Spool.open(config, clock)
    cut = tables(database)
    with closing(Spool.open(config, clock)) as spool:
        entries = spool.entries()

    assert before == cut
    assert [recording()] == [entry.recording for entry in entries]
