"""Every error of the gateway, on one page, with its HTTP status and stable code.

GatewayError
├── InvalidRequest         400  the request cannot be understood
├── InvalidContentRange    400  a Content-Range that does not fit the medium
├── LengthMismatch         400  an upload length that does not fit the medium
├── UploadComplete         400  bytes for an upload that is complete
├── Unauthorized           401  no credential, an unknown or a revoked one
├── Forbidden              403  a good credential that may not do this
├── CodeRefused            403  a one-time code that is wrong, used or too old
├── UrlExpired             403  a signed URL past its time
├── UrlForged              403  a signed URL that this gateway did not sign
├── NotFound               404  no such thing, or not the caller's
├── MethodNotAllowed       405
├── TooSlow                408  the body stopped coming
├── Conflict               409
│   ├── DeviceAlreadyBound      bound to another user
│   ├── MediaPending            upload-complete before the media are whole
│   ├── NoMediaUploaded         upload-complete without any medium
│   ├── DigestConflict          upload-complete names another digest than the store counted
│   ├── AlreadyUploaded         the recording is complete and takes no more
│   ├── RecordingDeleted        an Idempotency-Key of a recording that was deleted
│   ├── CommandOver             something else came of the command already
│   ├── OffsetMismatch          bytes for another offset than what is held
│   └── Superseded              a newer request took over this upload session
├── UploadGone             410  a multipart upload that is completed or was given up
├── VersionRefused         412  another version of tus
├── BodyTooLarge           413
├── MediumTooLarge         413
├── MediaTypeRefused       415  bytes that do not come as what a protocol demands
├── DigestRefused          422  the last byte is in and the declared digest is another
├── IdempotencyMismatch    422  a known Idempotency-Key with another request
├── QuotaReached           429  what a device or key may do in a day is used up
├── RateLimited            429  more requests within a minute than the caller may make
├── TooManySessions        429  too many unfinished media of one device
├── TooManyCommands        429  too many commands wait for one device
├── TooManyGuesses         429  too many wrong one-time codes or keys
├── InternalError          500
│   └── DatabaseDamaged         the database file cannot be read
├── Unavailable            503
│   ├── Draining                this process is about to stop
│   ├── StorageFull             no room for more bytes
│   ├── StorageFailed           the disk reported an error; the medium starts again
│   ├── SessionBusy             the previous writer has not let go yet
│   └── Verifying               the medium is there and is being read to count its digest
├── StorageQuotaReached    507  all that may be kept for a device or key is
├── UsageInvalid            -    command line
├── ConfigInvalid           -    configuration
└── DatabaseOutdated        -    the database is of another version

The device decides by `code`, never by text. `exit_code` is for the command line (conventions §3).
A problem that is `registered` has its address there as `type` (IETF's resumable uploads).
"""

from gateway.outages import (
    DatabaseDamaged,
    Draining,
    InternalError,
    SessionBusy,
    StorageFailed,
    StorageFull,
    StorageQuotaReached,
    Unavailable,
    Verifying,
)
from gateway.problem import (
    GatewayError,
)
from gateway.refusals import (
    AlreadyUploaded,
    BodyTooLarge,
    CodeRefused,
    CommandOver,
    Conflict,
    DeviceAlreadyBound,
    DigestConflict,
    DigestRefused,
    Forbidden,
    IdempotencyMismatch,
    InvalidContentRange,
    InvalidRequest,
    LengthMismatch,
    MediaPending,
    MediaTypeRefused,
    MediumTooLarge,
    MethodNotAllowed,
    NoMediaUploaded,
    NotFound,
    OffsetMismatch,
    QuotaReached,
    RateLimited,
    RecordingDeleted,
    Superseded,
    TooManyCommands,
    TooManyGuesses,
    TooManySessions,
    TooSlow,
    Unauthorized,
    UploadComplete,
    UploadGone,
    UrlExpired,
    UrlForged,
    VersionRefused,
)
from gateway.start_errors import (
    ConfigInvalid,
    DatabaseOutdated,
    UsageInvalid,
)

__all__ = [
    "AlreadyUploaded",
    "BodyTooLarge",
    "CodeRefused",
    "CommandOver",
    "ConfigInvalid",
    "Conflict",
    "DatabaseDamaged",
    "DatabaseOutdated",
    "DeviceAlreadyBound",
    "DigestConflict",
    "DigestRefused",
    "Draining",
    "Forbidden",
    "GatewayError",
    "IdempotencyMismatch",
    "InternalError",
    "InvalidContentRange",
    "InvalidRequest",
    "LengthMismatch",
    "MediaPending",
    "MediaTypeRefused",
    "MediumTooLarge",
    "MethodNotAllowed",
    "NoMediaUploaded",
    "NotFound",
    "OffsetMismatch",
    "QuotaReached",
    "RateLimited",
    "RecordingDeleted",
    "SessionBusy",
    "StorageFailed",
    "StorageFull",
    "StorageQuotaReached",
    "Superseded",
    "TooManyCommands",
    "TooManyGuesses",
    "TooManySessions",
    "TooSlow",
    "Unauthorized",
    "Unavailable",
    "UploadComplete",
    "UploadGone",
    "UrlExpired",
    "UrlForged",
    "UsageInvalid",
    "Verifying",
    "VersionRefused",
]
