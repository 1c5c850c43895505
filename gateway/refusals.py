"""What the gateway refuses, and the client can put right: every 4xx."""

from gateway.problem import GatewayError


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


class CodeRefused(GatewayError):
    """The one-time code is wrong, used or too old; the sentence does not say which."""

    status = 403
    code = "code_refused"
    title = "The code is not good"


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


class CommandOver(Conflict):
    """The command has ended, and otherwise than the request would have it."""

    code = "command_over"
    title = "The command is over"


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


class RateLimited(GatewayError):
    """More requests within a minute than this caller may make."""

    status = 429
    code = "rate_limit_exceeded"
    title = "Too many requests"


class QuotaReached(GatewayError):
    """What a device or key may do in a day is used up."""

    status = 429
    code = "quota_exceeded"
    title = "The quota of the day is used up"

    # Agents wait for as long as they are told: until midnight they would not see a quota raised.
    _longest_s = 3600

    def __init__(self, message: str, rest_s: int) -> None:
        """Say what is used up.

        Args:
            message: Of what, and how much there was.
            rest_s: Until the day is over.
        """
        super().__init__(
            f"{message}: the quota begins anew at midnight UTC",
            headers={"Retry-After": str(min(rest_s, self._longest_s))},
        )


class TooManySessions(GatewayError):
    """Too many media of one device are unfinished."""

    status = 429
    code = "too_many_sessions"
    title = "Too many unfinished uploads"
    retry_after_s = 60


class TooManyCommands(GatewayError):
    """Too many commands wait for a device that does not take them."""

    status = 429
    code = "too_many_commands"
    title = "Too many commands wait for this device"
    retry_after_s = 60


class TooManyGuesses(GatewayError):
    """Too many codes or keys were wrong, from one address or from all together."""

    status = 429
    code = "too_many_guesses"
    title = "Too many wrong guesses"

    def __init__(self, retry_after_s: int, what: str = "codes") -> None:
        super().__init__(
            f"too many {what} were wrong; try again in {retry_after_s} s",
            headers={"Retry-After": str(retry_after_s)},
        )
