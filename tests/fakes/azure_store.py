"""A strict Azure block blob behind one SAS, without I/O: Put Block, Put Block List, their errors.

Written from the pages of both operations: ids are valid base64 of one length and at most 64 bytes,
a block appears only when all of it arrived, a list commits only blocks that are there.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

_LATEST = re.compile(r"<Latest>([^<]+)</Latest>")
_LONGEST_ID_BYTES = 64
_OF_PUT_BLOB = {"x-ms-blob-type", "content-md5"}

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class AzureStore:
    """`only_new`: commits are refused when the blob exists, as after `If-None-Match: *`."""

    signature: str = "s%2Fs"
    only_new: bool = False
    uncommitted: dict[str, bytes] = field(default_factory=dict)
    committed: dict[str, bytes] = field(default_factory=dict)
    blob: bytes | None = None
    content_type: str | None = None
    commits: int = 0

    def take(
        self, method: str, query: str, headers: Mapping[str, str], body: bytes, *, declared: int
    ) -> Answer:
        """Take what arrived of a request; `headers` have lower-case names, `query` is raw."""
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        if f"sig={self.signature}" not in query.split("&"):
            return _error(403, "AuthenticationFailed", "Signature not valid in the time frame")
        if _OF_PUT_BLOB & headers.keys():
            return _error(400, "InvalidHeaderValue", "a header of Put Blob")
        if method != "PUT" or len(body) < declared:
            return _error(400, "InvalidInput", "a PUT of a whole body")
        match asked.get("comp"):
            case "block":
                return self._block(asked.get("blockid", ""), headers, body)
            case "blocklist":
                return self._list(headers, body)
            case _:
                return _error(400, "InvalidQueryParameterValue", "comp")

    def _block(self, name: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if any(header.startswith(("x-ms-blob-", "x-ms-meta-", "if-")) for header in headers):
            return _error(400, "InvalidHeaderValue", "a header of the blob")
        try:
            raw = base64.b64decode(name, validate=True)
        except binascii.Error:
            return _error(400, "InvalidQueryParameterValue", "blockid")
        if not body or not 0 < len(raw) <= _LONGEST_ID_BYTES:
            return _error(400, "InvalidHeaderValue", "no bytes, or no id")
        if any(len(known) != len(name) for known in self.uncommitted):
            return _error(
                400, "InvalidBlobOrBlock", "The specified blob or block content is invalid"
            )
        self.uncommitted[name] = body
        return 201, {"x-ms-request-server-encrypted": "true"}, b""

    def _list(self, headers: Mapping[str, str], body: bytes) -> Answer:
        text = body.decode()
        if not text.startswith("<?xml") or not text.endswith("</BlockList>"):
            return _error(400, "InvalidXmlDocument", "XML specified is not syntactically valid")
        if self.only_new and self.blob is not None:
            return _error(409, "BlobAlreadyExists", "The specified blob already exists")
        known = {**self.committed, **self.uncommitted}
        names = _LATEST.findall(text)
        if any(name not in known for name in names):
            return _error(400, "InvalidBlockList", "The specified block list is invalid")
        self.committed = {name: known[name] for name in names}
        self.uncommitted.clear()
        self.blob = b"".join(known[name] for name in names)
        self.content_type = headers.get("x-ms-blob-content-type")
        self.commits += 1
        return 201, {"ETag": '"0x8D"'}, b""


def _error(status: int, code: str, message: str) -> Answer:
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return status, {"Content-Type": "application/xml", "x-ms-error-code": code}, body.encode()
