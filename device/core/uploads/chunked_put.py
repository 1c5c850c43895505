"""PUT with Content-Range, answered 308 and Range: Google Cloud Storage sessions and our gateway.

A Google URL that was signed for `x-goog-resumable` starts a session first: an empty POST, whose
Location is the session and is kept.

The store's offset is the truth. Whenever it is in doubt the next request is the status query
(`Content-Range: bytes */total`, no body): it costs no bytes and also tells of a lost final answer.
"""

import json
import re
from urllib.parse import parse_qs, urlsplit

from device.core.http_answer import looks_like_html, stated_md5
from device.core.uploads import (
    Advanced,
    Ambiguous,
    Broken,
    Cargo,
    Complete,
    Gone,
    NotTheStore,
    Outcome,
    Request,
    Response,
    Throttled,
)
from device.core.uploads.location import LOCATION, headers_for, judged, opened
from device.core.uploads.offset import followed
from device.core.uploads.refusals import holds_error, refusal, sentence, there_already
from device.model import Evidence, Target, UploadSession

QUANTUM_BYTES = 262_144
"""Every chunk but the last is a multiple of this; Google Cloud Storage demands it."""

_RESUMABLE = "x-goog-resumable"
_RANGE = re.compile(r"bytes=0-([0-9]{1,18})")
_DONE = frozenset({200, 201})
_INCOMPLETE = 308


def starts_session(target: Target) -> bool:
    """Tell a target whose session is yet to be started, by what was signed or handed out."""
    query = parse_qs(urlsplit(target.url).query.lower())
    signed = query.get("x-goog-signedheaders", [""])[-1].split(";")
    return _RESUMABLE in signed or any(name.lower() == _RESUMABLE for name, _ in target.headers)


class ChunkedPut:
    """Sends chunk after chunk from where the store stands.

    Args:
        session: Its target's URL is the session, or starts one that `state` then holds; saved
            before the first request, and before the first byte.
        cargo: Its wanted size of a chunk is rounded down to the quantum (at least one).
        resumed: Begin with the status query: what a session from before a restart must do.
    """

    def __init__(self, session: UploadSession, cargo: Cargo, *, resumed: bool) -> None:
        self.session = session
        self._size_bytes = cargo.size_bytes
        self._chunk_bytes = max(1, cargo.chunk_bytes // QUANTUM_BYTES) * QUANTUM_BYTES
        self._offset = 0
        self._in_doubt = resumed
        self._starts = starts_session(session.target)

    @property
    def _url(self) -> str | None:
        return self.session.state.get(LOCATION) if self._starts else self.session.target.url

    @property
    def offset(self) -> int:
        """See `UploadProtocol.offset`."""
        return self._offset

    @property
    def _asks(self) -> bool:
        # An empty medium has no byte to send, and a full one may only lack its final answer.
        return self._in_doubt or self._offset == self._size_bytes

    def next_request(self) -> Request:
        """See `UploadProtocol.next_request`."""
        target, url = self.session.target, self._url
        if url is None:
            headers = headers_for(target, target.url, _RESUMABLE)
            start = (*headers, (_RESUMABLE, "start"))
            return Request(method="POST", url=target.url, headers=start)
        first, total = self._offset, self._size_bytes
        if self._asks:
            span, body_bytes = f"bytes */{total}", 0
        else:
            body_bytes = min(self._chunk_bytes, total - first)
            span = f"bytes {first}-{first + body_bytes - 1}/{total}"
        # What was signed for the start means nothing to the session, which is its own secret.
        headers = () if self._starts else target.headers
        return Request(
            method="PUT",
            url=url,
            headers=(*headers, ("Content-Range", span)),
            body_offset=first if body_bytes else 0,
            body_bytes=body_bytes,
        )

    def received(self, answer: Response | Broken) -> Outcome:
        """See `UploadProtocol.received`."""
        if self._url is None:
            return self._started(answer)
        outcome = self._answered(answer)
        if self._starts:
            self.session, outcome = judged(self.session, outcome)
        return outcome

    def _started(self, answer: Response | Broken) -> Outcome:
        if isinstance(answer, Broken):
            return Ambiguous(answer.reason)
        if self._in_doubt and there_already(answer, self.session.target):
            # An earlier session of ours ended, and nobody heard of it.
            self._offset = self._size_bytes
            return Complete(Evidence(status=answer.status))
        if answer.status not in _DONE:
            return refusal(answer)
        session = opened(self.session, answer)
        if session is None:
            return NotTheStore(f"{sentence(answer)}: no Location where a session starts")
        self.session = session
        return Advanced(self._offset)

    def _answered(self, answer: Response | Broken) -> Outcome:
        sent = self.next_request().body_bytes
        asked = self._asks
        self._in_doubt = True
        if isinstance(answer, Broken):
            return Ambiguous(answer.reason)
        if answer.status == _INCOMPLETE:
            return self._incomplete(answer, sent)
        if answer.status not in _DONE:
            return refusal(answer)
        return self._done(answer, whole=asked or self._offset + sent == self._size_bytes)

    def _incomplete(self, answer: Response, sent: int) -> Outcome:
        stated = answer.headers.get("range")
        if stated is None:
            if "location" in answer.headers:
                return NotTheStore("HTTP 308: uploads never follow redirects or proxies")
            held = 0
        elif found := _RANGE.fullmatch(stated.strip()):
            held = int(found[1]) + 1
        else:
            return Ambiguous("HTTP 308 with a Range that is not bytes=0-N")
        before = self._offset
        if held > self._size_bytes:
            return Gone(f"the session holds {held} bytes of a medium of {self._size_bytes}")
        self._offset = held
        if held == before == self._size_bytes:
            return Ambiguous("the store holds every byte and does not say that it is complete")
        self._in_doubt = False
        return followed(before, sent, held)

    def _done(self, answer: Response, *, whole: bool) -> Outcome:
        if looks_like_html(answer.headers, answer.body):
            return NotTheStore(f"{sentence(answer)}: a web page answered in place of the store")
        if holds_error(answer):
            return Throttled(None, f"{sentence(answer)}: the store failed after saying OK")
        if not whole:
            # A store that ignores Content-Range has just taken a slice for the whole: ask.
            return Ambiguous(f"HTTP {answer.status} before the last byte was sent")
        size_bytes, sha256 = _stored_object(answer.body)
        if size_bytes not in {None, self._size_bytes}:
            return Gone(f"the store says complete with {size_bytes} of {self._size_bytes} bytes")
        self._offset = self._size_bytes
        etag, md5 = answer.headers.get("etag"), stated_md5(answer.headers)
        return Complete(Evidence(status=answer.status, etag=etag, sha256=sha256, md5=md5))


def _stored_object(body: bytes) -> tuple[int | None, str | None]:
    """Read size and digest where the store names them: our gateway's words, then Google's."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(document, dict):
        return None, None
    size = document.get("file_size_bytes", document.get("size"))
    if isinstance(size, str) and re.fullmatch(r"[0-9]{1,18}", size):
        size = int(size)
    sha256 = document.get("content_sha256")
    known_size = size if isinstance(size, int) and not isinstance(size, bool) else None
    return known_size, sha256.lower() if isinstance(sha256, str) else None
