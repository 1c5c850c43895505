"""Idempotency-Key: its form, and the fingerprint that ties it to one request."""

import hashlib
import re

from gateway.errors import InvalidRequest

_FORM = re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII)


def check_key(key: str) -> str:
    """Accept a key of 1 to 255 letters, digits, `_` and `-`.

    Raises:
        InvalidRequest: Any other form.
    """
    if not _FORM.fullmatch(key):
        raise InvalidRequest(
            "Idempotency-Key must be 1 to 255 letters, digits, _ or -",
            details={"field": "Idempotency-Key"},
        )
    return key


def fingerprint(subject: str, canonical_body: bytes) -> str:
    """Tie a key to what it was used for.

    Args:
        subject: The id in the path, empty for a create.
        canonical_body: The parsed body, encoded with sorted keys, so that an agent that orders its
            JSON otherwise after an upgrade still repeats the same request.
    """
    return hashlib.sha256(subject.encode() + b"\0" + canonical_body).hexdigest()
