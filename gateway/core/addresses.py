"""Which addresses a webhook may have: never the machine's own metadata, HTTP only close by.

Webhooks are made with admin keys alone, and most gateways stand in the same network as what they
tell: private addresses are allowed. Link-local ones are not, since clouds hand out credentials
there; nor are those that are no host's. Without TLS only this machine and private networks.
"""

import ipaddress
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from gateway.errors import InvalidRequest

MOST_URL = 2048

_CLOSE_BY = (".local", ".localhost", ".internal", ".home.arpa", ".lan")
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_SHARED = ipaddress.ip_network("100.64.0.0/10")
# Where clouds hand out credentials at addresses that look like anybody's: AWS, Alibaba, Oracle,
# Azure.
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"),
    )
)


def check_url(text: str, *, allow_http: bool) -> str:
    """Return the URL of a webhook as it is kept.

    Names are looked at as such here; `permitted` looks at what they stand for, at each connection.

    Raises:
        InvalidRequest: A webhook may not have it; the sentence says why.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _refused("it is no URL") from None
    if len(text) > MOST_URL or not text.isascii() or any(c <= " " or c == "\x7f" for c in text):
        raise _refused(f"it must be ASCII without blanks, of {MOST_URL} characters at most")
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise _refused("it must be http(s)://HOST/…")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _refused("it must not have a user, a password or a fragment")
    address = literal(host)
    if address is not None:
        if not permitted(address, encrypted=parts.scheme == "https" or allow_http):
            raise _refused(
                "this address is no host's, or one that needs https"
                if parts.scheme == "http"
                else "this address is no host's"
            )
    elif parts.scheme == "http" and not allow_http and not _close_by(host):
        raise _refused("it must be https, unless it is on this machine or in a private network")
    return text


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """Read a host that is an address already; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def permitted(address: IPv4Address | IPv6Address, *, encrypted: bool) -> bool:
    """Say whether a webhook may be at this address.

    Args:
        address: What its host is, or stands for.
        encrypted: Whether TLS is used (or HTTP allowed everywhere).
    """
    if isinstance(address, IPv6Address):
        address = _carried(address) or address
    if (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address in _METADATA
        or str(address) == "255.255.255.255"
    ):
        return False
    return encrypted or address.is_loopback or address.is_private or address in _SHARED


def _carried(address: IPv6Address) -> IPv4Address | None:
    """Give the IPv4 address that one of IPv6 stands for, where networks translate (RFC 6052)."""
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def _close_by(host: str) -> bool:
    host = host.rstrip(".").lower()
    return "." not in host or host.endswith(_CLOSE_BY)


def _refused(reason: str) -> InvalidRequest:
    return InvalidRequest(f"the URL cannot be a webhook's: {reason}", details={"field": "url"})
