"""Make the transport that [network] describes: trust, proxies, limit."""

from collections.abc import Mapping

from device import proxies
from device.config import NetworkConfig
from device.config_network import ENVIRONMENT, proxy_login
from device.errors import ConfigInvalid
from device.proxies import Proxies
from device.tls import client_context
from device.transport import Transport


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
        proxies=proxies_of(network, environ),
        max_bytes_per_s=network.max_bytes_per_s,
    )


def proxies_of(network: NetworkConfig, environ: Mapping[str, str]) -> Proxies:
    """Say which way requests go. Blocks: it reads a file.

    Raises:
        ConfigInvalid: As `open_outlet`.
    """
    if not network.proxy:
        return Proxies()
    if network.proxy == ENVIRONMENT:
        found = proxies.of_environment(environ)
        for scheme, url in found.by_scheme.items():
            if wrong := proxies.complaint(url):
                # Never quoted: it may hold a password.
                raise ConfigInvalid([f"env {scheme.upper()}_PROXY (or ALL_PROXY) {wrong}"])
        return found
    return proxies.chosen(network.proxy, login=proxy_login(network), direct=network.no_proxy)
