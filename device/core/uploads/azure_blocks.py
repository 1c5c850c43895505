"""Azure block blobs through one SAS URL: Put Block for each piece, Put Block List at the end.

A SAS allows writing the blob, whatever the operation, so the same URL with `comp=block` and
`comp=blocklist` resumes without help of whoever signed it. Block ids follow from index and digest
alone: a block that is sent twice replaces itself, and the list can be sent again at any time.
Reading the list of blocks needs a permission that upload URLs lack: our own count is what we have.
"""

import base64
from urllib.parse import quote, urlsplit

from device.core.uploads import (
    Advanced,
    Ambiguous,
    Broken,
    Cargo,
    Complete,
    Conflict,
    Outcome,
    Refused,
    Request,
    Response,
)
from device.core.uploads.location import noted
from device.core.uploads.refusals import error_code, refusal, sentence
from device.model import Evidence, UploadSession

_MOST_BLOCKS = 50_000
_MOST_BLOCK_BYTES = 4_194_304_000
_BLOCKS, _BLOCK_BYTES, _BLOB = "blocks", "block_bytes", "blob"
_CREATED = 201
_EXISTS = frozenset({"BlobAlreadyExists", "ConditionNotMet"})
_OF_THE_BLOB = ("x-ms-blob-", "x-ms-meta-", "x-ms-tags", "x-ms-access-tier", "if-")
_NEVER = frozenset({"content-type", "content-md5", "x-ms-blob-type"})
"""Headers of Put Blob, which upload APIs hand out; they mean the body, and ours are another's."""


class AzureBlocks:
    """Sends block after block in order, then their list.

    Args:
        session: `state` holds how many blocks are up, their size, and of which blob they are.
        cargo: Its chunk is the size of a block; its digest is in every block id.
        resumed: All the same: nobody can be asked.
    """

    def __init__(self, session: UploadSession, cargo: Cargo, *, resumed: bool) -> None:
        del resumed
        self._cargo = cargo
        least = -(-cargo.size_bytes // _MOST_BLOCKS)
        block_bytes = min(max(cargo.chunk_bytes, least, 1), _MOST_BLOCK_BYTES)
        parts = urlsplit(session.target.url)
        blob = f"{parts.netloc}{parts.path}"
        if session.state.get(_BLOB) != blob:
            # Blocks of another blob are of no use to this one.
            begun = {_BLOB: blob, _BLOCK_BYTES: str(block_bytes), _BLOCKS: "0"}
            session = noted(session, **begun)
        self.session = session

    @property
    def _up(self) -> int:
        return int(self.session.state[_BLOCKS])

    @property
    def _block_bytes(self) -> int:
        return int(self.session.state[_BLOCK_BYTES])

    @property
    def offset(self) -> int:
        """See `UploadProtocol.offset`."""
        return min(self._cargo.size_bytes, self._up * self._block_bytes)

    def next_request(self) -> Request:
        """See `UploadProtocol.next_request`."""
        handed = self.session.target.headers
        left = self._cargo.size_bytes - self.offset
        if left:
            return Request(
                method="PUT",
                url=self._at(f"comp=block&blockid={quote(self._id(self._up), safe='')}"),
                headers=tuple(
                    pair
                    for pair in handed
                    if pair[0].lower() not in _NEVER
                    and not pair[0].lower().startswith(_OF_THE_BLOB)
                ),
                body_offset=self.offset,
                body_bytes=min(left, self._block_bytes),
            )
        headers = [pair for pair in handed if pair[0].lower() not in _NEVER]
        if all(name.lower() != "x-ms-blob-content-type" for name, _ in headers):
            headers.append(("x-ms-blob-content-type", self._content_type()))
        url = self._at("comp=blocklist")
        return Request(method="PUT", url=url, headers=tuple(headers), content=self._list())

    def received(self, answer: Response | Broken) -> Outcome:
        """See `UploadProtocol.received`."""
        if isinstance(answer, Broken):
            return Ambiguous(answer.reason)
        code = error_code(answer)
        commits = self.offset == self._cargo.size_bytes
        if answer.status == _CREATED and commits:
            return Complete(Evidence(status=answer.status, etag=answer.headers.get("etag")))
        if answer.status == _CREATED:
            self._count(self._up + 1)
            return Advanced(self.offset)
        if commits and code in _EXISTS:
            # Handed "If-None-Match: *", and the blob is there: our list whose answer was lost.
            # upload-complete tells if it were somebody else's.
            return Complete(Evidence(status=answer.status))
        if commits and code == "InvalidBlockList":
            return self._lost(answer)
        return refusal(answer)

    def _lost(self, answer: Response) -> Outcome:
        """Send all blocks again: uncommitted ones live a week, and a foreign commit drops them."""
        if self._up == 0:
            return Refused(sentence(answer))
        self._count(0)
        return Conflict(0)

    def _count(self, blocks: int) -> None:
        self.session = noted(self.session, **{_BLOCKS: str(blocks)})

    def _id(self, index: int) -> str:
        # 18 bytes for each: equal lengths are demanded, and a multiple of 3 needs no padding.
        prefix = (self._cargo.sha256 or "").ljust(12, "0")[:12]
        return base64.b64encode(f"{index:06d}{prefix}".encode()).decode()

    def _list(self) -> bytes:
        # "Latest" also finds blocks that an earlier list has committed: sending it twice is safe.
        ids = "".join(f"<Latest>{self._id(index)}</Latest>" for index in range(self._up))
        return f'<?xml version="1.0" encoding="utf-8"?><BlockList>{ids}</BlockList>'.encode()

    def _content_type(self) -> str:
        handed = {name.lower(): value for name, value in self.session.target.headers}
        return handed.get("content-type", self._cargo.content_type)

    def _at(self, operation: str) -> str:
        url = self.session.target.url
        return f"{url}{'&' if '?' in url else '?'}{operation}"
