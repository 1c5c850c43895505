"""A strict S3 multipart upload behind presigned URLs, and the parts document that hands them out.

URLs are signed for one part and one round and die with `expire()`; a part appears only whole;
the list must name every ETag in order, and parts but the last must have the least size; after the
completion the upload is no more (NoSuchUpload), as on S3.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

_PART = re.compile(r"<Part><PartNumber>([0-9]+)</PartNumber><ETag>([^<]+)</ETag></Part>")
_ALLOWED = {"host", "content-length"}

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class PartsStore:
    """`tells` what it holds in the document; `idempotent`: a second completion is a success."""

    part_bytes: int
    least_bytes: int = 1
    window: int = 16
    tells: bool = False
    origin: str = "https://store.example"
    document_signature: str = "s/1"
    parts: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    object: bytes | None = None
    gone: bool = False
    round: int = 1
    least_round: int = 1
    documents: int = 0
    completions: int = 0
    error_after_ok: int = 0

    def expire(self) -> None:
        """Let every URL handed out so far die."""
        self.least_round = self.round + 1

    def take(  # noqa: PLR0911 - a table of refusals
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, declared: int
    ) -> Answer:
        """Take what arrived of a request; `headers` have lower-case names."""
        parts = urlsplit(url)
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if method == "GET":
            return self._document(asked)
        if set(headers) - _ALLOWED:
            return _error(403, "AccessDenied", "There were headers present which were not signed")
        if asked.get("X-Amz-Signature") != self._signature(asked) or (
            int(asked["round"]) < self.least_round
        ):
            return _error(403, "AccessDenied", "Request has expired")
        if self.gone or self.object is not None:
            return _error(404, "NoSuchUpload", "The specified upload does not exist")
        if len(body) < declared:
            return _error(400, "IncompleteBody", "cut")
        if method == "PUT" and "partNumber" in asked:
            etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
            self.parts[int(asked["partNumber"])] = (etag, body)
            return 200, {"ETag": etag}, b""
        if method == "POST" and "partNumber" not in asked:
            return self._complete(body.decode())
        return _error(405, "MethodNotAllowed", "no")

    def _document(self, asked: Mapping[str, str]) -> Answer:
        self.documents += 1
        if asked.get("signature") != self.document_signature:
            return 403, {}, b'{"error": {"message": "this upload URL has expired"}}'
        if self.gone or self.object is not None:
            return 410, {}, b'{"error": {"message": "this upload is no more"}}'
        self.round = max(self.round, self.least_round)
        first = int(asked["from"])
        document: dict[str, object] = {
            "part_bytes": self.part_bytes,
            "parts": [
                {"number": n, "url": self._url({"partNumber": str(n)})}
                for n in range(first, first + self.window)
            ],
            "complete_url": self._url({}),
        }
        if self.tells:
            document["held"] = [
                {"number": n, "etag": etag, "size_bytes": len(body)}
                for n, (etag, body) in sorted(self.parts.items())
                if n >= first
            ]
        return 200, {"Content-Type": "application/json"}, json.dumps(document).encode()

    def _url(self, asked: Mapping[str, str]) -> str:
        every = {"uploadId": "u", "round": str(self.round), **asked}
        query = "&".join(f"{name}={value}" for name, value in every.items())
        return f"{self.origin}/b/o?{query}&X-Amz-Signature={self._signature(every)}"

    @staticmethod
    def _signature(asked: Mapping[str, str]) -> str:
        signed = sorted(f"{n}={v}" for n, v in asked.items() if n != "X-Amz-Signature")
        return hashlib.sha256("&".join(signed).encode()).hexdigest()

    def _complete(self, text: str) -> Answer:
        listed = [(int(number), etag) for number, etag in _PART.findall(text)]
        whole = text.startswith("<CompleteMultipartUpload") and listed
        if not whole or not text.endswith("</CompleteMultipartUpload>"):
            return _error(400, "MalformedXML", "not a list")
        if [number for number, _ in listed] != list(range(1, len(listed) + 1)):
            return _error(400, "InvalidPartOrder", "not in order")
        if any(self.parts.get(number, ("", b""))[0] != etag for number, etag in listed):
            return _error(400, "InvalidPart", "One or more of the specified parts is not there")
        sizes = [len(self.parts[number][1]) for number, _ in listed]
        if any(size < self.least_bytes for size in sizes[:-1]):
            return _error(400, "EntityTooSmall", "smaller than the minimum allowed size")
        if self.error_after_ok:
            self.error_after_ok -= 1
            return _error(200, "InternalError", "We encountered an internal error")
        self.completions += 1
        self.object = b"".join(self.parts[number][1] for number, _ in listed)
        said = "<CompleteMultipartUploadResult><ETag>&quot;x-2&quot;</ETag>"
        return 200, {}, f"{said}</CompleteMultipartUploadResult>".encode()


def _error(status: int, code: str, message: str) -> Answer:
    body = f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return status, {"Content-Type": "application/xml"}, body.encode()
