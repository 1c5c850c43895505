"""A strict tus 1.0 server (core and creation), without I/O, written from the protocol's text.

`keeps_bytes` is what persistence advances by: a server may lose the tail of a PATCH that was cut.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_NUMBER = re.compile(r"[0-9]+")
_ENDPOINT = "/files"

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Upload:
    length: int
    held: bytearray = field(default_factory=bytearray)
    finished: bool = False
    """Whether an append has brought it to its length: an empty one does, and creation does not."""


@dataclass
class TusStore:
    keeps_bytes: int = 1
    body_limit_bytes: int | None = None
    token: str | None = None
    uploads: dict[str, Upload] = field(default_factory=dict)
    creations: int = 0

    def take(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, *, declared: int
    ) -> Answer:
        """Take what arrived of a request; `headers` have lower-case names."""
        status, fields, said = self._met(method, path, headers, body, declared)
        if method == "OPTIONS":
            return status, {**fields, "Tus-Version": "1.0.0", "Tus-Extension": "creation"}, said
        return status, {"Tus-Resumable": "1.0.0", **fields}, b"" if method == "HEAD" else said

    def _met(  # noqa: PLR0911 - a table of refusals
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, declared: int
    ) -> Answer:
        if method == "OPTIONS":
            return 204, {}, b""
        if self.token is not None and headers.get("authorization") != f"Bearer {self.token}":
            return 403, {}, b"not yours"
        if headers.get("tus-resumable") != "1.0.0":
            return 412, {"Tus-Version": "1.0.0"}, b"another version"
        if self.body_limit_bytes is not None and declared > self.body_limit_bytes:
            return 413, {}, b"too large"
        if method == "POST" and path == _ENDPOINT:
            return self._create(headers, declared)
        upload = self.uploads.get(path.removeprefix(f"{_ENDPOINT}/"))
        if upload is None:
            return 404, {}, b""
        if method == "HEAD":
            stands = {"Upload-Offset": str(len(upload.held)), "Upload-Length": str(upload.length)}
            return 200, {**stands, "Cache-Control": "no-store"}, b""
        if method == "PATCH":
            return self._append(upload, headers, body, declared)
        return 405, {}, b""

    def _create(self, headers: Mapping[str, str], declared: int) -> Answer:
        length = headers.get("upload-length", "")
        if not _NUMBER.fullmatch(length) or "upload-offset" in headers or declared:
            return 400, {}, b"creation names the length, and carries no byte here"
        self.creations += 1
        name = f"u{self.creations}"
        self.uploads[name] = Upload(int(length))
        return 201, {"Location": f"{_ENDPOINT}/{name}"}, b""

    def _append(
        self, upload: Upload, headers: Mapping[str, str], body: bytes, declared: int
    ) -> Answer:
        if headers.get("content-type") != "application/offset+octet-stream":
            return 415, {}, b""
        if not _NUMBER.fullmatch(headers.get("upload-offset", "")):
            return 400, {}, b"no offset"
        if int(headers["upload-offset"]) != len(upload.held):
            return 409, {}, b"another offset"
        if len(upload.held) + declared > upload.length:
            return 413, {}, b"beyond the end"
        upload.held += body
        if len(body) < declared:
            del upload.held[len(upload.held) // self.keeps_bytes * self.keeps_bytes :]
        upload.finished = len(upload.held) == upload.length
        return 204, {"Upload-Offset": str(len(upload.held))}, b""
