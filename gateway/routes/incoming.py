"""What comes in on an upload URL: whose medium, and its bytes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from aiohttp import web

from gateway.core.brought import Brought
from gateway.core.signing import Purpose, check
from gateway.errors import GatewayError
from gateway.model import Medium
from gateway.receiving import Held, Received
from gateway.routes.bodies import UploadedMedium
from gateway.routes.exchange import Exchange

UPLOAD_PATH = "/v1/uploads/{medium_id}"


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


async def no_early_continue(_request: web.Request) -> None:
    """Answer `Expect: 100-continue` not yet: `RequestBody` does when it wants the body."""


def signed_medium(exchange: Exchange, purpose: Purpose) -> str:
    """Say which medium a signed URL opens.

    Raises:
        UrlForged, UrlExpired: It opens none.
    """
    medium_id = exchange.path("medium_id")
    now_s = exchange.gateway.clock.now().timestamp()
    check(exchange.gateway.config.secret, purpose, medium_id, exchange.request.query, now_s)
    return medium_id


def body_size(request: web.Request) -> int | None:
    """Say how large a body is announced to be; None if there is one of unknown size."""
    return request.content_length if request.body_exists else 0


def expires_s(exchange: Exchange) -> int:
    """Say when a signed URL that was checked ends, in Unix seconds."""
    return int(exchange.request.query["expires"])


def location(exchange: Exchange) -> str:
    """Name the upload resource that a creation made: the very URL it was sent to.

    By its query alone: whatever a proxy calls this gateway, the client resolves it rightly.
    """
    return f"?{exchange.request.rel_url.raw_query_string}"


def uploaded(medium: Medium) -> UploadedMedium:
    """Show a medium that is whole."""
    return UploadedMedium(
        media_id=medium.id,
        file_size_bytes=medium.file_size_bytes or 0,
        content_sha256=medium.content_sha256 or "",
    )


@contextmanager
def problems_say(headers: Mapping[str, str]) -> Iterator[None]:
    """Put a protocol's own headers on whatever goes wrong."""
    try:
        yield
    except GatewayError as error:
        error.headers = {**headers, **error.headers}
        raise


async def received(exchange: Exchange, brought: Brought) -> Held | Received:
    """Take what a request brings on an upload URL, see `Receiving.receive`."""
    return await exchange.gateway.receiving.receive(
        exchange.path("medium_id"), brought, RequestBody(exchange.request)
    )
