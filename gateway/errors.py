"""Every error of the gateway, on one page, with its HTTP status and stable code.

GatewayError
├── InvalidRequest         400  the request cannot be understood
├── InvalidContentRange    400  a Content-Range that does not fit the medium
├── LengthMismatch         400  an upload length that does not fit the medium
├── UploadComplete         400  bytes for an upload that is complete
├── Unauthorized           401  no credential, an unknown or a revoked one
├── Forbidden              403  a good credential that may not do this
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
│   ├── OffsetMismatch          bytes for another offset than what is held
│   └── Superseded              a newer request took over this upload session
├── UploadGone             410  a multipart upload that is completed or was given up
├── VersionRefused         412  another version of tus
├── BodyTooLarge           413
├── MediumTooLarge         413
├── MediaTypeRefused       415  bytes that do not come as what a protocol demands
├── DigestRefused          422  the last byte is in and the declared digest is another
├── IdempotencyMismatch    422  a known Idempotency-Key with another request
├── TooManySessions        429  too many unfinished media of one device
├── InternalError          500
│   └── DatabaseDamaged         the database file cannot be read
├── Unavailable            503
│   ├── Draining                this process is about to stop
│   ├── StorageFull             no room for more bytes
│   ├── StorageFailed           the disk reported an error; the medium starts again
│   ├── SessionBusy             the previous writer has not let go yet
│   └── Verifying               the medium is there and is being read to count its digest
├── UsageInvalid            -    command line
├── ConfigInvalid           -    configuration
└── DatabaseOutdated        -    the database is of another version

The device decides by `code`, never by text. `exit_code` is for the command line (conventions §3).
A problem that is `registered` has its address there as `type` (IETF's resumable uploads).
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class GatewayError(Exception):
    """Base of every error. `code` is stable; `str(error)` is a sentence for people."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"
    exit_code: ClassVar[int] = 1
    retry_after_s: ClassVar[int | None] = None
    registered: ClassVar[str | None] = None
    hint: str | None = None

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.details = dict(details) if details else None
        self.headers = dict(headers or {})
        if hint is not None:
            self.hint = hint

    @classmethod
    def problem_type(cls) -> str:
        """Give the stable URI of RFC 9457 `type`; a path where it is our own."""
        if cls.registered is not None:
            return f"https://iana.org/assignments/http-problem-types#{cls.registered}"
        return "/problems/" + cls.code.replace("_", "-")


class InvalidRequest(GatewayError):
    """The request cannot be understood; `details` names the field."""

    status = 400
    code = "invalid_request"
    title = "The request cannot be understood"


class InvalidContentRange(GatewayError):
    """The Content-Range is malformed or does not fit the medium."""

    status = 400
    code = "invalid_content_range"
    title = "The Content-Range does not fit"


class LengthMismatch(GatewayError):
    """The stated length is not the medium's, or the body would go beyond it."""

    status = 400
    code = "length_mismatch"
    title = "The upload has another length"
    registered = "inconsistent-upload-length"


class UploadComplete(GatewayError):
    """The upload is complete; its bytes stay as they are."""

    status = 400
    code = "upload_complete"
    title = "The upload is complete"
    registered = "completed-upload"


class Unauthorized(GatewayError):
    """No credential, an unknown one, or a revoked one."""

    status = 401
    code = "unauthorized"
    title = "A valid credential is required"


class Forbidden(GatewayError):
    """The credential is good and may not do this."""

    status = 403
    code = "forbidden"
    title = "This credential may not do that"


class UrlExpired(GatewayError):
    """The signed URL is past its time; ask for a fresh one, the bytes are kept."""

    status = 403
    code = "url_expired"
    title = "The signed URL has expired"


class UrlForged(GatewayError):
    """The signed URL was not signed by this gateway."""

    status = 403
    code = "signature_invalid"
    title = "The signed URL is not valid"


class NotFound(GatewayError):
    """No such thing, or it is not the caller's."""

    status = 404
    code = "not_found"
    title = "Not found"


class MethodNotAllowed(GatewayError):
    """The path exists, the method does not."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"


class TooSlow(GatewayError):
    """The body stopped coming; what arrived of a medium is kept."""

    status = 408
    code = "too_slow"
    title = "The request body stopped coming"


class Conflict(GatewayError):
    """The request does not fit the present state."""

    status = 409
    code = "conflict"
    title = "Conflict"


class DeviceAlreadyBound(Conflict):
    """The device is bound to another user."""

    code = "device_already_bound"
    title = "The device is bound already"


class MediaPending(Conflict):
    """Some media are not whole yet; `details.media_ids` names them."""

    code = "media_pending"
    title = "Some media are not uploaded yet"


class NoMediaUploaded(Conflict):
    """The recording has no medium at all."""

    code = "no_media_uploaded"
    title = "The recording has no media"


class DigestConflict(Conflict):
    """The digest in upload-complete is not that of the stored medium."""

    code = "digest_mismatch"
    title = "The digest is another"


class AlreadyUploaded(Conflict):
    """The recording is complete; it takes no more media and no other bytes."""

    code = "recording_already_uploaded"
    title = "The recording is complete"


class RecordingDeleted(Conflict):
    """The Idempotency-Key belongs to a recording that was deleted."""

    code = "recording_deleted"
    title = "The recording was deleted"


class OffsetMismatch(Conflict):
    """The bytes do not begin where what is held ends; `complete`: all is held."""

    code = "offset_mismatch"
    title = "Another offset is held"
    registered = "mismatching-upload-offset"

    def __init__(self, held_bytes: int, first: int, *, complete: bool = False) -> None:
        super().__init__(
            f"{held_bytes} bytes are held, the request begins at {first}",
            headers={"Upload-Offset": str(held_bytes)},
        )
        self.complete = complete


class Superseded(Conflict):
    """A newer request took over this upload session; what arrived is kept."""

    code = "superseded"
    title = "A newer request took over"


class UploadGone(GatewayError):
    """The multipart upload is no more: completed, or given up. upload-complete can tell which."""

    status = 410
    code = "upload_gone"
    title = "The upload is no more"


class VersionRefused(GatewayError):
    """The client speaks a version of tus that this gateway does not."""

    status = 412
    code = "version_refused"
    title = "Another version of the protocol"


class BodyTooLarge(GatewayError):
    """The JSON body is larger than any request needs."""

    status = 413
    code = "body_too_large"
    title = "The request body is too large"


class MediumTooLarge(GatewayError):
    """The medium is larger than this gateway takes."""

    status = 413
    code = "medium_too_large"
    title = "The medium is too large"


class MediaTypeRefused(GatewayError):
    """The bytes do not come as the type that an upload protocol demands."""

    status = 415
    code = "media_type_refused"
    title = "The body has another type"


class DigestRefused(GatewayError):
    """The bytes do not have the declared digest; the medium is empty again."""

    status = 422
    code = "digest_mismatch"
    title = "The bytes do not have the declared digest"


class IdempotencyMismatch(GatewayError):
    """The Idempotency-Key is known with another request."""

    status = 422
    code = "idempotency_mismatch"
    title = "The Idempotency-Key was used for another request"


class TooManySessions(GatewayError):
    """Too many media of one device are unfinished."""

    status = 429
    code = "too_many_sessions"
    title = "Too many unfinished uploads"
    retry_after_s = 60


class InternalError(GatewayError):
    """A fault of the gateway; the request id finds it in the log."""


class DatabaseDamaged(InternalError):
    """The database file is damaged, or none at all: nothing that waiting would mend."""

    code = "database_damaged"
    title = "The database is damaged"
    hint = "stop the gateway and restore its data folder from a backup"


class Unavailable(GatewayError):
    """The gateway cannot do this now."""

    status = 503
    code = "unavailable"
    title = "Not available now"
    retry_after_s = 5
    exit_code = 75


class Draining(Unavailable):
    """This process is about to stop; another takes over. What arrived is kept."""

    code = "draining"
    title = "The gateway is restarting"
    retry_after_s = 1


class StorageFull(Unavailable):
    """The object store has no room."""

    code = "storage_full"
    title = "The object store is full"
    retry_after_s = 60


class StorageFailed(Unavailable):
    """The disk reported an error; the medium starts again from byte 0."""

    code = "storage_failed"
    title = "The object store failed"
    retry_after_s = 30


class SessionBusy(Unavailable):
    """The previous writer of this upload session has not let go yet."""

    code = "session_busy"
    title = "The upload session is busy"


class Verifying(Unavailable):
    """The medium is there and is being read to count its digest; ask again."""

    code = "verifying"
    title = "The medium is being verified"
    retry_after_s = 10


class UsageInvalid(GatewayError):
    """The command line asks for something that cannot be done."""

    code = "usage"
    exit_code = 2


class ConfigInvalid(GatewayError):
    """The configuration cannot be used."""

    code = "config-invalid"
    exit_code = 78


class DatabaseOutdated(GatewayError):
    """The database is of another version than this program."""

    code = "database-outdated"
    exit_code = 78
    hint = "stop the gateway, back up its data folder, then: fieldpost-gateway migrate"
