"""A strict server of resumable uploads for HTTP, without I/O: the draft at one interop version.

Written from the draft's text: it wants the version on every request, refuses what breaks a limit,
marks an upload as complete only when the client says so, and answers a version that it does not
speak as it would answer a plain request.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_NUMBER = re.compile(r"[0-9]+")
_PROBLEM = "https://iana.org/assignments/http-problem-types#"

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Upload:
    length: int | None
    digest: str | None
    held: bytearray = field(default_factory=bytearray)
    complete: bool = False


@dataclass
class IetfStore:
    """`stranger` is what a version that is not spoken gets: a plain 201, or 412."""

    interop: str = "8"
    keeps_bytes: int = 1
    limits: dict[str, int] = field(default_factory=dict)
    stranger: int = 201
    token: str | None = None
    says_digest: bool = True
    uploads: dict[str, Upload] = field(default_factory=dict)
    creations: int = 0
    plain_bodies: list[bytes] = field(default_factory=list)

    def take(  # noqa: PLR0911 - a table of refusals
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, *, declared: int
    ) -> Answer:
        """Take what arrived of a request; `headers` have lower-case names."""
        if method == "OPTIONS":
            return 204, {"Accept-Patch": "application/partial-upload", **self._limit()}, b""
        if self.token is not None and headers.get("authorization") != f"Bearer {self.token}":
            return 403, {}, b"not yours"
        if headers.get("upload-draft-interop-version") != self.interop:
            self.plain_bodies.append(body)
            return self.stranger, {}, b""
        name = path.removeprefix("/uploads/")
        if name == path:
            return self._create(headers, declared)
        upload = self.uploads.get(name)
        if upload is None:
            return 404, {}, b""
        if method == "HEAD":
            return 204, self._stands(upload), b""
        if method == "PATCH":
            return self._append(upload, headers, body, declared)
        return 405, {}, b""

    def _create(self, headers: Mapping[str, str], declared: int) -> Answer:
        length = headers.get("upload-length", "")
        if headers.get("upload-complete") != "?0" or declared or not _NUMBER.fullmatch(length):
            return 400, {}, b"a careful creation has no body, a length, and is not complete"
        if headers.get("content-type") in {None, "application/partial-upload"}:
            return 415, {}, b"the type of the whole"
        if int(length) > self.limits.get("max-size", 1 << 60):
            return 413, self._limit(), b""
        self.creations += 1
        name = f"u{self.creations}"
        self.uploads[name] = Upload(int(length), headers.get("repr-digest"))
        return 201, {"Location": f"/uploads/{name}", **self._limit()}, b""

    def _append(  # noqa: PLR0911 - a table of refusals
        self, upload: Upload, headers: Mapping[str, str], body: bytes, declared: int
    ) -> Answer:
        last = headers.get("upload-complete")
        if headers.get("content-type") != "application/partial-upload":
            return 415, {}, b""
        if last not in {"?0", "?1"} or not _NUMBER.fullmatch(headers.get("upload-offset", "")):
            return 400, {}, b"an append names its offset and whether it is the last"
        if upload.complete:
            return self._problem(400, "completed-upload")
        stands = {"Upload-Offset": str(len(upload.held)), "Upload-Complete": "?0"}
        if int(headers["upload-offset"]) != len(upload.held):
            return self._problem(409, "mismatching-upload-offset", stands)
        if declared > self.limits.get("max-append-size", declared):
            return 413, self._limit(), b""
        if last == "?0" and declared < self.limits.get("min-append-size", 0):
            return 400, self._limit(), b"too little"
        end = len(upload.held) + declared
        if upload.length is not None and (
            end > upload.length or (last == "?1") != (end == upload.length)
        ):
            return self._problem(400, "inconsistent-upload-length")
        upload.held += body
        if len(body) < declared:
            del upload.held[len(upload.held) // self.keeps_bytes * self.keeps_bytes :]
            return 500, {}, b"cut"
        if last == "?0":
            return 204, {"Upload-Complete": "?0"}, b""
        return self._completed(upload)

    def _completed(self, upload: Upload) -> Answer:
        upload.complete = True
        digest = base64.b64encode(hashlib.sha256(upload.held).digest()).decode()
        if upload.digest not in {None, f"sha-256=:{digest}:"}:
            upload.held.clear()
            return 422, {"Upload-Complete": "?1"}, b"another digest"
        said = {"Repr-Digest": f"sha-256=:{digest}:"} if self.says_digest else {}
        return 200, {"Upload-Complete": "?1", **said}, b'{"stored": true}'

    def _stands(self, upload: Upload) -> dict[str, str]:
        known = {} if upload.length is None else {"Upload-Length": str(upload.length)}
        return {
            "Upload-Offset": str(len(upload.held)),
            "Upload-Complete": "?1" if upload.complete else "?0",
            "Cache-Control": "no-store",
            **known,
            **self._limit(),
        }

    def _limit(self) -> dict[str, str]:
        stated = self.limits or {"min-size": 0}
        return {"Upload-Limit": ", ".join(f"{key}={value}" for key, value in stated.items())}

    @staticmethod
    def _problem(status: int, kind: str, headers: dict[str, str] | None = None) -> Answer:
        body = f'{{"type": "{_PROBLEM}{kind}", "title": "no"}}'
        return (
            status,
            {"Content-Type": "application/problem+json", **(headers or {})},
            body.encode(),
        )
