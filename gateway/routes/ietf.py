"""Resumable uploads for HTTP (IETF draft) on the upload resource: create and append.

No interim answer (104) is sent: the upload's URL is known before its creation, and HEAD tells the
rest. Two things differ from the draft. An upload is complete with its last byte, whether or not the
client has said that it is the last; and an upload whose digest is wrong is empty again.
"""

from aiohttp import web

from gateway.core import ietf
from gateway.core.brought import Append, Begin
from gateway.errors import LengthMismatch, OffsetMismatch, UploadComplete
from gateway.receiving import Held, Received
from gateway.routes.exchange import Exchange, answer
from gateway.routes.incoming import (
    body_size,
    expires_s,
    location,
    problems_say,
    received,
    uploaded,
)


async def create(exchange: Exchange) -> web.StreamResponse:
    """Begin an upload, with all of it, some of it or nothing."""
    request = exchange.request
    where = {"Location": location(exchange)}
    with problems_say(limits(exchange)):
        got = await _received(exchange, ietf.creation(request.headers, body_size(request)))
    headers = {**stands(exchange, got), **where}
    if isinstance(got, Held):
        return web.Response(status=201, headers=headers)
    status = 200 if ietf.completes(request.headers) else 201
    return answer(uploaded(got.medium), status=status, headers=headers)


async def append(exchange: Exchange) -> web.StreamResponse:
    """Take the bytes that follow."""
    request = exchange.request
    with problems_say(limits(exchange)):
        got = await _received(exchange, ietf.append(request.headers, body_size(request)))
    headers = stands(exchange, got)
    if isinstance(got, Held):
        return web.Response(status=204, headers=headers)
    return answer(uploaded(got.medium), headers=headers)


def limits(exchange: Exchange) -> dict[str, str]:
    """Say what is taken here, and how much longer."""
    life_s = max(0, expires_s(exchange) - int(exchange.gateway.clock.now().timestamp()))
    return {"Upload-Limit": ietf.limits(exchange.gateway.config.max_medium_bytes, life_s)}


def stands(exchange: Exchange, got: Held | Received) -> dict[str, str]:
    """Say how far an upload is."""
    if isinstance(got, Held):
        held, whole = got.size_bytes, {}
    else:
        held = got.medium.file_size_bytes or 0
        whole = {"Repr-Digest": ietf.repr_digest(got.medium.content_sha256 or "")}
    complete = "?1" if whole else "?0"
    return {
        "Upload-Offset": str(held),
        "Upload-Complete": complete,
        **whole,
        **limits(exchange),
    }


async def _received(exchange: Exchange, brought: Begin | Append) -> Held | Received:
    try:
        got = await received(exchange, brought)
    except OffsetMismatch as error:
        if error.complete:
            raise UploadComplete("the upload is complete; its bytes stay as they are") from error
        error.headers["Upload-Complete"] = "?0"
        raise
    if isinstance(got, Held) and ietf.completes(exchange.request.headers):
        raise LengthMismatch(
            f"the body ended at {got.size_bytes} bytes, before the end of the upload"
        )
    return got
