"""Let pages of other origins upload from a browser (CORS, Fetch standard), on upload URLs alone.

What opens an upload URL is its signature, not who asks: no cookie and no credential is involved.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.routes.incoming import UPLOAD_PATH

_ASKS_FIRST_S = 24 * 3600
_METHODS = "HEAD, POST, PATCH, PUT"
_TAKEN = (
    "Content-Type, Content-Range, Tus-Resumable, Upload-Length, Upload-Offset, Upload-Metadata, "
    "Upload-Complete, Upload-Draft-Interop-Version, Repr-Digest, X-HTTP-Method-Override, "
    "X-Request-ID"
)
_SHOWN = (
    "Location, Upload-Offset, Upload-Length, Upload-Defer-Length, Upload-Complete, Upload-Limit, "
    "Upload-Expires, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Accept-Patch, "
    "Repr-Digest, Range, Retry-After, X-Request-ID"
)


def cors(
    origins: frozenset[str],
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Make the signal handler that tells browsers that `origins` may; `*` among them: all."""

    async def tell(request: web.Request, response: web.StreamResponse) -> None:
        resource = request.match_info.route.resource
        origin = request.headers.get("Origin")
        if origin is None or resource is None or resource.canonical != UPLOAD_PATH:
            return
        response.headers["Vary"] = "Origin"
        if not {origin, "*"} & origins:
            return
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _SHOWN
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = _METHODS
            response.headers["Access-Control-Allow-Headers"] = _TAKEN
            response.headers["Access-Control-Max-Age"] = str(_ASKS_FIRST_S)

    return tell
