"""Resumable uploads for HTTP (draft-ietf-httpbis-resumable-upload), interop versions 8 and 6.

Created with an empty body ("careful creation"): the interim answer that would name the upload
while bytes flow (104) is lost on most HTTP clients. One PATCH carries all that is left: a server
keeps what arrived of it and tells by HEAD, so only its own limits make us cut the medium.
"""

from device.core.http_answer import looks_like_html
from device.core.uploads import (
    Advanced,
    Ambiguous,
    Broken,
    Cargo,
    Complete,
    Conflict,
    Gone,
    NotTheStore,
    Outcome,
    Refused,
    Request,
    Response,
    Throttled,
)
from device.core.uploads.ietf_fields import completes, limits, repr_digest, stated_sha256
from device.core.uploads.location import LOCATION, headers_for, judged, noted, opened
from device.core.uploads.offset import followed, number, smaller_piece
from device.core.uploads.refusals import refusal, sentence
from device.model import Evidence, UploadSession

_INTEROP = "Upload-Draft-Interop-Version"
_NEWEST, _OLDER = "8", "6"
_INTEROP_KEY, _APPEND_BYTES = "interop", "append_bytes"
_MOST_APPENDS = 100_000
"""A store that takes less at a time would cost more in headers than in bytes."""
_CONFLICT, _PRECONDITION, _TOO_LARGE = 409, 412, 413


class Ietf:
    """Appends from where the store stands, and says which append is the last.

    Args:
        session: `state` holds the URL of the upload and the interop version that made it.
        cargo: Its digest is announced at creation; its chunk is what one PATCH carries where all
            of it is too much.
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

    @property
    def _interop(self) -> str:
        handed = {name.lower(): value for name, value in self.session.target.headers}
        known = self.session.state.get(_INTEROP_KEY, handed.get(_INTEROP.lower()))
        return _OLDER if known == _OLDER else _NEWEST

    def next_request(self) -> Request:
        """See `UploadProtocol.next_request`."""
        if self._url is None:
            return self._creation()
        target, version = self.session.target, (_INTEROP, self._interop)
        headers = (*headers_for(target, self._url, "content-type", _INTEROP.lower()), version)
        if self._in_doubt:
            return Request(method="HEAD", url=self._url, headers=headers)
        left = self._cargo.size_bytes - self._offset
        piece = min(left, int(self.session.state.get(_APPEND_BYTES, left)))
        return Request(
            method="PATCH",
            url=self._url,
            headers=(
                *headers,
                ("Content-Type", "application/partial-upload"),
                ("Upload-Offset", str(self._offset)),
                ("Upload-Complete", "?1" if piece == left else "?0"),
            ),
            body_offset=self._offset if piece else 0,
            body_bytes=piece,
        )

    def _creation(self) -> Request:
        target, cargo = self.session.target, self._cargo
        headers = list(headers_for(target, target.url, _INTEROP.lower()))
        if all(name.lower() != "content-type" for name, _ in headers):
            headers.append(("Content-Type", cargo.content_type))
        headers += [
            (_INTEROP, self._interop),
            ("Upload-Complete", "?0"),
            ("Upload-Length", str(cargo.size_bytes)),
        ]
        if cargo.sha256 is not None:
            headers.append(("Repr-Digest", repr_digest(cargo.sha256)))
        return Request(method=target.method, url=target.url, headers=tuple(headers))

    def received(self, answer: Response | Broken) -> Outcome:
        """See `UploadProtocol.received`."""
        request = self.next_request()
        self._in_doubt = self._in_doubt or self._url is not None
        if isinstance(answer, Broken):
            self._cut_bytes = max(self._cut_bytes, request.body_bytes)
            return Ambiguous(answer.reason)
        if self._url is None:
            return self._created(answer)
        if request.method == "HEAD" and answer.status < 300:  # noqa: PLR2004 - any success
            outcome = self._stands(answer)
        else:
            outcome = self._appended(answer, request.body_bytes)
        self.session, outcome = judged(self.session, outcome)
        return outcome

    def _created(self, answer: Response) -> Outcome:
        fine = answer.status < 300  # noqa: PLR2004 - any success
        session = opened(self.session, answer) if fine else None
        if session is not None:
            self.session = noted(session, **{_INTEROP_KEY: self._interop})
            return self._limited(answer) or Advanced(self._offset)
        if looks_like_html(answer.headers, answer.body):
            return refusal(answer)
        if (fine or answer.status == _PRECONDITION) and self._interop != _OLDER:
            # A server of the older draft takes a version it does not know for none at all: a
            # plain request (2xx without Location), or tus of no version (412).
            self.session = noted(self.session, **{_INTEROP_KEY: _OLDER})
            return Ambiguous(f"{sentence(answer)}: not interop version {_NEWEST}; {_OLDER} is next")
        if fine:
            return Refused(f"{sentence(answer)}: the store names no upload that can be used")
        return refusal(answer)

    def _stands(self, answer: Response) -> Outcome:
        held, length = number(answer, "upload-offset"), number(answer, "upload-length")
        if held is None:
            if looks_like_html(answer.headers, answer.body):
                return NotTheStore(f"{sentence(answer)}: a web page answered in place of the store")
            return Ambiguous(f"{sentence(answer)} without an Upload-Offset")
        if length not in {None, self._cargo.size_bytes}:
            return Gone(f"the upload is one of {length} bytes, not {self._cargo.size_bytes}")
        if completes(answer) and held == self._cargo.size_bytes:
            return self._done(answer)
        if completes(answer):
            return Gone(f"the upload was completed with {held} bytes")
        return self._limited(answer) or self._follow(held, 0)

    def _appended(self, answer: Response, sent: int) -> Outcome:
        held = number(answer, "upload-offset")
        whole = self._offset + sent == self._cargo.size_bytes
        if answer.status == _TOO_LARGE and sent:
            return self._too_large(answer, sent)
        if answer.status >= 300:  # noqa: PLR2004 - no success
            return self._refused(answer, held)
        if looks_like_html(answer.headers, answer.body):
            return refusal(answer)
        complete = completes(answer)
        if complete is None and held == self._cargo.size_bytes:
            complete = True  # the older draft's servers may say it by the offset alone
        if complete and whole:
            return self._done(answer)
        if held is None and (whole or complete is not False):
            return Ambiguous(f"{sentence(answer)}: not said whether the upload is complete")
        return self._follow(self._offset + sent if held is None else held, sent)

    def _done(self, answer: Response) -> Complete:
        self._offset = self._cargo.size_bytes
        etag, sha256 = answer.headers.get("etag"), stated_sha256(answer)
        return Complete(Evidence(status=answer.status, etag=etag, sha256=sha256))

    def _refused(self, answer: Response, held: int | None) -> Outcome:
        if completes(answer):
            # All of it arrived and what the store did with it failed: this upload is over.
            self.session = noted(self.session, **{LOCATION: None})
            outcome = refusal(answer)
            over = isinstance(outcome, Refused | Throttled)
            return outcome if over else Gone(sentence(answer))
        if answer.status == _CONFLICT and held is not None:
            followed_to = self._follow(held, 0)
            return Conflict(held) if isinstance(followed_to, Advanced) else followed_to
        if b"#completed-upload" in answer.body:
            return Ambiguous(f"{sentence(answer)}: the upload is complete")
        if b"#inconsistent-upload-length" in answer.body:
            return Gone(f"{sentence(answer)}: the upload is one of another length")
        return refusal(answer)

    def _too_large(self, answer: Response, sent: int) -> Outcome:
        stated = limits(answer)
        piece = stated.get("max-append-size") or smaller_piece(sent, self._cargo.chunk_bytes)
        if piece is None or piece >= sent:
            return Refused(sentence(answer))
        piece = max(piece, stated.get("min-append-size", 1))
        self.session = noted(self.session, **{_APPEND_BYTES: str(piece)})
        return Ambiguous(f"{sentence(answer)}: {piece} bytes at a time from here")

    def _follow(self, held: int, sent: int) -> Outcome:
        if held > self._cargo.size_bytes:
            return Gone(f"the upload holds {held} bytes of a medium of {self._cargo.size_bytes}")
        before, self._offset = self._offset, held
        self._in_doubt = False
        if held <= before and self._cut_bytes > self._cargo.chunk_bytes:
            # Nothing was kept of a long body: then only what ends in time is ever kept.
            piece = max(self._cargo.chunk_bytes, 1)
            self.session = noted(self.session, **{_APPEND_BYTES: str(piece)})
        self._cut_bytes = 0
        return followed(before, sent, held)

    def _limited(self, answer: Response) -> Refused | None:
        stated, size = limits(answer), self._cargo.size_bytes
        least, most = stated.get("min-size", 0), stated.get("max-size", size)
        if not least <= size <= most:
            return Refused(f"the store takes {least} to {most} bytes, and the medium has {size}")
        most = stated.get("max-append-size", 0)
        if 0 < most * _MOST_APPENDS < size:
            return Refused(f"the store takes {most} bytes at a time, and the medium has {size}")
        if most:
            self.session = noted(self.session, **{_APPEND_BYTES: str(most)})
        return None
