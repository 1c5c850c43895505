"""A strict S3-like store for presigned single PUTs, without I/O: what AWS enforces, enforced.

Signatures cover the raw query and the signed headers; expiry is judged by the store's own clock
when the request arrives; nothing is visible until the last byte is in; Content-Range is a 501.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qs

_SECRET = b"the store's own key"
_TRANSPORT_HEADERS = {"host", "content-length", "expect", "connection"}

Answer = tuple[int, dict[str, str], bytes]


class PlainStore:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.puts = 0

    def presign(self, path: str, headers: Mapping[str, str], now: datetime, life: timedelta) -> str:
        """Return path and query; `headers` must come back byte for byte."""
        names = "%3B".join(sorted([*(name.lower() for name in headers), "host"]))
        query = (
            "X-Amz-Algorithm=AWS4-HMAC-SHA256"
            "&X-Amz-Credential=AKIAEXAMPLE%2F20260301%2Feu-west-1%2Fs3%2Faws4_request"
            f"&X-Amz-Date={now:%Y%m%dT%H%M%SZ}&X-Amz-Expires={int(life.total_seconds())}"
            f"&X-Amz-SignedHeaders={names}"
        )
        return f"{path}?{query}&X-Amz-Signature={_signature(path, query, headers)}"

    def check(self, raw_path: str, headers: Mapping[str, str], now: datetime) -> Answer | None:
        """Refuse what S3 refuses before the body; None lets it pass."""
        path, _, raw_query = raw_path.partition("?")
        query, _, signature = raw_query.partition("&X-Amz-Signature=")
        asked = parse_qs(query)
        sent = {name.lower(): value for name, value in headers.items()}
        if "content-range" in sent or "transfer-encoding" in sent:
            return _error(501, "NotImplemented", "A header you provided implies functionality")
        if "content-length" not in sent:
            return _error(411, "MissingContentLength", "You must provide the Content-Length")
        names = asked["X-Amz-SignedHeaders"][0].split(";")
        signed = {name: sent.get(name, "") for name in names if name != "host"}
        if not hmac.compare_digest(signature, _signature(path, query, signed)):
            return _error(403, "SignatureDoesNotMatch", "The signature does not match")
        if unsigned := sorted(set(sent) - set(names) - _TRANSPORT_HEADERS):
            return _error(403, "AccessDenied", f"headers not signed: {unsigned}")
        begun = datetime.strptime(asked["X-Amz-Date"][0] + "+0000", "%Y%m%dT%H%M%SZ%z")
        if now >= begun + timedelta(seconds=int(asked["X-Amz-Expires"][0])):
            return _error(403, "AccessDenied", "Request has expired")
        return None

    def put(self, path: str, body: bytes) -> Answer:
        """Take a whole object; a cut body never gets here."""
        self.puts += 1
        self.objects[path] = body
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        return 200, {"ETag": f'"{etag}"'}, b""


def _signature(path: str, query: str, headers: Mapping[str, str]) -> str:
    lines = sorted(f"{name.lower()}:{value}" for name, value in headers.items())
    message = "\n".join([path, query, *lines]).encode()
    return hmac.new(_SECRET, message, "sha256").hexdigest()


def _error(status: int, code: str, message: str) -> Answer:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
    return status, {"Content-Type": "application/xml"}, body.encode()
