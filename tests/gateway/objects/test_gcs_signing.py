"""V4 signatures of Google Cloud Storage, to the letter that Google's own library signs."""

import hashlib
from datetime import UTC, datetime

from gateway.objects.gcs_signing import GcsRequest, Signer, signed_url


def test_what_is_signed():
    """Canonical request, string to sign and URL; compared once with google-cloud-storage."""
    signed = []

    def sign(message):
        signed.append(message.decode())
        return b"\xab\xcd"

    url = signed_url(
        GcsRequest(
            method="GET",
            bucket="bkt",
            key="objects/a b/ü~x",
            query={"response-content-type": "audio/opus"},
        ),
        Signer(
            email="gw@p.iam.gserviceaccount.com",
            sign=sign,
            address="https://storage.googleapis.com",
        ),
        life_s=600,
        now=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
    )
    path = "/bkt/objects/a%20b/%C3%BC~x"
    query = (
        "X-Goog-Algorithm=GOOG4-RSA-SHA256"
        "&X-Goog-Credential=gw%40p.iam.gserviceaccount.com%2F20260301%2Fauto%2Fstorage%2F"
        "goog4_request&X-Goog-Date=20260301T120000Z&X-Goog-Expires=600&X-Goog-SignedHeaders=host"
        "&response-content-type=audio%2Fopus"
    )
    canonical = f"GET\n{path}\n{query}\nhost:storage.googleapis.com\n\nhost\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(canonical.encode()).hexdigest()

    assert [
        "GOOG4-RSA-SHA256\n20260301T120000Z\n20260301/auto/storage/goog4_request\n" + digest
    ] == signed
    assert f"https://storage.googleapis.com{path}?{query}&X-Goog-Signature=abcd" == url


def test_headers_are_signed_in_order():
    """By their names in small letters, the host among them."""
    signed = []
    url = signed_url(
        GcsRequest(
            method="POST",
            bucket="bkt",
            key="o",
            headers={"x-goog-resumable": "start", "Content-Type": "audio/ogg; codecs=opus"},
        ),
        Signer(email="e", sign=lambda message: signed.append(message) or b"", address="https://h"),
        life_s=60,
        now=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
    )
    query = url.partition("?")[2].partition("&X-Goog-Signature=")[0]
    lines = "content-type:audio/ogg; codecs=opus\nhost:h\nx-goog-resumable:start\n"
    names = "content-type;host;x-goog-resumable"
    canonical = f"POST\n/bkt/o\n{query}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"

    assert "X-Goog-SignedHeaders=content-type%3Bhost%3Bx-goog-resumable" in query
    assert hashlib.sha256(canonical.encode()).hexdigest() == signed[0].decode().splitlines()[-1]
