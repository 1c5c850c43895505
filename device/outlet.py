"""Make the transport that [network] describes: trust, proxies, limit."""

from collections.abc import Mapping
from pathlib import Path

from device import proxies
from device.config import NetworkConfig
from device.config_network import ENVIRONMENT
from device.errors import ConfigInvalid
from device.proxies import Proxies
from device.tls import client_context
from device.transport import Transport

_LONGEST_LOGIN_BYTES = 4096


def open_outlet(network: NetworkConfig, environ: Mapping[str, str]) -> Transport:
    """Make the transport. Blocks: it reads files.

    Args:
        network: The settings.
        environ: HTTPS_PROXY and its like, looked at only where the settings ask for it.

    Raises:
        ConfigInvalid: A file or a variable cannot be used.
    """
    return Transport(
        tls=client_context(network),
        proxies=_proxies(network, environ),
        max_bytes_per_s=network.max_bytes_per_s,
    )


def _proxies(network: NetworkConfig, environ: Mapping[str, str]) -> Proxies:
    if not network.proxy:
        return Proxies()
    if network.proxy == ENVIRONMENT:
        found = proxies.of_environment(environ)
        for scheme, url in found.by_scheme.items():
            if wrong := proxies.complaint(url):
                # Never quoted: it may hold a password.
                raise ConfigInvalid([f"env {scheme.upper()}_PROXY (or ALL_PROXY) {wrong}"])
        return found
    return proxies.chosen(network.proxy, login=_login(network), direct=network.no_proxy)


def _login(network: NetworkConfig) -> str:
    if not network.proxy_login_file:
        return ""
    place = Path(network.proxy_login_file)
    try:
        with place.open("rb") as file:
            login = file.read(_LONGEST_LOGIN_BYTES).decode("utf-8", "replace").strip()
    except OSError as error:
        raise ConfigInvalid(
            [f"[network] proxy_login_file {place} cannot be read: {error.strerror}"]
        ) from error
    user, colon, _ = login.partition(":")
    if not user or not colon or not login.isprintable():
        raise ConfigInvalid(
            [f"[network] proxy_login_file {place} does not hold user:password alone on a line"]
        )
    return login
