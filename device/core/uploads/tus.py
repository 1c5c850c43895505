"""tus 1.0: create an upload, ask for its offset by HEAD, append by PATCH.

One PATCH carries all that is left. A server keeps what arrived of a PATCH that was cut, and HEAD
says how much, so smaller pieces would save no byte and cost a round trip each; only something
that limits bodies (413), or a server that kept nothing (SeaweedFS), makes us cut the medium.
"""

from device.core.http_answer import looks_like_html
from device.core.uploads import (
    Advanced,
    Ambiguous,
    Broken,
    Cargo,
    Complete,
    Gone,
    NotTheStore,
    Outcome,
    Refused,
    Request,
    Response,
)
from device.core.uploads.location import LOCATION, headers_for, judged, noted, opened
from device.core.uploads.offset import followed, number, smaller_piece
from device.core.uploads.refusals import refusal, sentence
from device.model import Evidence, UploadSession

_VERSION = ("Tus-Resumable", "1.0.0")
_APPEND_BYTES = "append_bytes"
_CREATED, _TOO_LARGE = 201, 413
_DONE = frozenset({200, 204})


class Tus:
    """Appends from where the store stands.

    The upload is created with an empty body, so that its URL is saved before any byte leaves. A
    creation whose answer is lost is repeated; what it left expires on the server.

    Args:
        session: `state` holds the URL of the upload, once it has been created.
        cargo: Its chunk is what one PATCH carries where all of it is too much.
        resumed: Begin with HEAD: what a session from before a restart must do.
    """

    def __init__(self, session: UploadSession, cargo: Cargo, *, resumed: bool) -> None:
        self.session = session
        self._cargo = cargo
        self._offset = 0
        self._in_doubt = resumed
        self._cut_bytes = 0

    @property
    def offset(self) -> int:
        """See `UploadProtocol.offset`."""
        return self._offset

    @property
    def _url(self) -> str | None:
        return self.session.state.get(LOCATION)

    def next_request(self) -> Request:
        """See `UploadProtocol.next_request`."""
        target = self.session.target
        # Of the handed headers only the medium's type is ours to say anew (creation, PATCH).
        url = self._url or target.url
        headers = (*headers_for(target, url, "content-type"), _VERSION)
        if self._url is None:
            length = ("Upload-Length", str(self._cargo.size_bytes))
            return Request(method="POST", url=url, headers=(*headers, length))
        if self._in_doubt:
            return Request(method="HEAD", url=url, headers=headers)
        left = self._cargo.size_bytes - self._offset
        limit = int(self.session.state.get(_APPEND_BYTES, left))
        return Request(
            method="PATCH",
            url=url,
            headers=(
                *headers,
                ("Content-Type", "application/offset+octet-stream"),
                ("Upload-Offset", str(self._offset)),
            ),
            body_offset=self._offset,
            body_bytes=min(left, limit),
        )

    def received(self, answer: Response | Broken) -> Outcome:
        """See `UploadProtocol.received`."""
        request = self.next_request()
        if self._url is None:
            return self._created(answer)
        self._in_doubt = True
        if isinstance(answer, Broken):
            self._cut_bytes = max(self._cut_bytes, request.body_bytes)
            return Ambiguous(answer.reason)
        if answer.status == _TOO_LARGE and request.body_bytes:
            return self._too_large(answer, request.body_bytes)
        outcome = self._stands(answer, request) if answer.status in _DONE else refusal(answer)
        self.session, outcome = judged(self.session, outcome)
        return outcome

    def _created(self, answer: Response | Broken) -> Outcome:
        if isinstance(answer, Broken):
            return Ambiguous(answer.reason)
        if answer.status != _CREATED:
            return refusal(answer)
        session = opened(self.session, answer)
        if session is None:
            return Refused(f"{sentence(answer)}: the store names no upload that can be used")
        self.session = session
        return Advanced(self._offset)

    def _stands(self, answer: Response, request: Request) -> Outcome:
        held, length = number(answer, "upload-offset"), number(answer, "upload-length")
        if held is None:
            if looks_like_html(answer.headers, answer.body):
                return NotTheStore(f"{sentence(answer)}: a web page answered in place of the store")
            return Ambiguous(f"{sentence(answer)} without an Upload-Offset")
        size = self._cargo.size_bytes
        if held > size or length not in {None, size}:
            return Gone(f"the upload holds {held} of {length} bytes, for a medium of {size}")
        before, self._offset = self._offset, held
        self._in_doubt = False
        if held <= before and self._cut_bytes > self._cargo.chunk_bytes:
            # Nothing was kept of a long body: then only what ends in time is ever kept.
            piece = max(self._cargo.chunk_bytes, 1)
            self.session = noted(self.session, **{_APPEND_BYTES: str(piece)})
        self._cut_bytes = 0
        # SeaweedFS makes an object of an empty upload only by an (empty) PATCH.
        if held == size and (size or request.method == "PATCH"):
            return Complete(Evidence(status=answer.status))
        return followed(before, request.body_bytes, held)

    def _too_large(self, answer: Response, sent: int) -> Outcome:
        piece = smaller_piece(sent, self._cargo.chunk_bytes)
        if piece is None:
            return Refused(sentence(answer))
        self.session = noted(self.session, **{_APPEND_BYTES: str(piece)})
        return Ambiguous(f"{sentence(answer)}: {piece} bytes at a time from here")
