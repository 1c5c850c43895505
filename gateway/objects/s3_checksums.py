"""SHA-256 as S3's checksum header carries it."""

import base64
import hashlib

SHA256 = "x-amz-checksum-sha256"
TELL = {"x-amz-checksum-mode": "ENABLED"}


def stated(sha256: str) -> dict[str, str]:
    """Give the header that states a digest."""
    return {SHA256: base64.b64encode(bytes.fromhex(sha256)).decode()}


def told(checksum: str) -> str | None:
    """Read a checksum header; None where there is none, or one of parts ("…-3")."""
    try:
        digest = base64.b64decode(checksum, validate=True)
    except ValueError:
        return None
    return digest.hex() if len(digest) == hashlib.sha256().digest_size else None
