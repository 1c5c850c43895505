"""Which proxy a request goes through, by settings, variables and exceptions."""

import pytest

from device.proxies import Proxies, chosen, complaint, of_environment

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("direct", "url"),
    [
        ("*", "https://store.example/"),
        ("store.example", "https://store.example/"),
        ("store.example", "https://eu.store.example/"),
        ("STORE.example.", "https://store.EXAMPLE/"),
        (".example", "https://store.example/"),
        ("*.example", "https://store.example/"),
        ("store.example:8443", "https://store.example:8443/"),
        ("a.b, 10.0.0.0/8 c.d", "https://10.1.2.3/"),
        ("10.1.2.3", "https://10.1.2.3/"),
        ("10.1.2.3:443", "https://10.1.2.3/"),
        ("fd00::/8", "https://[fd00::1]/"),
        ("", "http://127.0.0.1:8080/"),
        ("", "http://[::1]/"),
        ("", "https://localhost/"),
        ("", "https://[nonsense/"),
    ],
)
def test_what_is_reached_directly(direct: str, url: str) -> None:
    """Exceptions name hosts, their subdomains, networks and ports; this machine is always one."""
    assert chosen(PROXY, login="", direct=direct).way_to(url) is None


@pytest.mark.parametrize(
    ("direct", "url"),
    [
        ("", "https://store.example/"),
        ("", "http://store.example/"),
        ("store.example", "https://notstore.example/"),
        (".store.example", "https://store.example/"),
        ("store.example:8443", "https://store.example/"),
        ("10.0.0.0/8", "https://11.0.0.1/"),
        ("10.0.0.0/8", "https://10.example/"),
        ("fd00::/8", "https://10.0.0.1/"),
    ],
)
def test_what_goes_through_the_proxy(direct: str, url: str) -> None:
    """Everything else does, whatever its scheme."""
    assert PROXY == chosen(PROXY, login="", direct=direct).way_to(url)


def test_a_login_is_quoted() -> None:
    """Characters that mean something in a URL survive in user and password."""
    proxies = chosen(PROXY, login="me@home:p/w:d", direct="")

    assert "http://me%40home:p%2Fw%3Ad@proxy.example:3128" == proxies.way_to("https://s.example/")


@pytest.mark.parametrize(
    ("environ", "https", "http"),
    [
        ({}, None, None),
        ({"HTTPS_PROXY": PROXY}, PROXY, None),
        ({"http_proxy": PROXY, "HTTP_PROXY": "http://other"}, None, PROXY),
        ({"ALL_PROXY": "proxy.example:3128"}, PROXY, PROXY),
        ({"ALL_PROXY": PROXY, "NO_PROXY": "store.example"}, None, None),
    ],
)
def test_the_usual_variables(environ: dict[str, str], https: str | None, http: str | None) -> None:
    """Each scheme has its variable, lower case wins, and a missing http:// is understood."""
    proxies = of_environment(environ)

    assert (https, http) == (
        proxies.way_to("https://store.example/"),
        proxies.way_to("http://store.example/"),
    )


@pytest.mark.parametrize(
    ("proxy", "part"),
    [
        ("socks5://proxy:1080", "must begin with http://"),
        ("https://proxy:3128", "must begin with http://"),
        ("proxy:3128", "is not an address"),
        ("http://", "is not an address"),
        ("http://proxy:port", "is not an address"),
        ("http://proxy:3128/path", "must end with its port"),
    ],
)
def test_what_is_no_proxy(proxy: str, part: str) -> None:
    """Other kinds and half addresses are told apart."""
    assert part in (complaint(proxy) or "")


def test_without_settings_nothing_is_proxied() -> None:
    """The default is the direct way."""
    assert Proxies().way_to("https://store.example/") is None
