"""Where the database is: read from a variable, a file or a credential, and never shown."""

import pytest

from gateway.config_database import PostgresConfig, read_database
from gateway.errors import ConfigInvalid

URL = "postgresql://fieldpost:hunter2@db.example.org:5432/gateway?sslmode=require"
NAME = "FIELDPOST_GATEWAY_DATABASE"


def test_the_data_folder_is_the_default():
    """Whoever says nothing has SQLite."""
    assert read_database({}) is None
    assert read_database({NAME: " "}) is None


def test_a_url_is_taken_whole():
    """What it says beside host and name is the driver's to read."""
    assert PostgresConfig(url=URL) == read_database({NAME: URL})
    assert PostgresConfig(url="postgres:///gateway") == read_database({NAME: "postgres:///gateway"})


def test_a_file_holds_it(tmp_path):
    """A password is better kept in a file than in the environment."""
    (tmp_path / "url").write_text(f"{URL}\n")

    assert PostgresConfig(url=URL) == read_database({f"{NAME}_FILE": str(tmp_path / "url")})


def test_a_credential_holds_it(tmp_path):
    """As systemd hands it over; a folder without it says nothing."""
    before = read_database({"CREDENTIALS_DIRECTORY": str(tmp_path)})
    (tmp_path / "database").write_text(URL)

    assert before is None
    assert PostgresConfig(url=URL) == read_database({"CREDENTIALS_DIRECTORY": str(tmp_path)})


@pytest.mark.parametrize(
    "text",
    [
        "mysql://fieldpost:hunter2@db/gateway",
        "postgresql://fieldpost:hunter2@db",
        "postgresql://fieldpost:hunter2@db/",
        "postgresql://fieldpost:hunter2@[db/gateway",
        "host=db password=hunter2 dbname=gateway",
        "postgresql://fieldpost:hun#ter2@db/gateway",
    ],
)
def test_another_url_is_refused_without_repeating_it(text):
    """The sentence names the variable, and not what may hold a password."""
    with pytest.raises(ConfigInvalid) as caught:
        read_database({NAME: text})

    assert NAME in str(caught.value)
    assert "hunter2" not in f"{caught.value} {caught.value.hint} {caught.value!r}"


@pytest.mark.parametrize("content", [None, b"", b"\xff"])
def test_a_file_that_says_nothing_is_refused(tmp_path, content):
    """A file that is not there, is empty or is no text."""
    if content is not None:
        (tmp_path / "url").write_bytes(content)
    with pytest.raises(ConfigInvalid, match="url"):
        read_database({f"{NAME}_FILE": str(tmp_path / "url")})


def test_the_password_is_never_shown():
    """Not where a configuration is written down, and not where people read which database it is."""
    config = PostgresConfig(url=URL)

    assert "hunter2" not in f"{config!r} {config}"
    assert "gateway at db.example.org:5432" == str(config)
