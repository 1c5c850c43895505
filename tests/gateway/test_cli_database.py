"""Commands at a shared database: set up, used from any folder, and refused in plain words."""

import sys

import pytest

from tests.gateway.test_cli import run, run_json

VARIABLE = "FIELDPOST_GATEWAY_DATABASE"


@pytest.fixture
def shared(empty_postgres, monkeypatch):
    monkeypatch.setenv(VARIABLE, empty_postgres.url)


def test_what_one_folder_keeps_another_finds(shared, tmp_path):
    """The database is the same, wherever the command runs; an empty one is set up by itself."""
    made = run_json("devices", "add", "AM-07", data=tmp_path / "one")
    listed = run_json("devices", "ls", data=tmp_path / "two")

    assert [made["device_id"]] == [each["device_id"] for each in listed["devices"]]
    assert not list(tmp_path.rglob("gateway.db"))


def test_an_empty_database_is_migrated_once(shared, tmp_path):
    """The second time there is nothing to do."""
    first = run_json("migrate", data=tmp_path)
    second = run_json("migrate", data=tmp_path)

    assert (True, False) == (first["migrated"], second["migrated"])


def test_another_key_is_refused_until_it_is_adopted(shared, tmp_path):
    """Then it is the first one that is refused."""
    run("sweep", data=tmp_path / "one")
    refused = run("sweep", data=tmp_path / "two", code=78).stderr
    run("adopt", data=tmp_path / "two")
    run("sweep", data=tmp_path / "two")

    assert "another signing key" in refused
    assert "fieldpost-gateway adopt" in refused
    assert "another signing key" in run("sweep", data=tmp_path / "one", code=78).stderr


def test_a_server_that_is_away_is_worth_another_try(monkeypatch, tmp_path):
    """Exit status 75, which systemd starts again; the password is not shown."""
    monkeypatch.setenv(VARIABLE, "postgresql://fieldpost:hunter2@127.0.0.1:1/gateway")
    said = run("keys", "ls", data=tmp_path, code=75).stderr

    assert "PostgreSQL does not answer: database gateway at 127.0.0.1:1" in said
    assert "hunter2" not in said


def test_a_package_that_is_missing_is_named(monkeypatch, tmp_path):
    """PostgreSQL is an extra: the sentence says what to install."""
    monkeypatch.setenv(VARIABLE, "postgresql://fieldpost:hunter2@127.0.0.1:1/gateway")
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    monkeypatch.delitem(sys.modules, "gateway.store.postgres", raising=False)
    said = run("keys", "ls", data=tmp_path, code=78).stderr

    assert "fieldpost[gateway,postgres]" in said
