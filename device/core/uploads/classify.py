"""Which upload protocol a target speaks: a pure table, never a probe with bytes."""

from urllib.parse import parse_qs, urlsplit

from device.core.uploads import UploadProtocol
from device.core.uploads.chunked_put import ChunkedPut
from device.core.uploads.single_put import SinglePut
from device.model import Target, UploadSession

SINGLE_PUT = "single_put"
CHUNKED_PUT = "chunked_put"
_KNOWN = frozenset({SINGLE_PUT, CHUNKED_PUT})
_GCS = "storage.googleapis.com"


def classify(target: Target) -> str:
    """Name the protocol: the API's hint wins, then a known session URL, else one plain PUT.

    A store that was not named as resumable never sees a Content-Range: some take the slice for
    the whole object and answer 200.
    """
    if target.protocol in _KNOWN:
        return str(target.protocol)
    parts = urlsplit(target.url)
    host = (parts.hostname or "").lower()
    if (host == _GCS or host.endswith(f".{_GCS}")) and "upload_id" in parse_qs(parts.query):
        return CHUNKED_PUT
    return SINGLE_PUT


def begin(target: Target, *, size_bytes: int, chunk_bytes: int) -> UploadProtocol:
    """Open a target that the cloud has just handed out for a medium that nobody began."""
    session = UploadSession(target=target, protocol=classify(target))
    if session.protocol == CHUNKED_PUT:
        return ChunkedPut(session, size_bytes=size_bytes, chunk_bytes=chunk_bytes, asking=False)
    return SinglePut(session, size_bytes=size_bytes)


def resume(session: UploadSession, *, size_bytes: int, chunk_bytes: int) -> UploadProtocol:
    """Go on with a session from before: the store's offset first, where it has one.

    A plain URL is used again too, until the store refuses it: a fresh one would leave an orphan
    in the cloud's list of media, and URLs are the scarcest thing a fleet shares.
    """
    if session.protocol == CHUNKED_PUT:
        return ChunkedPut(session, size_bytes=size_bytes, chunk_bytes=chunk_bytes, asking=True)
    return SinglePut(session, size_bytes=size_bytes)
