"""Sessions of the console: how long they last, and how a page proves that it is one of ours."""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from urllib.parse import urlsplit

LIFE = timedelta(hours=12)
"""How long a session lasts after it was last used."""

SLIDE_EVERY = timedelta(minutes=5)
"""How often a session that is used is prolonged: not with every request, each would be a write."""

COOKIE = "fieldpost_console"
CSRF_HEADER = "X-CSRF-Token"

_PREFIX = "cses_"


def session_text(entropy: bytes) -> str:
    """Write what the cookie holds."""
    return _PREFIX + urlsafe_b64encode(entropy).rstrip(b"=").decode()


def csrf_token(secret: bytes, session: str) -> str:
    """Write what the pages of a session send along with every change.

    Only a page of our own origin can read it; a request that another page makes the browser send
    has the cookie and not this.
    """
    digest = hmac.digest(secret, b"console-csrf\0" + session.encode(), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def slides(seen_at: datetime, now: datetime) -> bool:
    """Say whether a session that is used now is to be prolonged."""
    return now >= seen_at + SLIDE_EVERY


def own_origin(origin: str | None, *, host: str, public_url: str | None) -> bool:
    """Say whether a request comes from a page of this gateway.

    A proxy in front takes TLS off, so it is the name that counts, and the scheme only where the
    gateway was told its own.

    Args:
        origin: The header of that name; browsers send it with everything but GET and HEAD.
        host: The name that the request was sent to.
        public_url: The gateway as clients see it, where that is configured.
    """
    if origin is None:
        return False
    parts = _split(origin)
    if parts is None or parts[0] not in {"http", "https"}:
        return False
    return parts[1] == host.lower() or (public_url is not None and parts == _split(public_url))


def _split(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.scheme, parts.netloc.lower()
