"""The UploadProtocol seam: how the bytes of one medium go up, without I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from device.model import Evidence, UploadSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Cargo:
    """What goes up: a sealed medium as a protocol sees it.

    `chunk_bytes` is the wanted size of one piece where a protocol cuts the medium; digests are
    lowercase hex, None where a test has none.
    """

    size_bytes: int
    chunk_bytes: int
    sha256: str | None = None
    md5: str | None = None
    content_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request to the object store.

    Its body is `body_bytes` of the medium from `body_offset`; or `content`, a short document of
    the protocol's own, and then no byte of the medium.

    Headers go out exactly so; the transport adds only Host and Content-Length.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body_offset: int = 0
    body_bytes: int = 0
    content: bytes = b""
    expect_continue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came back. Header names are lower case; `body` holds at most the first 64 KiB."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Broken:
    """No response: cut, stalled or refused. Nobody knows what arrived."""

    reason: str


@dataclass(frozen=True, slots=True)
class Advanced:
    """The store holds this many bytes now."""

    offset: int


@dataclass(frozen=True, slots=True)
class Complete:
    """The store holds all of it."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Conflict:
    """The store's offset is another than ours; ours follows."""

    offset: int


@dataclass(frozen=True, slots=True)
class Gone:
    """The upload session is no more; a new target starts from byte 0."""

    reason: str


@dataclass(frozen=True, slots=True)
class Expired:
    """The URL is no longer good; a new one is asked for.

    `signature_wrong`: the store says so of the signature itself, not of its age. A second one in
    a row means that what we send is not what was signed, and no further URL will help.
    `store_time`: the store's time at its answer, where it gave the time as its reason.
    """

    reason: str
    signature_wrong: bool = False
    store_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A permanent no, with the store's own words."""

    reason: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """The store asks to wait, or is unwell; `retry_after_s` is its own figure if it gave one."""

    retry_after_s: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Ask before sending bytes again: the next request does, or the caller asks the API."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotTheStore:
    """Something else answered: a captive portal, a proxy's page, a redirect. Nothing arrived."""

    reason: str


Outcome = (
    Advanced | Complete | Conflict | Gone | Expired | Refused | Throttled | Ambiguous | NotTheStore
)


class UploadProtocol(Protocol):
    """One medium's way up; goes on after every outcome but Complete, Gone, Expired, Refused.

    Made by `(session, cargo, *, resumed)`: a session that `resumed` may hold bytes already, so
    the store is asked first where it can tell. After `Gone` all begins anew on a fresh target;
    after `Expired` on a fresh target with the same `session.state`.
    """

    session: UploadSession
    """What to persist; saved before the first request, and before the next one when it changed.

    Keys of `state` are the protocol's own, but for RESERVED ones; unknown keys are kept.
    """

    @property
    def offset(self) -> int:
        """Bytes the store is known to hold."""
        ...

    def next_request(self) -> Request:
        """Say what to send next. Repeatable: no state changes until `received`."""
        ...

    def received(self, answer: Response | Broken) -> Outcome:
        """Take the answer to the last request; say what it means."""
        ...


RESERVED = frozenset({"offset", "unsettled", "arrived"})
"""Keys of `UploadSession.state` that belong to whoever drives a protocol."""

BUILTIN = {
    "single_put": "device.core.uploads.single_put:SinglePut",
    "chunked_put": "device.core.uploads.chunked_put:ChunkedPut",
    "s3_parts": "device.core.uploads.s3_parts:S3Parts",
    "ietf": "device.core.uploads.ietf:Ietf",
    "tus": "device.core.uploads.tus:Tus",
    "azure_blocks": "device.core.uploads.azure_blocks:AzureBlocks",
}
"""Protocol name → `(UploadSession, Cargo, *, resumed) -> UploadProtocol`."""
