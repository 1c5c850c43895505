"""Routes of bytes, behind signed URLs: PUT a medium in chunks, GET an object."""

from aiohttp import web

from gateway.core.brought import Begin
from gateway.core.content_range import held_range, parse
from gateway.core.signing import Purpose
from gateway.errors import (
    AlreadyUploaded,
    DigestRefused,
    Draining,
    InvalidContentRange,
    MediumTooLarge,
    NotFound,
    SessionBusy,
    StorageFailed,
    StorageFull,
    Superseded,
    TooSlow,
    UrlExpired,
    UrlForged,
)
from gateway.model import MediaStatus
from gateway.receiving import Held, Received
from gateway.routes import SIGNATURE, Admits, Answer, Parameter, Route, ietf
from gateway.routes import examples as example
from gateway.routes.bodies import UploadedMedium
from gateway.routes.exchange import Exchange, answer
from gateway.routes.incoming import UPLOAD_PATH, location, received, signed_medium, uploaded


async def put(exchange: Exchange) -> web.StreamResponse:
    """Take bytes of a medium, or say how many are held."""
    request = exchange.request
    signed_medium(exchange, Purpose.UPLOAD)
    if "Upload-Complete" in request.headers:
        return await ietf.create(exchange)
    brought = parse(request.headers.get("Content-Range"), request.content_length)
    match await received(exchange, brought):
        case Received(medium=medium):
            return answer(uploaded(medium))
        case Held(size_bytes=size_bytes):
            held = held_range(size_bytes)
            return web.Response(status=308, headers={"Range": held} if held else None)


async def start(exchange: Exchange) -> web.StreamResponse:
    """Begin a session as Google's clients do: they take its address from the answer.

    Absolute, since they do not resolve it. They send a description as the body: left unread.
    """
    await received(exchange, Begin(total=None))
    where = f"{exchange.base_url}/uploads/{exchange.path('medium_id')}{location(exchange)}"
    return web.Response(status=201, headers={"Location": where})


async def get(exchange: Exchange) -> web.StreamResponse:
    """Send an object; Range requests are honoured."""
    medium = await exchange.gateway.store.recordings.medium(
        signed_medium(exchange, Purpose.DOWNLOAD)
    )
    if medium is None or medium.status is not MediaStatus.UPLOADED:
        raise NotFound("there is no such object")
    path = await exchange.gateway.receiving.path(medium)
    return web.FileResponse(
        path,
        headers={
            "Content-Type": medium.content_type,
            # The bytes are a stranger's: a browser must neither guess nor show them in place.
            "X-Content-Type-Options": "nosniff",
            "Content-Disposition": f'attachment; filename="{medium.id}"',
            "Cache-Control": "private, no-store",
        },
    )


ROUTES = (
    Route(
        method="PUT",
        path=UPLOAD_PATH,
        operation_id="putMedium",
        summary="Send bytes of a medium, whole or in chunks, or ask how many are held",
        run=put,
        admits=Admits.SIGNED_URL,
        raw_body=True,
        parameters=(
            *SIGNATURE,
            Parameter(
                name="Content-Range",
                place="header",
                means="`bytes a-b/total` brings a chunk, `bytes */total` only asks; without it the "
                "body is the whole medium.",
                schema={"type": "string"},
            ),
            Parameter(
                name="Upload-Complete",
                place="header",
                means="Makes of the PUT a creation in IETF's way: see POST, which does the same.",
                schema={"type": "string"},
            ),
        ),
        answers=(
            Answer(
                status=200,
                means="The medium is whole and durable.",
                body=UploadedMedium,
                example=example.UPLOADED_MEDIUM,
            ),
            Answer(status=201, means="Begun in IETF's way; the rest comes by PATCH."),
            Answer(
                status=308,
                means="So much is durable; send what follows.",
                headers={"Range": "`bytes=0-N`; absent while nothing is held."},
            ),
        ),
        problems=(
            InvalidContentRange,
            UrlExpired,
            UrlForged,
            NotFound,
            TooSlow,
            AlreadyUploaded,
            Superseded,
            MediumTooLarge,
            DigestRefused,
            Draining,
            SessionBusy,
            StorageFull,
            StorageFailed,
        ),
    ),
    Route(
        method="GET",
        path="/v1/objects/{medium_id}",
        operation_id="getObject",
        summary="Fetch the bytes of a medium",
        run=get,
        admits=Admits.SIGNED_URL,
        parameters=SIGNATURE,
        answers=(
            Answer(status=200, means="The bytes."),
            Answer(status=206, means="The bytes that a Range header asked for."),
            Answer(status=304, means="Not changed since If-None-Match or If-Modified-Since."),
            Answer(status=412, means="Changed since If-Match or If-Unmodified-Since."),
            Answer(status=416, means="The Range header asks for nothing that is there."),
        ),
        problems=(UrlExpired, UrlForged, NotFound, StorageFailed),
    ),
)
"""The table that the application and openapi.json are built from."""
