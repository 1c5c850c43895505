"""What an object store's answer means when it is not a success: one table for every protocol."""

import json
import re

from device.core.http_answer import asked_wait_s, looks_like_html, plain
from device.core.uploads import (
    Ambiguous,
    Expired,
    Gone,
    NotTheStore,
    Outcome,
    Refused,
    Response,
    Throttled,
)
from device.core.uploads.clock_words import time_named
from device.model import Target

_XML_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9.]{1,80})\s*</Code>")
_CODE = re.compile(r"[A-Za-z0-9]{1,80}")
_XML_MESSAGE = re.compile(rb"<Message>([^<]{1,200})")
_EXPIRED_400 = frozenset({"ExpiredToken", "RequestExpired", "InvalidToken", "TokenRefreshRequired"})
_DAMAGED_400 = frozenset(
    {"RequestTimeout", "BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch"}
)
_SIGNATURE_MARKS = (b"<HeadersNotSigned>", b"Signature did not match")
_AGAIN = frozenset({408, 409, 412, 423, 425, 460})
"""Asked first, then sent again: cut, in conflict, locked (423), damaged on its way (460, tus)."""

_TOO_MANY, _NOT_IMPLEMENTED, _PORTAL, _SERVER_ERRORS = 429, 501, 511, 500


_THERE_ALREADY = 412
_ONLY_IF_NEW = frozenset({("x-goog-if-generation-match", "0"), ("if-none-match", "*")})


def there_already(response: Response, target: Target) -> bool:
    """Tell a store that has an object already where none was to be replaced.

    To somebody who sent it before that says: it arrived.
    """
    once = any((name.lower(), value) in _ONLY_IF_NEW for name, value in target.headers)
    return once and response.status == _THERE_ALREADY


def error_code(response: Response) -> str:
    """Read `<Code>` of an S3, GCS or Azure XML error; empty if there is none.

    A pattern, not an XML parser: error bodies come from strangers, and entities are never needed.
    Azure says it in a header too, which is left where a proxy has put a page of its own below.
    """
    found = _XML_CODE.search(response.body)
    if found:
        return found[1].decode("ascii")
    stated = response.headers.get("x-ms-error-code", "")
    return stated if _CODE.fullmatch(stated) else ""


def holds_error(response: Response) -> bool:
    """Tell a 200 whose body is an `<Error>` document: S3 and Ceph do send them."""
    return b"<Error>" in response.body[:1024]


def sentence(response: Response) -> str:
    """Say what the store said, for people: status, code, its message; never the whole body.

    An S3 signature error echoes the signed request, so only its code and message are kept.
    """
    words = [f"HTTP {response.status}"]
    if code := error_code(response):
        words.append(code)
        if message := _XML_MESSAGE.search(response.body):
            words.append(plain(message[1].decode("utf-8", "replace")))
    elif message_json := _json_message(response.body):
        words.append(plain(message_json))
    return ": ".join(words)


def refusal(response: Response) -> Outcome:
    """Say what any answer but the protocol's own successes means.

    A 403 is taken as "maybe expired" whatever its words: stores reword them, and one fresh URL
    is cheap. The caller bounds how often, and sooner where the words are about the signature.
    """
    status, reason = response.status, sentence(response)
    if status in {404, 410, 499}:
        # Google's front end explains a dead session with an HTML page, so this comes first.
        return Refused(reason) if error_code(response) == "NoSuchBucket" else Gone(reason)
    if status == _NOT_IMPLEMENTED:
        return Refused(reason)
    if status != _PORTAL and (status >= _SERVER_ERRORS or status == _TOO_MANY):
        return Throttled(asked_wait_s(status, response.headers), reason)
    if status == _PORTAL or looks_like_html(response.headers, response.body):
        return NotTheStore(f"{reason}: a web page answered in place of the store")
    if status in {401, 403}:
        return Expired(
            reason, signature_wrong=_signature_wrong(response), store_time=time_named(response)
        )
    return _client_error(response, reason, error_code(response))


def _signature_wrong(response: Response) -> bool:
    # AWS and Google have a code for it; S3's extra headers and Azure's have one only in details.
    if error_code(response) == "SignatureDoesNotMatch":
        return True
    return any(mark in response.body for mark in _SIGNATURE_MARKS)


def _client_error(response: Response, reason: str, code: str) -> Outcome:
    status = response.status
    if 300 <= status < 400 or status == 407:  # noqa: PLR2004 - redirects, Proxy Authentication
        return NotTheStore(f"{reason}: uploads never follow redirects or proxies")
    if code in _EXPIRED_400:
        return Expired(reason)
    if status == 412 and (spoken := response.headers.get("tus-version")):  # noqa: PLR2004 - not our version of tus
        return Refused(f"{reason}: the store speaks tus {plain(spoken)}")
    if status in _AGAIN or status < 300 or code in _DAMAGED_400:  # noqa: PLR2004 - odd 1xx and 2xx
        return Ambiguous(reason)
    if status == 422:  # noqa: PLR2004 - the whole medium arrived and its digest is wrong
        return Gone(reason)
    return Refused(reason)


def _json_message(body: bytes) -> str | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    error = document.get("error")
    message = error.get("message") if isinstance(error, dict) else document.get("detail")
    return message if isinstance(message, str) else None
