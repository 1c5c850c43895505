"""Routes of the upload resource for clients that speak tus or IETF's resumable uploads."""

from aiohttp import web

from gateway.core import ietf as ietf_words
from gateway.core import tus as tus_words
from gateway.core.brought import Query
from gateway.core.signing import Purpose
from gateway.errors import (
    DigestRefused,
    Draining,
    InvalidRequest,
    LengthMismatch,
    MediaTypeRefused,
    MediumTooLarge,
    NotFound,
    OffsetMismatch,
    SessionBusy,
    StorageFailed,
    StorageFull,
    Superseded,
    TooSlow,
    UploadComplete,
    UrlExpired,
    UrlForged,
    VersionRefused,
)
from gateway.receiving import Held, Receiving
from gateway.routes import SIGNATURE, Admits, Answer, Parameter, Route, ietf, tus, uploads
from gateway.routes import examples as example
from gateway.routes.bodies import UploadedMedium
from gateway.routes.exchange import Exchange
from gateway.routes.incoming import UPLOAD_PATH, expires_s, problems_say, received, signed_medium

_TYPES = f"{tus_words.MEDIA_TYPE}, {ietf_words.MEDIA_TYPE}"
_ACCEPT_PATCH = {"Accept-Patch": _TYPES}


async def options(exchange: Exchange) -> web.StreamResponse:
    """Say what this gateway speaks; to anybody, since browsers ask without a word of their own."""
    if not isinstance(exchange.gateway.intake, Receiving):
        raise NotFound("bytes of media do not go through this gateway")
    most_bytes = exchange.gateway.config.max_medium_bytes
    return web.Response(
        status=204,
        headers={
            **tus.RESUMABLE,
            **_ACCEPT_PATCH,
            "Tus-Version": tus_words.VERSION,
            "Tus-Extension": tus_words.EXTENSIONS,
            "Tus-Max-Size": str(most_bytes),
            "Upload-Limit": ietf_words.limits(most_bytes),
            "Allow": "OPTIONS, HEAD, POST, PATCH, PUT",
            "Cache-Control": "no-store",
        },
    )


async def head(exchange: Exchange) -> web.StreamResponse:
    """Say how much is held, in the words of both protocols."""
    with problems_say(tus.RESUMABLE):
        signed_medium(exchange, Purpose.UPLOAD)
        if "Tus-Resumable" in exchange.request.headers:
            tus_words.check_version(exchange.request.headers)
        got = await received(exchange, Query(None))
    total = got.total if isinstance(got, Held) else got.medium.file_size_bytes
    length = {"Upload-Defer-Length": "1"} if total is None else {"Upload-Length": str(total)}
    return web.Response(
        status=204,
        headers={
            **tus.RESUMABLE,
            **ietf.stands(exchange, got),
            **length,
            "Upload-Expires": tus_words.expires_header(expires_s(exchange)),
            "Cache-Control": "no-store",
        },
    )


async def post(exchange: Exchange) -> web.StreamResponse:
    """Begin an upload; or what X-HTTP-Method-Override says, for browsers that cannot PATCH."""
    headers = exchange.request.headers
    if headers.get("X-HTTP-Method-Override", "").upper() == "PATCH":
        return await patch(exchange)
    with problems_say(tus.RESUMABLE):
        signed_medium(exchange, Purpose.UPLOAD)
        if headers.get("x-goog-resumable") == "start":
            return await uploads.start(exchange)
        if "Upload-Complete" in headers and "Tus-Resumable" not in headers:
            return await ietf.create(exchange)
        return await tus.create(exchange)


async def patch(exchange: Exchange) -> web.StreamResponse:
    """Take the bytes that follow; their media type says which protocol it is."""
    with problems_say(tus.RESUMABLE):
        signed_medium(exchange, Purpose.UPLOAD)
        match tus_words.media_type(exchange.request.headers):
            case tus_words.MEDIA_TYPE:
                return await tus.append(exchange)
            case ietf_words.MEDIA_TYPE:
                return await ietf.append(exchange)
            case _:
                raise MediaTypeRefused(f"bytes come as one of {_TYPES}", headers=_ACCEPT_PATCH)


_STANDS = {
    "Upload-Offset": "So many bytes are durable.",
    "Upload-Complete": "`?1` once the medium is whole (IETF).",
    "Upload-Limit": "What is taken, and how long the URL opens (IETF).",
    "Upload-Expires": "When the URL ends (tus).",
    "Repr-Digest": "SHA-256 of the whole medium.",
}
_LOCATION = {"Location": "The upload resource: this URL."}
_VERSION = Parameter(
    name="Tus-Resumable",
    place="header",
    means="`1.0.0` where the client speaks tus.",
    schema={"type": "string"},
)
_COMPLETE = Parameter(
    name="Upload-Complete",
    place="header",
    means="`?1` if the body is the last (IETF); required there.",
    schema={"type": "string"},
)
_LENGTH = Parameter(
    name="Upload-Length",
    place="header",
    means="The medium's size; required by tus.",
    schema={"type": "integer"},
)
_OFFSET = Parameter(
    name="Upload-Offset",
    place="header",
    means="Where the body begins: exactly what is held.",
    schema={"type": "integer"},
    required=True,
)
_WHOLE = Answer(
    status=200,
    means="The medium is whole and durable (IETF).",
    body=UploadedMedium,
    example=example.UPLOADED_MEDIUM,
    headers=_STANDS,
)
_URL_PROBLEMS = (UrlExpired, UrlForged, NotFound)
_BODY_PROBLEMS = (
    InvalidRequest,
    LengthMismatch,
    TooSlow,
    Superseded,
    VersionRefused,
    MediumTooLarge,
    MediaTypeRefused,
    DigestRefused,
    Draining,
    SessionBusy,
    StorageFull,
    StorageFailed,
)

ROUTES = (
    Route(
        method="OPTIONS",
        path=UPLOAD_PATH,
        operation_id="describeUpload",
        summary="Ask which protocols an upload URL speaks",
        run=options,
        admits=Admits.ANYONE,
        answers=(
            Answer(
                status=204,
                means="tus 1.0 and IETF's resumable uploads, beside chunked PUTs.",
                headers={
                    "Tus-Version": "Versions of tus.",
                    "Tus-Extension": "What of tus beyond its core.",
                    "Tus-Max-Size": "The largest medium.",
                    "Accept-Patch": "Media types of appended bytes.",
                    "Upload-Limit": "What is taken (IETF).",
                },
            ),
        ),
        problems=(NotFound,),
    ),
    Route(
        method="HEAD",
        path=UPLOAD_PATH,
        operation_id="askUpload",
        summary="Ask how much of a medium is held (tus, IETF)",
        run=head,
        admits=Admits.SIGNED_URL,
        parameters=(*SIGNATURE, _VERSION),
        answers=(
            Answer(
                status=204,
                means="So much is durable; whoever was writing has to stop.",
                headers={**_STANDS, "Upload-Length": "The medium's size, once it is known."},
            ),
        ),
        problems=(
            *_URL_PROBLEMS,
            Superseded,
            VersionRefused,
            DigestRefused,
            Draining,
            SessionBusy,
            StorageFull,
            StorageFailed,
        ),
    ),
    Route(
        method="POST",
        path=UPLOAD_PATH,
        operation_id="createUpload",
        summary="Begin an upload, maybe with its first bytes (tus, IETF), or a session (Google)",
        run=post,
        admits=Admits.SIGNED_URL,
        raw_body=True,
        raw_types=(tus_words.MEDIA_TYPE, "*/*"),
        parameters=(
            *SIGNATURE,
            _VERSION,
            _LENGTH,
            _COMPLETE,
            Parameter(
                name="x-goog-resumable",
                place="header",
                means="`start` begins a session of chunked PUTs, as at Google Cloud Storage.",
                schema={"type": "string"},
            ),
        ),
        answers=(
            Answer(
                status=201, means="Send what follows to this URL.", headers={**_STANDS, **_LOCATION}
            ),
            _WHOLE,
        ),
        problems=(*_URL_PROBLEMS, *_BODY_PROBLEMS),
    ),
    Route(
        method="PATCH",
        path=UPLOAD_PATH,
        operation_id="appendUpload",
        summary="Send the bytes that follow (tus, IETF)",
        run=patch,
        admits=Admits.SIGNED_URL,
        raw_body=True,
        raw_types=(tus_words.MEDIA_TYPE, ietf_words.MEDIA_TYPE),
        parameters=(*SIGNATURE, _OFFSET, _VERSION, _LENGTH, _COMPLETE),
        answers=(
            Answer(status=204, means="So much is durable; send what follows.", headers=_STANDS),
            _WHOLE,
        ),
        problems=(*_URL_PROBLEMS, UploadComplete, OffsetMismatch, *_BODY_PROBLEMS),
    ),
)
"""The table that the application and openapi.json are built from."""
