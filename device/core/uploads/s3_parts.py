"""S3 multipart by presigned URLs: parts, each an own PUT, then one list that makes the object.

The target's URL is the parts document of whoever signs (parts_document.py). It costs no byte of
the medium, so any doubt is followed by it: it renews the URLs and may tell of a part whose answer
was lost. Only the ETags are kept; presigned URLs die soon.

Parts do not wait for each other's answers (abreast.py). The document and the list do: nothing is
under way beside them, so what they say is of all that was sent.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from html import unescape
from xml.sax.saxutils import escape

from device.core.http_answer import looks_like_html
from device.core.uploads import (
    Advanced,
    Ambiguous,
    Broken,
    Cargo,
    Complete,
    Conflict,
    Expired,
    Gone,
    NotTheStore,
    Outcome,
    Refused,
    Request,
    Response,
    Throttled,
)
from device.core.uploads.location import noted
from device.core.uploads.parts_document import PartsDocument, parsed, parts_document_url
from device.core.uploads.refusals import error_code, holds_error, refusal, sentence
from device.model import Evidence, UploadSession

_MOST_PARTS = 10_000
_ETAGS, _AHEAD, _PART_BYTES = "etags", "ahead", "part_bytes"
_OK = 200
_LOST_PARTS = frozenset({"InvalidPart", "InvalidPartOrder"})
_LONGEST_ETAG = 200
_RESULT_ETAG = re.compile(rb"<ETag>([^<]{1,200})</ETag>")


class S3Parts:
    """Sends part after part, then the list of their ETags.

    Args:
        session: `state` holds the size of a part, the ETag of each part up to the first that is
            not up, and those of parts behind it by their numbers.
        cargo: Only its size matters: whoever signs chooses the size of a part.
        resumed: All the same: every way begins with the document.
    """

    def __init__(self, session: UploadSession, cargo: Cargo, *, resumed: bool) -> None:
        del resumed
        self.session = session
        self._size_bytes = cargo.size_bytes
        self._document: PartsDocument | None = None
        in_order = json.loads(session.state.get(_ETAGS, "[]"))
        ahead = json.loads(session.state.get(_AHEAD, "{}"))
        self._etags: dict[int, str] = {int(number): etag for number, etag in ahead.items()}
        self._etags |= enumerate(in_order, start=1)

    @property
    def _part_bytes(self) -> int:
        return int(self.session.state.get(_PART_BYTES, "1"))

    @property
    def _count(self) -> int:
        # An empty object is one empty part.
        return max(1, -(-self._size_bytes // self._part_bytes))

    @property
    def _whole(self) -> bool:
        return len(self._etags) >= self._count

    @property
    def offset(self) -> int:
        """See `UploadProtocol.offset`: parts behind a missing one count as well."""
        return sum(self._length(number) for number in self._etags)

    def next_request(self) -> Request:
        """See `UploadProtocol.next_request`."""
        request = self.next_beside(())
        assert request is not None, "only an answer to wait for would hold it back"  # noqa: S101
        return request

    def next_beside(self, under_way: Sequence[Request]) -> Request | None:
        """See `Abreast.next_beside`."""
        document = self._document
        coming = {self._number(request) for request in under_way}
        number = self._missing(coming)
        if document is not None and number in document.urls and number <= self._count:
            return self._part(number, document.urls[number])
        if under_way:
            return None
        if document is not None and self._whole:
            return Request(method="POST", url=document.complete_url, content=self._list())
        target = self.session.target
        url = parts_document_url(target.url, number)
        return Request(method="GET", url=url, headers=target.headers)

    def received(self, answer: Response | Broken) -> Outcome:
        """See `UploadProtocol.received`."""
        return self.answered(self.next_request(), answer)

    def answered(self, request: Request, answer: Response | Broken) -> Outcome:
        """See `Abreast.answered`."""
        document, self._document = self._document, None
        if isinstance(answer, Broken):
            return Ambiguous(answer.reason)
        if request.method == "GET":
            return self._told(answer)
        if request.method == "POST":
            return self._completed(answer)
        etag = answer.headers.get("etag", "")
        if answer.status != _OK or not 0 < len(etag) <= _LONGEST_ETAG or holds_error(answer):
            return _again(refusal(answer)) if answer.status != _OK else _odd(answer)
        self._document = document
        self._keep({**self._etags, self._number(request): etag})
        return Advanced(self.offset)

    def _missing(self, coming: Collection[int] = ()) -> int:
        """Find the first part that is neither up nor coming; one too many if there is none."""
        numbers = range(1, self._count + 2)
        return next(n for n in numbers if n not in self._etags and n not in coming)

    def _number(self, request: Request) -> int:
        return request.body_offset // self._part_bytes + 1

    def _part(self, number: int, url: str) -> Request:
        length = self._length(number)
        first = (number - 1) * self._part_bytes if length else 0
        return Request(method="PUT", url=url, body_offset=first, body_bytes=length)

    def _told(self, answer: Response) -> Outcome:
        if answer.status != _OK:
            outcome = refusal(answer)
            if isinstance(outcome, Gone) and self._whole:
                return self._presumed(answer)
            return outcome
        if looks_like_html(answer.headers, answer.body):
            return NotTheStore(f"{sentence(answer)}: a web page answered in place of the store")
        document = parsed(answer.body)
        if document is None:
            return Ambiguous("HTTP 200 with a parts document that cannot be read")
        if self.session.target.url.startswith("https:") and not document.by_tls:
            return NotTheStore("the parts document leaves TLS: not every URL in it is https")
        return self._follow(document)

    def _follow(self, document: PartsDocument) -> Outcome:
        before, asked = self.offset, self._missing()
        etags = dict(self._etags) if document.part_bytes == self._part_bytes else {}
        self.session = noted(self.session, **{_PART_BYTES: str(document.part_bytes)})
        if self._count > _MOST_PARTS:
            return Refused(f"parts of {document.part_bytes} bytes are too small: {self._count}")
        for number, (etag, size_bytes) in document.held.items():
            if number <= self._count and size_bytes == self._length(number):
                etags[number] = etag
        self._keep(etags)
        wanted = self._missing()
        if wanted == asked <= self._count and wanted not in document.urls:
            return Ambiguous(f"the parts document has no URL of part {wanted}")
        self._document = document
        return Advanced(self.offset) if self.offset >= before else Conflict(self.offset)

    def _length(self, number: int) -> int:
        return min(self._part_bytes, self._size_bytes - (number - 1) * self._part_bytes)

    def _completed(self, answer: Response) -> Outcome:
        code = error_code(answer)
        if code == "NoSuchUpload":
            return self._presumed(answer)
        if code in _LOST_PARTS:
            return Gone(f"{sentence(answer)}: the store does not hold the parts it took")
        if answer.status != _OK:
            return _again(refusal(answer))
        if b"<CompleteMultipartUploadResult" not in answer.body:
            return _odd(answer)
        found = _RESULT_ETAG.search(answer.body)
        etag = unescape(found[1].decode("utf-8", "replace")) if found else None
        return Complete(Evidence(status=answer.status, etag=etag))

    def _presumed(self, answer: Response) -> Outcome:
        """Take an upload that is no more, with every part in, for completed by us.

        A completion whose answer was lost leaves exactly this, also over a restart: the last ETag
        is saved before the list goes out. Were it wrong, upload-complete would miss the medium;
        sending all of it again would cost far more to find out.
        """
        return Complete(Evidence(status=answer.status))

    def _keep(self, etags: Mapping[int, str]) -> None:
        self._etags = dict(sorted(etags.items()))
        first = self._missing()
        in_order = [etag for number, etag in self._etags.items() if number < first]
        ahead = {str(number): etag for number, etag in self._etags.items() if number > first}
        self.session = noted(
            self.session,
            **{_ETAGS: _compact(in_order), _AHEAD: _compact(ahead) if ahead else None},
        )

    def _list(self) -> bytes:
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag></Part>"
            for number, etag in sorted(self._etags.items())
        )
        space = "http://s3.amazonaws.com/doc/2006-03-01/"
        body = f'<CompleteMultipartUpload xmlns="{space}">{parts}</CompleteMultipartUpload>'
        return body.encode()


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _again(outcome: Outcome) -> Outcome:
    # A signed URL lives minutes; the document behind it is asked before the whole target is.
    return Ambiguous(outcome.reason) if isinstance(outcome, Expired) else outcome


def _odd(answer: Response) -> Outcome:
    if looks_like_html(answer.headers, answer.body):
        return NotTheStore(f"{sentence(answer)}: a web page answered in place of the store")
    if holds_error(answer):
        return Throttled(None, f"{sentence(answer)}: the store failed after saying OK")
    return Ambiguous(f"{sentence(answer)} without what the store says on success")
