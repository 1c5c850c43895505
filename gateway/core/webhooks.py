"""Webhooks by Bota's rules: the secret, the signature, and when to try again."""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

_SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a secret

WAITS_S = (0, 60, 300, 1800, 7200, 28800)
"""Before each try: at once, 1 min, 5 min, 30 min, 2 h, 8 h."""


def webhook_secret(signing_key: bytes, webhook_id: str, generation: int) -> str:
    """Write the secret of a webhook; it is kept nowhere, a rotation makes the next generation."""
    message = f"webhook\0{webhook_id}\0{generation}".encode()
    digest = hmac.digest(signing_key, message, "sha256")
    return _SECRET_PREFIX + urlsafe_b64encode(digest).rstrip(b"=").decode()


def signature(secret: str, timestamp_s: int, body: bytes) -> str:
    """Write `X-Bota-Signature` of a body that goes out at that time, in Unix seconds."""
    message = str(timestamp_s).encode() + b"." + body
    return "v1=" + hmac.digest(secret.encode(), message, "sha256").hex()


def next_try(tried: int, now: datetime) -> datetime | None:
    """Say when to try again after so many tries that failed; None: not any more."""
    if tried >= len(WAITS_S):
        return None
    return now + timedelta(seconds=WAITS_S[tried])
