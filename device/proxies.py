"""Which proxy a request goes through, if any: settings, the usual variables, and exceptions."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urlsplit

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """Proxies by the scheme of what is asked for, as URLs that hold their credentials.

    `direct` names what is reached without one: `host` (its subdomains too), `.domain` (only
    those), `10.0.0.0/8`, `host:port`, or `*` for everything. This machine itself always is.
    """

    by_scheme: Mapping[str, str] = field(default_factory=dict)
    direct: tuple[str, ...] = ()

    def way_to(self, url: str) -> str | None:
        """Return the proxy's URL for this one; None means directly."""
        if not self.by_scheme:
            return None
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            return None  # it cannot be sent anyway, and whoever tries says why
        proxy = self.by_scheme.get(parts.scheme)
        if not proxy or _is_here(host):
            return None
        return None if any(_covers(each, host, port) for each in self.direct) else proxy


def chosen(proxy: str, *, login: str, direct: str) -> Proxies:
    """Make the proxies of settings: one for everything.

    Args:
        proxy: `http://host:port`.
        login: `user:password`, or empty.
        direct: Exceptions, by commas.
    """
    url = with_login(proxy, login)
    return Proxies(by_scheme={"http": url, "https": url}, direct=exceptions(direct))


def of_environment(environ: Mapping[str, str]) -> Proxies:
    """Read HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY; lower case wins, as for curl."""

    def said(name: str) -> str:
        return environ.get(name.lower()) or environ.get(name) or ""

    found = {
        scheme: said(f"{scheme.upper()}_PROXY") or said("ALL_PROXY") for scheme in ("http", "https")
    }
    # Many write host:port alone there, and every program takes it.
    urls = {
        scheme: url if "://" in url else f"http://{url}" for scheme, url in found.items() if url
    }
    return Proxies(by_scheme=urls, direct=exceptions(said("NO_PROXY")))


def complaint(proxy: str) -> str | None:
    """Say what is wrong with the address of a proxy; None if nothing."""
    parts = split(proxy)
    if parts is None or not parts.hostname:
        return "is not an address such as http://proxy.example:3128"
    if parts.scheme != "http":
        return f"must begin with http://, not {parts.scheme}://: no other kind of proxy is spoken"
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        return "must end with its port"
    return None


def split(url: str) -> SplitResult | None:
    """Take an address apart; None if it cannot be."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is no number
    except ValueError:
        return None
    return parts


def exceptions(text: str) -> tuple[str, ...]:
    """Take apart a list by commas or blanks."""
    return tuple(part.lower() for part in text.replace(",", " ").split())


def with_login(proxy: str, login: str) -> str:
    """Put `user:password` into a proxy's URL."""
    user, _, password = login.partition(":")
    if not user:
        return proxy
    parts = urlsplit(proxy)
    there = f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}"
    return parts._replace(netloc=there).geturl()


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _covers(exception: str, host: str, port: int) -> bool:
    if exception == "*":
        return True
    name, colon, only_port = exception.rpartition(":")
    if colon and only_port.isdecimal() and name.count(":") == 0:
        if int(only_port) != port:
            return False
        exception = name
    if (address := _address(host)) is not None:
        try:
            return address in ipaddress.ip_network(exception, strict=False)
        except ValueError:
            return False
    domain = exception.removeprefix("*").rstrip(".")
    bare = host.rstrip(".")
    return bare == domain or bare.endswith(domain if domain.startswith(".") else f".{domain}")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
