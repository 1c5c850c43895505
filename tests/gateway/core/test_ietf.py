"""What requests of IETF's resumable uploads say in their headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.core.brought import Append, Begin
from gateway.core.ietf import MEDIA_TYPE, append, completes, creation, limits, repr_digest
from gateway.errors import GatewayError, InvalidRequest, LengthMismatch, MediaTypeRefused

SIZE = st.integers(0, 2**48)
HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)


def said(complete="?0", **fields):
    names = {name.replace("_", "-"): text for name, text in fields.items()}
    return CIMultiDict({"Upload-Complete": complete, "Content-Type": MEDIA_TYPE, **names})


@given(SIZE, SIZE, HEX)
def test_a_careful_creation_is_read_back(brought, rest, sha256):
    """Length, first bytes and digest are read as they were meant."""
    headers = said(Upload_Length=f"{brought + rest}", Repr_Digest=repr_digest(sha256))
    begun = Begin(total=brought + rest, size_bytes=brought, sha256=sha256)

    assert creation(headers, brought) == begun


@given(SIZE, SIZE)
def test_a_body_that_completes_tells_the_length(first, size):
    """Without Upload-Length too."""
    last = append(said("?1", Upload_Offset=f"{first}"), size)

    assert last == Append(first=first, size_bytes=size, total=first + size)


@given(SIZE, SIZE)
def test_a_body_that_does_not_complete_tells_nothing(first, size):
    """The length stays unknown."""
    some = append(said("?0", Upload_Offset=f"{first}"), size)

    assert some == Append(first=first, size_bytes=size, total=None)


@pytest.mark.parametrize(("complete", "size"), [("?1", 9), ("?1", 11), ("?0", 11)])
def test_a_body_at_odds_with_the_length_is_refused(complete, size):
    """The last must end there, others not beyond."""
    with pytest.raises(LengthMismatch):
        creation(said(complete, Upload_Length="10"), size)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "Upload-Complete",
                "Upload-Length",
                "Upload-Offset",
                "Repr-Digest",
                "Content-Type",
                "Upload-Draft-Interop-Version",
            ]
        ),
        st.text(max_size=60) | st.sampled_from(["?1", "?0", "8", MEDIA_TYPE]),
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


@pytest.mark.parametrize("text", ["true", "1", "? 1", "?1;a", "?2", ""])
def test_another_form_of_upload_complete_is_none(text):
    """A structured field of another type counts as absent."""
    assert completes(CIMultiDict({"Upload-Complete": text})) is None


@pytest.mark.parametrize("version", ["6", "7", "8"])
def test_the_spoken_versions(version):
    """Requests of all of them say the same."""
    headers = said(Upload_Draft_Interop_Version=version, Upload_Length="5")

    assert creation(headers, 0) == Begin(total=5, size_bytes=0)


@pytest.mark.parametrize("version", ["3", "5", "9", "x"])
def test_other_versions_are_refused(version):
    """What they mean by the same headers may be something else."""
    with pytest.raises(InvalidRequest, match="6, 7, 8"):
        creation(said(Upload_Draft_Interop_Version=version), 0)


def test_an_append_names_its_type():
    """Anything but a partial upload might be meant for another protocol."""
    with pytest.raises(MediaTypeRefused):
        append(said(Content_Type="application/octet-stream", Upload_Offset="0"), 1)


def test_limits_are_a_dictionary():
    """As a structured field is written."""
    assert limits(10) == "min-size=0, max-size=10"
    assert limits(10, 60) == "min-size=0, max-size=10, max-age=60"
