"""What tus requests say in their headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.core.brought import Append, Begin
from gateway.core.tus import MEDIA_TYPE, append, creation, expires_header
from gateway.errors import GatewayError, InvalidRequest, LengthMismatch, VersionRefused

SIZE = st.integers(0, 2**50)
TYPED = {"Tus-Resumable": "1.0.0", "Content-Type": MEDIA_TYPE}


def said(**fields):
    return CIMultiDict({**TYPED, **{name.replace("_", "-"): text for name, text in fields.items()}})


@given(SIZE, SIZE)
def test_a_creation_is_read_back(brought, rest):
    """Length and first bytes are read as they were meant."""
    total = brought + rest

    assert creation(said(Upload_Length=f"{total}"), brought) == Begin(
        total=total, size_bytes=brought
    )


@given(SIZE, st.none() | SIZE)
def test_an_append_is_read_back(first, size):
    """Offset and size are read as they were meant."""
    assert append(said(upload_offset=f"{first}"), size) == Append(first=first, size_bytes=size)


@given(
    st.dictionaries(
        st.sampled_from(["Tus-Resumable", "Upload-Length", "Upload-Offset", "Content-Type"]),
        st.text(max_size=30) | st.sampled_from(["1.0.0", MEDIA_TYPE]),
    ),
    st.none() | SIZE,
)
def test_nothing_fails_in_another_way(headers, length):
    """No header makes the parsers fail but with an error of the gateway."""
    for read in (creation, append):
        try:
            brought = read(CIMultiDict(headers), length)
        except GatewayError:
            continue

        assert isinstance(brought, Begin | Append)


@pytest.mark.parametrize("text", ["", "-1", "1.0", "0x1", "٣", "1e3", "9" * 19, "1 2"])
def test_a_number_is_digits(text):
    """Other forms are refused, also those that int() takes."""
    with pytest.raises(InvalidRequest, match="whole number"):
        append(said(Upload_Offset=text), 1)


def test_what_is_needed_is_named():
    """The length of a creation, the offset of an append."""
    with pytest.raises(InvalidRequest, match="Upload-Length"):
        creation(said(), 0)
    with pytest.raises(InvalidRequest, match="Upload-Offset"):
        append(said(), 1)


def test_a_creation_without_body_needs_no_type():
    """The careful creation."""
    headers = CIMultiDict({"Tus-Resumable": "1.0.0", "Upload-Length": "7"})

    assert creation(headers, 0) == Begin(total=7, size_bytes=0)


def test_a_body_larger_than_its_upload_is_refused():
    """Before any byte of it is read."""
    with pytest.raises(LengthMismatch):
        creation(said(Upload_Length="7"), 8)


@pytest.mark.parametrize("version", ["", "0.2.2", "1.0.1"])
def test_other_versions_are_refused_with_ours(version):
    """412 names the version that is spoken."""
    with pytest.raises(VersionRefused) as refused:
        append(said(Tus_Resumable=version, Upload_Offset="0"), 1)

    assert refused.value.headers == {"Tus-Version": "1.0.0"}


def test_an_expiry_is_an_http_date():
    """As RFC 9110 writes times."""
    assert expires_header(1772370000) == "Sun, 01 Mar 2026 13:00:00 GMT"
