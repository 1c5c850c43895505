"""Why a bucket of S3 cannot be used, and which setting to look at."""

from gateway.errors import StorageFailed, StorageFull, Unavailable
from gateway.objects.store_http import StoreAnswer, error_code, refused

_SETTING = "FIELDPOST_GATEWAY_"
_SECRET = f"{_SETTING}S3_SECRET_ACCESS_KEY_FILE"
_KEY = f"{_SETTING}S3_ACCESS_KEY_ID"
_PLACE = f"{_SETTING}S3_REGION and {_SETTING}S3_ENDPOINT"
_HINTS = {
    "SignatureDoesNotMatch": f"the secret in {_SECRET} is not that of {_KEY}",
    "InvalidAccessKeyId": f"the store does not know the key of {_KEY}",
    "InvalidToken": "the credentials of this machine have ended or are another account's",
    "ExpiredToken": "the credentials of this machine have ended",
    "NoSuchBucket": f"make the bucket, or correct its name in {_SETTING}OBJECTS",
    "AccessDenied": f"let the key of {_KEY} read, write, list and delete in that bucket",
    "AuthorizationHeaderMalformed": f"the bucket is elsewhere: see {_PLACE}",
    "AuthorizationQueryParametersError": f"the bucket is elsewhere: see {_PLACE}",
    "PermanentRedirect": f"the bucket is elsewhere: see {_PLACE}",
    "RequestTimeTooSkewed": "set this machine's clock",
}
_BY_STATUS = {
    301: _HINTS["PermanentRedirect"],
    403: f"see {_KEY}, {_SECRET} and what the key may do",
    404: _HINTS["NoSuchBucket"],
}
MAY_NOT_WRITE = f"let the key of {_KEY} write and delete in the bucket of {_SETTING}OBJECTS"


def explained(answer: StoreAnswer) -> StorageFull | StorageFailed | Unavailable:
    """Say what an answer other than a good one means, and whose setting it is about."""
    code = error_code(answer.body)
    hint = _HINTS.get(code) or _BY_STATUS.get(answer.status)
    if hint is None:
        return refused(answer)
    words = f"HTTP {answer.status} {code}".rstrip()
    return StorageFailed(f"the object store refuses the gateway ({words})", hint=hint)


def unreachable(error: Unavailable) -> Unavailable:
    """Name the setting that says where the store is; leaves alone what is no matter of that."""
    if type(error) is not Unavailable or error.hint is not None:
        return error
    return Unavailable(
        str(error),
        hint=f"can this machine reach {_SETTING}S3_ENDPOINT (none set: AWS in _S3_REGION)?",
    )
