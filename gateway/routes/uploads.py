"""Routes of bytes, behind signed URLs: PUT a medium in chunks, GET an object."""

from aiohttp import web

from gateway.core.content_range import held_range, parse
from gateway.core.signing import Purpose, check
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
from gateway.model import MediaStatus, Medium
from gateway.receiving import Held, Received
from gateway.routes import SIGNATURE, Admits, Answer, Parameter, Route
from gateway.routes import examples as example
from gateway.routes.bodies import UploadedMedium
from gateway.routes.exchange import Exchange, answer


class RequestBody:
    """The body of an aiohttp request, see `gateway.receiving.Body`."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._asked = "100-continue" not in request.headers.get("Expect", "").lower()

    async def next(self) -> bytes:
        """See `Body.next`."""
        if not self._asked:
            # Only now, after every check: a client that asks first sends no byte in vain.
            self._asked = True
            await self._request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._request.writer.output_size = 0
        try:
            return await self._request.content.readany()
        except (OSError, web.RequestPayloadError) as error:
            raise ConnectionResetError("the client is gone") from error

    def rest(self) -> bytes:
        """See `Body.rest`."""
        # After a cut the public calls raise and forget what arrived before it; on a bad line those
        # bytes were paid for.
        return self._request.content._read_nowait(-1)  # noqa: SLF001 - see above


async def put(exchange: Exchange) -> web.StreamResponse:
    """Take bytes of a medium, or say how many are held."""
    request = exchange.request
    medium_id = _signed(exchange, Purpose.UPLOAD)
    brought = parse(request.headers.get("Content-Range"), request.content_length)
    match await exchange.gateway.receiving.receive(medium_id, brought, RequestBody(request)):
        case Received(medium=medium):
            return answer(_uploaded(medium))
        case Held(size_bytes=size_bytes):
            held = held_range(size_bytes)
            return web.Response(status=308, headers={"Range": held} if held else None)


async def get(exchange: Exchange) -> web.StreamResponse:
    """Send an object; Range requests are honoured."""
    medium = await exchange.gateway.store.recordings.medium(_signed(exchange, Purpose.DOWNLOAD))
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


async def no_early_continue(_request: web.Request) -> None:
    """Answer `Expect: 100-continue` not yet: `RequestBody` does when it wants the body."""


def _signed(exchange: Exchange, purpose: Purpose) -> str:
    medium_id = exchange.path("medium_id")
    now_s = exchange.gateway.clock.now().timestamp()
    check(exchange.gateway.config.secret, purpose, medium_id, exchange.request.query, now_s)
    return medium_id


def _uploaded(medium: Medium) -> UploadedMedium:
    return UploadedMedium(
        media_id=medium.id,
        file_size_bytes=medium.file_size_bytes or 0,
        content_sha256=medium.content_sha256 or "",
    )


ROUTES = (
    Route(
        method="PUT",
        path="/v1/uploads/{medium_id}",
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
        ),
        answers=(
            Answer(
                status=200,
                means="The medium is whole and durable.",
                body=UploadedMedium,
                example=example.UPLOADED_MEDIUM,
            ),
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
