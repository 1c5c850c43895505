"""tus 1.0 on the upload resource: create and append."""

from aiohttp import web

from gateway.core import tus
from gateway.receiving import Held, Received
from gateway.routes.exchange import Exchange
from gateway.routes.incoming import body_size, expires_s, location, received

RESUMABLE = {"Tus-Resumable": tus.VERSION}
"""What every answer says, problems too."""


async def create(exchange: Exchange) -> web.StreamResponse:
    """Begin an upload, maybe with its first bytes."""
    request = exchange.request
    got = await received(exchange, tus.creation(request.headers, body_size(request)))
    return web.Response(
        status=201, headers={**_stands(exchange, got), "Location": location(exchange)}
    )


async def append(exchange: Exchange) -> web.StreamResponse:
    """Take the bytes that follow."""
    request = exchange.request
    got = await received(exchange, tus.append(request.headers, body_size(request)))
    return web.Response(status=204, headers=_stands(exchange, got))


def _stands(exchange: Exchange, got: Held | Received) -> dict[str, str]:
    held_bytes = got.size_bytes if isinstance(got, Held) else got.medium.file_size_bytes
    return {
        **RESUMABLE,
        "Upload-Offset": str(held_bytes or 0),
        "Upload-Expires": tus.expires_header(expires_s(exchange)),
    }
