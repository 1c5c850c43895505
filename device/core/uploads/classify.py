"""Which upload protocol a target speaks: a pure table, then at most one OPTIONS, never bytes."""

from urllib.parse import parse_qs, urlsplit

from device import registry
from device.core.carry import Links
from device.core.http_answer import looks_like_html
from device.core.uploads import BUILTIN, Broken, Cargo, Request, Response, UploadProtocol
from device.core.uploads.chunked_put import starts_session
from device.model import Target, UploadSession

SINGLE_PUT = "single_put"
CHUNKED_PUT = "chunked_put"
IETF = "ietf"
TUS = "tus"
AZURE_BLOCKS = "azure_blocks"
S3_PARTS = "s3_parts"
_GCS = "storage.googleapis.com"
_DAY_S = 86_400.0
_UNWELL, _NOT_IMPLEMENTED = 500, 501
_PARTIAL_UPLOAD = "application/partial-upload"
_PLAIN_SIGNATURES = (
    {"x-amz-signature"},
    {"x-goog-signature"},
    {"signature", "awsaccesskeyid"},
    {"signature", "googleaccessid"},
)


def classify(target: Target) -> str | None:
    """Name the protocol: the API's hint wins, then what URL and headers say; None: ask the store.

    A store that was not named as resumable never sees a Content-Range: some take the slice for
    the whole object and answer 200.
    """
    if target.protocol in BUILTIN:
        return target.protocol
    parts = urlsplit(target.url)
    query = {name.lower(): values[-1] for name, values in parse_qs(parts.query).items()}
    host = (parts.hostname or "").lower()
    if (host == _GCS or host.endswith(f".{_GCS}")) and "upload_id" in query:
        return CHUNKED_PUT
    if starts_session(target):
        return CHUNKED_PUT
    if {"sv", "sig", "sr"} <= query.keys() and query["sr"] == "b" and _writes(query.get("sp")):
        return AZURE_BLOCKS
    if any(marks <= query.keys() for marks in _PLAIN_SIGNATURES):
        return SINGLE_PUT
    return None


def _writes(permissions: str | None) -> bool:
    # A stored access policy holds the permissions in place of the URL.
    return permissions is None or bool({"c", "w"} & set(permissions))


def question(target: Target) -> Request:
    """Ask a store that nobody knows what it speaks. Costs no byte of the medium."""
    return Request(method="OPTIONS", url=target.url, headers=target.headers)


def answered(answer: Response | Broken) -> str | None:
    """Name the protocol that an answer to `question` announces; None if the store gave none.

    A store that is unwell, or a portal in its place, must not be remembered for a day.
    """
    if isinstance(answer, Broken) or looks_like_html(answer.headers, answer.body):
        return None
    if answer.status >= _UNWELL and answer.status != _NOT_IMPLEMENTED:
        return None
    if "tus-version" in answer.headers:
        return TUS
    # draft-ietf-httpbis-resumable-upload, "Limits": a server that resumes says so on OPTIONS. Newer
    # texts demand Accept-Patch with the full media type, older ones Upload-Limit.
    patches = _PARTIAL_UPLOAD in answer.headers.get("accept-patch", "").lower()
    return IETF if patches or "upload-limit" in answer.headers else SINGLE_PUT


class Stores:
    """What stores have said they speak, each asked once a day, and how the links to them fare."""

    def __init__(self) -> None:
        self.links = Links()
        self._told: dict[str, tuple[str, float]] = {}

    def spoken(self, origin: str, now_s: float) -> str | None:
        """Name what the store of an origin said less than a day ago; times are monotonic."""
        protocol, told_s = self._told.get(origin, (None, 0.0))
        return protocol if protocol is not None and now_s - told_s < _DAY_S else None

    def learn(self, origin: str, protocol: str, now_s: float) -> None:
        """Remember what it said."""
        self._told[origin] = (protocol, now_s)


def begin(target: Target, cargo: Cargo, protocol: str) -> UploadProtocol:
    """Open a target that the cloud has just handed out for a medium that nobody began."""
    return _made(UploadSession(target=target, protocol=protocol), cargo, resumed=False)


def resume(session: UploadSession, cargo: Cargo) -> UploadProtocol:
    """Go on with a session from before: the store's offset first, where it has one.

    A plain URL is used again too, until the store refuses it: a fresh one would leave an orphan
    in the cloud's list of media, and URLs are the scarcest thing a fleet shares.
    """
    return _made(session, cargo, resumed=True)


def _made(session: UploadSession, cargo: Cargo, *, resumed: bool) -> UploadProtocol:
    make = registry.resolve("uploads", BUILTIN, session.protocol)
    protocol: UploadProtocol = make(session, cargo, resumed=resumed)
    return protocol
