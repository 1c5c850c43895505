"""Which protocol a target speaks."""

import pytest

from device.core.uploads.classify import CHUNKED_PUT, SINGLE_PUT, begin, classify
from device.model import Target

S3 = "https://b.s3.amazonaws.com/o?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0a"


@pytest.mark.parametrize(
    ("url", "hint", "protocol"),
    [
        (S3, None, SINGLE_PUT),
        (S3, "chunked_put", CHUNKED_PUT),
        (S3, "something_newer", SINGLE_PUT),
        ("https://storage.googleapis.com/upload/b?upload_id=xyz", None, CHUNKED_PUT),
        ("https://bucket.storage.googleapis.com/o?upload_id=xyz", None, CHUNKED_PUT),
        ("https://storage.googleapis.com/upload/b?upload_id=xyz", "single_put", SINGLE_PUT),
        ("https://storage.googleapis.com/o?X-Goog-Signature=0a", None, SINGLE_PUT),
        ("https://storage.googleapis.com.evil.example/o?upload_id=x", None, SINGLE_PUT),
        ("https://gateway.example/v1/uploads/med_1?signature=0a", None, SINGLE_PUT),
        ("https://gateway.example/v1/uploads/med_1", "chunked_put", CHUNKED_PUT),
    ],
)
def test_the_table(url: str, hint: str | None, protocol: str) -> None:
    """The hint wins, then a session URL; anything else gets one plain PUT."""
    target = Target(url=url, protocol=hint)

    assert protocol == classify(target)
    assert protocol == begin(target, size_bytes=1, chunk_bytes=1).session.protocol


def test_a_fresh_target_is_sent_to_at_once() -> None:
    """A target nobody has used holds nothing, so no question is asked."""
    target = Target(url="https://gateway.example/u", protocol="chunked_put")

    request = begin(target, size_bytes=300_000, chunk_bytes=262_144).next_request()

    assert 262_144 == request.body_bytes
    assert not request.expect_continue
