"""What every upload API's answers have in common: JSON, upload URLs, headers, refusals. Pure."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import urljoin, urlsplit

from device.core.http_answer import ApiAnswer, asked_wait_s, looks_like_html
from device.errors import (
    CloudConflict,
    CloudRejected,
    CloudThrottled,
    CloudUnreachable,
    CloudUnwell,
    NotTheCloud,
    TokenRefused,
)

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def document_of(answer: ApiAnswer) -> dict[str, Any]:
    """Read the JSON object of an answer.

    Raises:
        NotTheCloud: There is none, as in a captive portal's answer.
    """
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise NotTheCloud(f"HTTP {answer.status} with a body that is not the API's JSON")
    return document


def refusal_document(answer: ApiAnswer) -> dict[str, Any]:
    """Read the JSON object of a refusal; empty if it has none."""
    try:
        return document_of(answer)
    except NotTheCloud:
        return {}


def checked_url(stated: object, *, base_url: str, allow_http: bool) -> str:
    """Return the upload URL, made absolute, if bytes may be sent there.

    Raises:
        NotTheCloud: It is no URL, or not https.
    """
    if not isinstance(stated, str) or not stated:
        raise NotTheCloud("the answer has no upload URL")
    try:
        url = urljoin(base_url, stated)
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise NotTheCloud("the upload URL cannot be read") from error
    if _CONTROL.search(stated) or " " in stated or not host:
        raise NotTheCloud("the upload URL cannot be read")
    # Services of this machine are not a distant API's to send us to.
    local = host in _LOOPBACK and urlsplit(base_url).hostname in _LOOPBACK
    if parts.scheme == "https" or (parts.scheme == "http" and (allow_http or local)):
        return url
    raise NotTheCloud("the upload URL is not https", hint="set allow_http if that is intended")


def header_pairs(stated: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return upload headers exactly as they were handed out.

    Raises:
        NotTheCloud: One of them cannot be sent.
    """
    for name, value in stated.items():
        if not isinstance(value, str) or not _HEADER_NAME.fullmatch(name) or _CONTROL.search(value):
            raise NotTheCloud("the upload headers cannot be sent")
    return tuple(stated.items())


def remaining_s(expires_at: object, now: datetime | None) -> float | None:
    """Return how long a URL lives, from its ISO 8601 end and the answer's own Date."""
    if now is None or not isinstance(expires_at, str):
        return None
    try:
        until = datetime.fromisoformat(expires_at)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return (until - now).total_seconds()


def usable_token(text: str) -> str:
    """Return a credential that can stand in a header, without what surrounds it.

    Raises:
        TokenRefused: It cannot.
    """
    token = text.strip()
    if not token or token == "not-enrolled":  # noqa: S105 - what stands for no token
        raise TokenRefused("there is no device token")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise TokenRefused("the token file holds something that is not a token")
    return token


def said(answer: ApiAnswer, *, doing: str, code: str = "", message: str = "") -> str:
    """Say what was refused: "cannot create the recording: HTTP 400 code: message"."""
    words = f"cannot {doing}: HTTP {answer.status}" + (f" {code}" if code else "")
    return words + (f": {message}" if message else "")


def refuse(answer: ApiAnswer, *, doing: str, code: str = "", message: str = "") -> NoReturn:
    """Raise what an answer other than success means.

    Args:
        answer: The answer.
        doing: What was asked, for the sentence: "create the recording".
        code: The API's own word for the error, empty if it gave none.
        message: The API's own sentence, likewise.
    """
    status = answer.status
    sentence = said(answer, doing=doing, code=code, message=message)
    wait_s = asked_wait_s(status, answer.headers)
    html = looks_like_html(answer.headers, answer.body)
    match status:
        case 429:
            raise CloudThrottled(sentence, retry_after_s=wait_s)
        case 511:
            raise NotTheCloud(sentence)
        case _ if status >= 500 or status == 425:  # noqa: PLR2004 - server errors, Too Early
            raise CloudUnwell(sentence, retry_after_s=wait_s)
        case _ if html or status < 400 or status == 407:  # noqa: PLR2004 - redirects, proxies
            raise NotTheCloud(f"{sentence}: this is not an answer of the API")
        case 401 | 403:
            raise TokenRefused(sentence)
        case 408:
            raise CloudUnreachable(sentence)
        case _ if not (code or message):
            # A reverse proxy whose backend is away says 404 too; no recording is to blame for it.
            raise NotTheCloud(f"{sentence}: this is not an answer of the API")
        case 409:
            raise CloudConflict(sentence)
        case _:
            raise CloudRejected(sentence)
