"""Which protocol a target speaks."""

import pytest

from device.core.uploads import Broken, Cargo, Response
from device.core.uploads.classify import (
    AZURE_BLOCKS,
    CHUNKED_PUT,
    IETF,
    SINGLE_PUT,
    TUS,
    Stores,
    answered,
    begin,
    classify,
    question,
)
from device.model import Target
from tests.device.core.uploads.test_refusals import PAGE

S3 = "https://b.s3.amazonaws.com/o?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0a"
GCS = "https://storage.googleapis.com"
AZURE = "https://a.blob.core.windows.net/c/b?sv=2024-11-04&sig=s%2Fs"


@pytest.mark.parametrize(
    ("url", "hint", "protocol"),
    [
        (S3, None, SINGLE_PUT),
        (S3, "chunked_put", CHUNKED_PUT),
        ("https://gateway.example/v1/parts?signature=0a", "s3_parts", "s3_parts"),
        ("https://gateway.example/files", "tus", TUS),
        ("https://gateway.example/files", "ietf", IETF),
        (S3, "something_newer", SINGLE_PUT),
        ("https://b.s3.amazonaws.com/o?Signature=0a&AWSAccessKeyId=AK", None, SINGLE_PUT),
        (f"{GCS}/upload/b?upload_id=xyz", None, CHUNKED_PUT),
        ("https://bucket.storage.googleapis.com/o?upload_id=xyz", None, CHUNKED_PUT),
        (f"{GCS}/upload/b?upload_id=xyz", "single_put", SINGLE_PUT),
        (f"{GCS}/o?X-Goog-Signature=0a", None, SINGLE_PUT),
        (f"{GCS}/o?X-Goog-Signature=0a&X-Goog-SignedHeaders=host", None, SINGLE_PUT),
        (
            f"{GCS}/o?X-Goog-Signature=0a&X-Goog-SignedHeaders=host%3Bx-goog-resumable",
            None,
            CHUNKED_PUT,
        ),
        ("https://storage.googleapis.com.evil.example/o?upload_id=x", None, None),
        (f"{AZURE}&sr=b&sp=cw", None, AZURE_BLOCKS),
        (f"{AZURE}&sr=b", None, AZURE_BLOCKS),
        (f"{AZURE}&sr=b&sp=r", None, None),
        (f"{AZURE}&sr=c&sp=cw", None, None),
        ("https://gateway.example/v1/uploads/med_1?signature=0a", None, None),
        ("https://gateway.example/v1/uploads/med_1", "chunked_put", CHUNKED_PUT),
    ],
)
def test_the_table(url: str, hint: str | None, protocol: str | None) -> None:
    """The hint wins, then what URL says; what says nothing has to be asked."""
    assert protocol == classify(Target(url=url, protocol=hint))


def test_a_header_announces_a_google_session() -> None:
    """The header that starts a session may be handed out beside a URL that does not show it."""
    target = Target(url=f"{GCS}/o?X-Goog-Signature=0a", headers=(("X-Goog-Resumable", "start"),))

    assert CHUNKED_PUT == classify(target)


def test_the_question_costs_no_bytes() -> None:
    """An unknown store is asked with OPTIONS and the headers that were handed out."""
    target = Target(url="https://store.example/o", headers=(("Authorization", "Bearer x"),))

    request = question(target)

    assert "OPTIONS" == request.method
    assert target.headers == request.headers
    assert 0 == request.body_bytes


@pytest.mark.parametrize(
    ("answer", "protocol"),
    [
        (Response(status=204, headers={"tus-version": "1.0.0"}), TUS),
        (Response(status=204, headers={"upload-limit": "min-size=0"}), IETF),
        (Response(status=200, headers={"accept-patch": "application/partial-upload"}), IETF),
        (Response(status=200, headers={"accept-patch": "*/*"}), SINGLE_PUT),
        (Response(status=200), SINGLE_PUT),
        (Response(status=405), SINGLE_PUT),
        (Response(status=501), SINGLE_PUT),
        (Response(status=503), None),
        (PAGE, None),
        (Broken("cut"), None),
    ],
)
def test_what_an_answer_announces(answer: Response | Broken, protocol: str | None) -> None:
    """Two protocols announce themselves; a store that is unwell has announced nothing."""
    assert protocol == answered(answer)


def test_a_store_is_asked_once_a_day() -> None:
    """What a store said is good for a day, on the monotonic clock."""
    stores = Stores()
    stores.learn("https://store.example", TUS, 10.0)

    assert TUS == stores.spoken("https://store.example", 86_409.0)
    assert stores.spoken("https://store.example", 86_410.0) is None
    assert stores.spoken("https://other.example", 10.0) is None


def test_a_fresh_target_is_sent_to_at_once() -> None:
    """A target nobody has used holds nothing, so no question is asked."""
    target = Target(url="https://gateway.example/u", protocol="chunked_put")
    cargo = Cargo(size_bytes=300_000, chunk_bytes=262_144)

    request = begin(target, cargo, CHUNKED_PUT).next_request()

    assert 262_144 == request.body_bytes
    assert not request.expect_continue
