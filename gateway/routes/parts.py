"""The route of a multipart upload's parts document, behind a signed URL."""

from aiohttp import web

from gateway.core.signing import Purpose, check
from gateway.errors import (
    NotFound,
    StorageFailed,
    StorageFull,
    UploadGone,
    UrlExpired,
    UrlForged,
)
from gateway.routes import SIGNATURE, Admits, Answer, Parameter, Route
from gateway.routes import examples as example
from gateway.routes.bodies import HeldPartView, PartsDocument, PartView
from gateway.routes.exchange import Exchange, answer

_MOST_PARTS = 10_000


async def parts(exchange: Exchange) -> web.StreamResponse:
    """Hand out the next part URLs."""
    medium_id = exchange.path("medium_id")
    gateway = exchange.gateway
    now_s = gateway.clock.now().timestamp()
    check(gateway.config.secret, Purpose.PARTS, medium_id, exchange.request.query, now_s)
    first = exchange.number("from", 1, least=1, most=_MOST_PARTS + 1)
    if gateway.part_lists is None:
        raise NotFound("this gateway's object store takes no parts")
    found = await gateway.part_lists.list(medium_id, first)
    shown = PartsDocument(
        part_bytes=found.part_bytes,
        parts=[PartView(number=number, url=url) for number, url in found.urls.items()],
        complete_url=found.complete_url,
        held=[
            HeldPartView(number=part.number, etag=part.etag, size_bytes=part.size_bytes)
            for part in found.held
        ],
    )
    return answer(shown, headers={"Cache-Control": "no-store"})


ROUTES = (
    Route(
        method="GET",
        path="/v1/uploads/{medium_id}/parts",
        operation_id="getParts",
        summary="Get URLs for the next parts of a medium that goes up in parts",
        run=parts,
        admits=Admits.SIGNED_URL,
        parameters=(
            *SIGNATURE,
            Parameter(
                name="from",
                place="query",
                means="The first part wanted.",
                schema={"type": "integer", "minimum": 1, "default": 1},
            ),
        ),
        answers=(
            Answer(
                status=200,
                means="PUT each part to its URL, then POST the list of ETags to `complete_url`.",
                body=PartsDocument,
                example=example.PARTS,
            ),
        ),
        problems=(UrlExpired, UrlForged, NotFound, UploadGone, StorageFull, StorageFailed),
    ),
)
"""The table that the application and openapi.json are built from."""
