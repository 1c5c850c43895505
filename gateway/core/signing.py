"""Signed URLs: who may PUT or GET one medium until when, without a credential."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from enum import StrEnum

from gateway.errors import UrlExpired, UrlForged

_EXPIRY_DIGITS = 12


class Purpose(StrEnum):
    """What a signed URL permits; one purpose never opens the other."""

    UPLOAD = "uploads"
    DOWNLOAD = "objects"
    PARTS = "parts"


_PATHS = {
    Purpose.UPLOAD: "uploads/{}",
    Purpose.DOWNLOAD: "objects/{}",
    Purpose.PARTS: "uploads/{}/parts",
}


def sign(secret: bytes, purpose: Purpose, medium_id: str, expires: int) -> str:
    """Sign one medium, one purpose and an expiry in Unix seconds."""
    message = f"{purpose}\n{medium_id}\n{expires}".encode()
    digest = hmac.digest(secret, b"signed-url\0" + message, "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def signed_url(
    secret: bytes, purpose: Purpose, medium_id: str, *, base_url: str, expires: int
) -> str:
    """Write the URL; `base_url` ends with the API version and without a slash."""
    signature = sign(secret, purpose, medium_id, expires)
    path = _PATHS[purpose].format(medium_id)
    return f"{base_url}/{path}?expires={expires}&signature={signature}"


def check(
    secret: bytes, purpose: Purpose, medium_id: str, query: Mapping[str, str], now_s: float
) -> None:
    """Accept a signed URL by its decoded query, at `now_s` in Unix seconds.

    Raises:
        UrlForged: The signature is not ours for exactly this medium, purpose and expiry.
        UrlExpired: It is ours, and past its time.
    """
    expires, signature = query.get("expires", ""), query.get("signature", "")
    if not (expires.isascii() and expires.isdigit() and len(expires) <= _EXPIRY_DIGITS):
        raise UrlForged("the URL has no valid expiry")
    good = sign(secret, purpose, medium_id, int(expires))
    if not hmac.compare_digest(good.encode(), signature.encode()):
        raise UrlForged("the URL's signature does not fit")
    if now_s >= int(expires):
        raise UrlExpired("the URL has expired; ask for a fresh one, the bytes are kept")
