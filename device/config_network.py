"""Say what is wrong with the way out: certificates, proxy, limit."""

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path

from device.config import NetworkConfig
from device.errors import ConfigInvalid
from device.proxies import complaint, exceptions

ENVIRONMENT = "environment"
"""What `proxy` says where HTTPS_PROXY and NO_PROXY shall count."""

LEAST_BYTES_PER_S = 4096
"""Below this even an image takes minutes, and stores hang up on what trickles slower."""

_LONGEST_LOGIN_BYTES = 4096
_NAME = re.compile(r"(\*|\*?\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?)(:\d{1,5})?")


def network_problems(network: NetworkConfig) -> Iterator[tuple[str, str]]:
    """Yield (key, complaint) for everything about the way out that cannot work."""
    for key in ("ca_file", "client_cert", "client_key", "proxy_login_file"):
        path = getattr(network, key)
        if path and not Path(path).is_absolute():
            yield key, "must be an absolute path"
    if network.client_key and not network.client_cert:
        yield "client_key", "belongs to a certificate: set client_cert too"
    yield from _proxy(network)
    limit = network.max_bytes_per_s
    if limit and limit < LEAST_BYTES_PER_S:
        yield (
            "max_bytes_per_s",
            f"is {limit}; it must be 0 (no limit) or at least {LEAST_BYTES_PER_S}",
        )


def proxy_login(network: NetworkConfig) -> str:
    """Read user:password for the proxy; "" where there is no file for it. Blocks.

    Raises:
        ConfigInvalid: The file cannot be read, or holds something else, which is never quoted.
    """
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


def _proxy(network: NetworkConfig) -> Iterator[tuple[str, str]]:
    if network.proxy in {"", ENVIRONMENT}:
        why = (
            f'is not used with proxy = "{ENVIRONMENT}": the variables say it'
            if network.proxy
            else 'is for a proxy, and none is set: proxy = "http://host:port"'
        )
        for key in ("proxy_login_file", "no_proxy"):
            if getattr(network, key):
                yield key, why
        return
    if wrong := complaint(network.proxy):
        yield "proxy", wrong
    elif "@" in network.proxy:
        yield "proxy", "must not hold a user name or password: put them into proxy_login_file"
    for exception in exceptions(network.no_proxy):
        if not _NAME.fullmatch(exception) and not _is_network(exception):
            yield (
                "no_proxy",
                f'holds "{exception}", which is no host, .domain or network such as 10.0.0.0/8',
            )


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
