"""The gateway's configuration."""

import stat

import pytest

from gateway.config import data_folder, parse_listen, read_config
from gateway.errors import ConfigInvalid


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("gw.example.org:8470", ("gw.example.org", 8470)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_addresses(text, address):
    """Names, IPv4 and bracketed IPv6 are understood."""
    assert parse_listen(text) == address


@pytest.mark.parametrize("text", ["", "8470", "host:", ":1", "host:99999", "[x]:1", "::1:80"])
def test_bad_addresses(text):
    """Anything else is a configuration error."""
    with pytest.raises(ConfigInvalid):
        parse_listen(text)


def test_flags_win_over_the_environment(tmp_path):
    """A flag is nearer than the environment, which is nearer than the default."""
    environ = {
        "FIELDPOST_GATEWAY_LISTEN": "0.0.0.0:1",
        "FIELDPOST_GATEWAY_PUBLIC_URL": "https://gw.example.org/v1/",
        "FIELDPOST_GATEWAY_MAX_SESSIONS": "7",
    }
    config = read_config(data=tmp_path, listen="127.0.0.1:2", environ=environ)

    assert (config.host, config.port) == ("127.0.0.1", 2)
    assert config.public_url == "https://gw.example.org"
    assert config.max_sessions == 7


@pytest.mark.parametrize(
    "environ",
    [
        {"FIELDPOST_GATEWAY_PUBLIC_URL": "gw.example.org"},
        {"FIELDPOST_GATEWAY_MAX_SESSIONS": "many"},
        {"FIELDPOST_GATEWAY_URL_TTL_S": "1"},
        {"FIELDPOST_GATEWAY_SIGNING_KEY_FILE": "/nonexistent"},
    ],
)
def test_bad_values_are_named(tmp_path, environ):
    """A value that cannot be used is an error, not a default."""
    with pytest.raises(ConfigInvalid):
        read_config(data=tmp_path, environ=environ)


def test_the_signing_key_is_made_once_and_private(tmp_path):
    """A new folder gets a key of its own, which stays and is the owner's alone."""
    first = read_config(data=tmp_path, environ={})
    again = read_config(data=tmp_path, environ={})

    assert first.secret == again.secret
    assert len(first.secret) >= 32
    assert stat.S_IMODE((tmp_path / "signing-key").stat().st_mode) == 0o600
    assert "secret" not in repr(first)
    assert [p.name for p in tmp_path.iterdir()] == ["signing-key"]


def test_a_systemd_credential_wins_over_the_folder(tmp_path):
    """Under systemd the key comes from the credential store."""
    (tmp_path / "signing-key").write_text("c" * 40)
    config = read_config(data=tmp_path, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert config.secret == b"c" * 40


def test_a_short_key_is_refused(tmp_path):
    """A secret that could be guessed is no secret."""
    (tmp_path / "signing-key").write_text("short")

    with pytest.raises(ConfigInvalid):
        read_config(data=tmp_path, environ={})


def test_the_data_folder_comes_from_the_nearest_place():
    """Flag, environment, StateDirectory, default."""
    environ = {"FIELDPOST_GATEWAY_DATA": "/b", "STATE_DIRECTORY": "/c:/d"}

    assert str(data_folder("/a", environ)) == "/a"
    assert str(data_folder(None, environ)) == "/b"
    assert str(data_folder(None, {"STATE_DIRECTORY": "/c:/d"})) == "/c"
    assert str(data_folder(None, {})) == "/var/lib/fieldpost-gateway"


def test_origins_of_pages(tmp_path):
    """Several, between commas or blanks; none unless told."""
    environ = {"FIELDPOST_GATEWAY_CORS_ORIGINS": "https://a.example, http://localhost:3000 *"}

    assert read_config(data=tmp_path, environ={}).cors_origins == set()
    assert read_config(data=tmp_path, environ=environ).cors_origins == {
        "https://a.example",
        "http://localhost:3000",
        "*",
    }


@pytest.mark.parametrize("text", ["a.example", "https://a.example/", "https://A.example", "**"])
def test_what_no_browser_sends_is_no_origin(tmp_path, text):
    """It would never match, and nobody would know why."""
    with pytest.raises(ConfigInvalid, match="origin of a page"):
        read_config(data=tmp_path, environ={"FIELDPOST_GATEWAY_CORS_ORIGINS": text})
