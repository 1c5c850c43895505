"""One PUT of the whole medium: what a plain presigned URL allows. Nobody can resume it."""

from device.core.http_answer import looks_like_html, stated_md5
from device.core.uploads import (
    Ambiguous,
    Broken,
    Cargo,
    Complete,
    NotTheStore,
    Outcome,
    Request,
    Response,
    Throttled,
)
from device.core.uploads.refusals import holds_error, refusal, sentence, there_already
from device.model import Evidence, UploadSession

_WORTH_ASKING_BYTES = 65_536
"""Above this, `Expect: 100-continue` saves more on a dead URL than its round trip costs."""
_FRESH_WORTH_ASKING_BYTES = 262_144
"""The same of a URL that was handed out just now, and is seldom dead."""

_DONE = frozenset({200, 201, 204})


class SinglePut:
    """All bytes or none: the store shows nothing until the last byte is in.

    After `Ambiguous` the object may or may not exist; repeating the PUT is safe for content and
    dear in bytes, so the caller asks the API first where it can. Where the URL was signed for one
    PUT only, the store tells: an object that is there already can but be what we sent.
    """

    def __init__(self, session: UploadSession, cargo: Cargo, *, resumed: bool) -> None:
        self.session = session
        self._resumed = resumed
        self._size_bytes = cargo.size_bytes
        self._offset = 0

    @property
    def offset(self) -> int:
        """See `UploadProtocol.offset`: 0, then the size."""
        return self._offset

    def next_request(self) -> Request:
        """See `UploadProtocol.next_request`."""
        target = self.session.target
        return Request(
            method=target.method,
            url=target.url,
            headers=target.headers,
            body_bytes=self._size_bytes,
            expect_continue=self._size_bytes
            > (_WORTH_ASKING_BYTES if self._resumed else _FRESH_WORTH_ASKING_BYTES),
        )

    def received(self, answer: Response | Broken) -> Outcome:
        """See `UploadProtocol.received`."""
        if isinstance(answer, Broken):
            return Ambiguous(answer.reason)
        if self._resumed and there_already(answer, self.session.target):
            self._offset = self._size_bytes
            return Complete(Evidence(status=answer.status))
        if answer.status not in _DONE:
            return refusal(answer)
        if looks_like_html(answer.headers, answer.body):
            return NotTheStore(f"{sentence(answer)}: a web page answered in place of the store")
        if holds_error(answer):
            return Throttled(None, f"{sentence(answer)}: the store failed after saying OK")
        self._offset = self._size_bytes
        etag, md5 = answer.headers.get("etag"), stated_md5(answer.headers)
        return Complete(Evidence(status=answer.status, etag=etag, md5=md5))
