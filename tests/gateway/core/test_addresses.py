"""Where webhooks may be."""

from contextlib import suppress
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.addresses import check_url, permitted
from gateway.errors import InvalidRequest


@pytest.mark.parametrize(
    "url",
    [
        "https://backend.example.org/fieldpost?site=a",
        "https://203.0.113.5:8443/",
        "https://10.0.0.5/",
        "http://127.0.0.1:9000/hook",
        "http://[::1]/",
        "http://192.168.1.5/",
        "http://100.64.0.9/",
        "http://localhost/",
        "http://backend:8080/",
        "http://box.local/",
    ],
)
def test_good_urls_are_kept_as_they_are(url):
    """TLS anywhere, HTTP on this machine and in private networks."""
    assert url == check_url(url, allow_http=False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "backend.example.org",
        "//backend.example.org/",
        "ftp://backend.example.org/",
        "https:///path",
        "https://",
        "https://user@backend.example.org/",
        "https://:pw@backend.example.org/",
        "https://backend.example.org/#part",
        "https://backend.example.org:0/",
        "https://backend.example.org:99999/",
        "https://backend.example.org/a b",
        "https://backend.example.org/\r\nX: y",
        "https://bücher.example/",
        "https://[::1",
        "https://169.254.169.254/",
        "https://[fe80::1]/",
        "https://[fd00:ec2::254]/",
        "https://[::ffff:169.254.169.254]/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "http://203.0.113.5.example.org/",
        "http://backend.example.org/",
        "http://8.8.8.8/",
        "https://a.example/" + "x" * 2048,
    ],
)
def test_bad_urls_are_refused(url):
    """Each names the field."""
    with pytest.raises(InvalidRequest) as refused:
        check_url(url, allow_http=False)

    assert {"field": "url"} == refused.value.details


def test_http_can_be_allowed_everywhere():
    """But not where clouds hand out credentials."""
    url = "http://backend.example.org/"

    assert url == check_url(url, allow_http=True)
    with pytest.raises(InvalidRequest):
        check_url("http://169.254.169.254/", allow_http=True)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text):
    """It is a good URL or refused."""
    with suppress(InvalidRequest):
        check_url("https://" + text, allow_http=False)


@pytest.mark.parametrize(
    ("address", "encrypted", "expected"),
    [
        ("8.8.8.8", True, True),
        ("8.8.8.8", False, False),
        ("::ffff:127.0.0.1", False, True),
        ("fc00::1", False, True),
        ("2001:4860:4860::8888", False, False),
        ("169.254.1.1", True, False),
        ("64:ff9b::a9fe:a9fe", True, False),
        ("2002:a9fe:a9fe::1", True, False),
        ("64:ff9b::808:808", True, True),
        ("100.100.100.200", False, False),
        ("192.0.0.192", True, False),
        ("168.63.129.16", True, False),
    ],
)
def test_addresses_behind_names_are_looked_at(address, encrypted, expected):
    """A name can stand for anything, and for another thing tomorrow."""
    assert expected is permitted(ip_address(address), encrypted=encrypted)
