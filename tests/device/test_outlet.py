"""The [network] section: what is refused, and what comes of it."""

from pathlib import Path

import pytest

from device.config import NetworkConfig
from device.config_file import load
from device.config_network import network_problems
from device.errors import ConfigInvalid
from device.outlet import open_outlet

STORE = "https://store.example/"
PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("keys", "key", "part"),
    [
        ({"ca_file": "ca.pem"}, "ca_file", "absolute path"),
        ({"client_key": "/k"}, "client_key", "set client_cert too"),
        ({"proxy": "socks5://p:1"}, "proxy", "must begin with http://"),
        ({"proxy": "http://me:pw@p:1"}, "proxy", "proxy_login_file"),
        ({"proxy_login_file": "/l"}, "proxy_login_file", "none is set"),
        ({"no_proxy": "a.b"}, "no_proxy", "none is set"),
        ({"proxy": "environment", "no_proxy": "a.b"}, "no_proxy", "the variables say it"),
        ({"proxy": PROXY, "no_proxy": "a.b, http://c"}, "no_proxy", 'holds "http://c"'),
        ({"max_bytes_per_s": 100}, "max_bytes_per_s", "at least 4096"),
        ({"max_bytes_per_s": -1}, "max_bytes_per_s", "at least 4096"),
    ],
)
def test_what_cannot_work(keys: dict, key: str, part: str) -> None:
    """One complaint each, for the key that is to be changed, and never a password in it."""
    ((told_key, told),) = network_problems(NetworkConfig(**keys))

    assert key == told_key
    assert part in told
    assert "pw" not in told


def test_what_can() -> None:
    """A whole section of sensible values has no complaint."""
    network = NetworkConfig(
        ca_file="/ca.pem",
        client_cert="/c.pem",
        client_key="/c.key",
        proxy=PROXY,
        proxy_login_file="/login",
        no_proxy="localhost, .lan, *.lan, 10.0.0.0/8, fd00::/8, store.example:443, *",
        max_bytes_per_s=4096,
    )

    assert [] == list(network_problems(network))


def test_files_are_looked_at_when_the_command_sends(tmp_path: Path) -> None:
    """config check and every command that sends name the file, the line and the key."""
    file = tmp_path / "fieldpost.toml"
    file.write_text(f'[network]\n\nca_file = "{tmp_path}/absent.pem"\n')
    loaded = load(file, {}, needs_token=False)
    with pytest.raises(ConfigInvalid) as told:
        load(file, {}, needs_token=True)

    assert f"{tmp_path}/absent.pem" == loaded.config.network.ca_file
    assert (
        f"{file}:3: [network] ca_file {tmp_path}/absent.pem cannot be read:"
        " No such file or directory"
    ) == str(told.value)


def test_the_login_for_the_proxy_is_looked_at_too(tmp_path: Path) -> None:
    """Before any recording waits for it; what the file holds is not quoted."""
    file, login = tmp_path / "fieldpost.toml", tmp_path / "login"
    login.write_text("c4n4ry")
    file.write_text(f'[network]\nproxy = "{PROXY}"\nproxy_login_file = "{login}"\n')
    with pytest.raises(ConfigInvalid) as told:
        load(file, {"CREDENTIALS_DIRECTORY": str(tmp_path)}, needs_token=True)

    assert (
        f"{file}:3: [network] proxy_login_file {login} does not hold user:password alone on a line"
    ) in told.value.problems


def way(network: NetworkConfig, environ: dict[str, str] | None = None) -> str | None:
    return open_outlet(network, environ or {})._proxies.way_to(STORE)


def test_variables_count_when_asked_for() -> None:
    """HTTPS_PROXY is used with proxy = "environment" and otherwise ignored."""
    environ = {"HTTPS_PROXY": PROXY}

    assert way(NetworkConfig(), environ) is None
    assert PROXY == way(NetworkConfig(proxy="environment"), environ)


def test_a_variable_that_is_no_proxy() -> None:
    """It ends the start, without being quoted."""
    with pytest.raises(ConfigInvalid) as told:
        way(NetworkConfig(proxy="environment"), {"https_proxy": "socks5://me:secret@p:1"})

    assert "HTTPS_PROXY" in str(told.value)
    assert "secret" not in str(told.value)


def test_the_login_is_read_from_its_file(tmp_path: Path) -> None:
    """user:password on a line of its own."""
    login = tmp_path / "login"
    login.write_text("me:secret\n")

    assert "http://me:secret@proxy.example:3128" == way(
        NetworkConfig(proxy=PROXY, proxy_login_file=str(login))
    )


@pytest.mark.parametrize("content", [None, "", "secret", ":secret", "me:sec\nret"])
def test_a_login_that_is_none(tmp_path: Path, content: str | None) -> None:
    """A missing or odd file ends the start, without being quoted."""
    login = tmp_path / "login"
    if content is not None:
        login.write_text(content)
    with pytest.raises(ConfigInvalid) as told:
        way(NetworkConfig(proxy=PROXY, proxy_login_file=str(login)))

    assert "proxy_login_file" in str(told.value)
    assert "secret" not in str(told.value)
