"""Route of live news: server-sent events of what changes, whichever process changed it."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from gateway.core.tokens import credential_hash
from gateway.core.watching import Look, told
from gateway.errors import InvalidRequest, Unauthorized, Unavailable
from gateway.live import Listener
from gateway.model import Scope
from gateway.model_events import Event, EventType
from gateway.routes import Admits, Answer, Parameter, Route
from gateway.routes.exchange import Exchange, Gateway
from gateway.web.cookies import cookie_of

TICK_S = 0.5
"""How often bytes in flight are told, and how soon a stream ends when the gateway drains."""

LOOK_EVERY = 2
"""How many ticks until the database is asked."""

QUIET_TICKS = 30
"""How many ticks without news until a comment says that the stream lives."""

MOST_TICKS = 1200
"""How many ticks a stream lasts; the browser comes back by itself, to a process that is there."""

MOST_STREAMS = 64
_MOST_EVENTS = 200
_WRITE_S = 10.0
_BACK_AFTER_MS = 2000
_DIGITS = 18


async def live(exchange: Exchange) -> web.StreamResponse:
    """Tell news until the browser, the session or this process goes."""
    gateway = exchange.gateway
    last = exchange.request.headers.get("Last-Event-ID", "")
    if last and not (last.isascii() and last.isdigit() and len(last) <= _DIGITS):
        raise InvalidRequest("Last-Event-ID is none of ours", details={"field": "Last-Event-ID"})
    if gateway.live.listening >= MOST_STREAMS:
        raise Unavailable("too many pages watch this gateway")
    with gateway.live.listen() as listener:
        watch = _Watch(
            gateway, listener, int(last) if last else await gateway.store.events.latest()
        )
        await watch.begin()
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                # A proxy that gathers answers would keep the news to itself.
                "X-Accel-Buffering": "no",
            }
        )
        await response.prepare(exchange.request)
        await response.write(f"retry: {_BACK_AFTER_MS}\n\n".encode())
        await _tell(exchange, response, watch)
    return response


async def _tell(exchange: Exchange, response: web.StreamResponse, watch: "_Watch") -> None:
    gateway = exchange.gateway
    quiet = 0
    for tick in range(MOST_TICKS):
        news = watch.arrived()
        if tick % LOOK_EVERY == 0:
            if not await _still_in(exchange):
                return
            news += await watch.changed()
        quiet = 0 if news else quiet + 1
        if quiet == QUIET_TICKS:
            news, quiet = [b": still here\n\n"], 0
        try:
            # Whoever does not read loses the stream, not us the memory.
            async with asyncio.timeout(_WRITE_S):
                for one in news:
                    await response.write(one)
        except TimeoutError:
            response.force_close()
            return
        await gateway.clock.sleep(TICK_S)
        transport = exchange.request.transport
        if gateway.draining or transport is None or transport.is_closing():
            return


class _Watch:
    """What one page has been told."""

    def __init__(self, gateway: Gateway, listener: Listener, position: int) -> None:
        self._store = gateway.store
        self._listener = listener
        self._position = position
        self._look = Look()

    async def begin(self) -> None:
        """Take what is there now as known."""
        self._look = await self._store.changes.look(None)

    def arrived(self) -> list[bytes]:
        """Give news of bytes in flight."""
        news, missed = self._listener.take()
        return [*([_sse("reload", {})] if missed else []), *(_sse("progress", one) for one in news)]

    async def changed(self) -> list[bytes]:
        """Give news from the database."""
        news = list(await self._happened())
        look = await self._store.changes.look(self._look.heard_at)
        news += [_sse(kind, document) for kind, document in told(self._look, look)]
        self._look = look if look.heard else Look(self._look.heard, look.deliveries, look.visits)
        return news

    async def _happened(self) -> Iterable[bytes]:
        events = await self._store.events.after(self._position, _MOST_EVENTS + 1)
        if len(events) > _MOST_EVENTS:
            self._position = await self._store.events.latest()
            return [_sse("reload", {}, self._position)]
        if events:
            self._position = events[-1].position or self._position
        return [_event(each) for each in events if each.type is not EventType.WEBHOOK_TEST]


async def _still_in(exchange: Exchange) -> bool:
    """Say whether whoever watches still may: a revoked key must not go on to watch."""
    cookie = cookie_of(exchange.request)
    try:
        if cookie is not None:
            await exchange.gateway.sessions.signed_in(cookie)
            return True
    except Unauthorized:
        return False
    text = exchange.request.headers.get("Authorization", "").partition(" ")[2].strip()
    key = await exchange.gateway.store.keys.key(credential_hash(text))
    return key is not None and key.revoked_at is None


def _event(event: Event) -> bytes:
    document = {
        "type": event.type,
        "recording_id": event.recording_id,
        "device_id": event.device_id,
    }
    return _sse(event.type.partition(".")[0], document, event.position)


def _sse(kind: str, document: Mapping[str, Any], position: int | None = None) -> bytes:
    number = "" if position is None else f"id: {position}\n"
    return f"{number}event: {kind}\ndata: {json.dumps(document)}\n\n".encode()


ROUTES = (
    Route(
        method="GET",
        path="/v1/live",
        operation_id="watch",
        summary="Watch what changes: server-sent events `recording`, `progress`, `device`, "
        "`delivery`, `phone`, and `reload` where too much was missed",
        run=live,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        parameters=(
            Parameter(
                name="Last-Event-ID",
                place="header",
                means="Goes on after this event; browsers send it by themselves.",
                schema={"type": "string", "pattern": "^[0-9]{1,18}$"},
            ),
        ),
        answers=(
            Answer(
                status=200,
                means="A stream that lasts some minutes.",
                text_type="text/event-stream",
            ),
        ),
        problems=(InvalidRequest, Unavailable),
    ),
)
"""The table that the application and openapi.json are built from."""
