"""What an HTTP answer says before anybody trusts its body: its shape, its time, its waits."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST_WAIT_S = 86_400.0
_GOOG_MD5 = re.compile(r"(?:^|[,\s])md5=([A-Za-z0-9+/]{21}[AQgw]==)(?=[,\s]|$)")
"""16 bytes in base64: the last digit holds two bits of them."""
_SECRET = re.compile(r"(?<=\?)\S*=\S*|\b(?:dtok|sk|rk)_[\w-]+|(?<=[Bb]earer )\S+")
_HTML_STARTS = (b"<!doctype html", b"<html")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAnswer:
    """One answer of a JSON API. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def looks_like_html(headers: Mapping[str, str], body: bytes) -> bool:
    """Tell a page made for people: portals and proxies send one whatever the status says."""
    if "text/html" in headers.get("content-type", "").lower():
        return True
    return body.lstrip()[:64].lower().startswith(_HTML_STARTS)


def plain(text: object) -> str:
    """Make a stranger's sentence safe to print: short, and without a secret that it repeats.

    Some quote the URL they were asked for, and its query is a signature; some quote a token.
    """
    if not isinstance(text, str):
        return ""
    printable = "".join(c if c.isprintable() else " " for c in text[:200])
    return _SECRET.sub("…", printable)


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """Read the Date header; None if absent or nonsense."""
    return _http_date(headers.get("date", ""))


def stated_md5(headers: Mapping[str, str]) -> str | None:
    """Read the MD5 that Google's store states of a whole object (`x-goog-hash`), as hex."""
    stated = set(_GOOG_MD5.findall(headers.get("x-goog-hash", "")))
    # Two that differ are none: nobody knows which of them is meant.
    return base64.b64decode(stated.pop()).hex() if len(stated) == 1 else None


def asked_wait_s(status: int, headers: Mapping[str, str]) -> float | None:
    """Say how long the server asks to wait, in seconds from its answer, at most a day.

    `Retry-After` counts as seconds (RFC 9110 section 10.2.3) or as a date measured against the
    answer's own Date, because our wall clock may be wrong. On 429, `X-RateLimit-Reset` (Unix
    seconds) stands in for it.
    """
    asked = headers.get("retry-after", "").strip()
    if (seconds := _whole_number(asked)) is not None:
        return min(float(seconds), _LONGEST_WAIT_S)
    now = server_time(headers)
    if now is None:
        return None
    until = _http_date(asked)
    if until is None and status == 429:  # noqa: PLR2004 - Too Many Requests
        reset_s = _whole_number(headers.get("x-ratelimit-reset", "").strip())
        until = None if reset_s is None else _from_unix(reset_s)
    if until is None:
        return None
    return min(max(0.0, (until - now).total_seconds()), _LONGEST_WAIT_S)


def _whole_number(text: str) -> int | None:
    # Longer runs of digits are hostile or broken, and slow to convert.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None  # noqa: PLR2004 - see above


def _from_unix(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        # "-0000" gives a naive time; HTTP dates are UTC by definition.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
