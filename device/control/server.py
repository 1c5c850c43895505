"""The control socket's server: requests in, the agent's answers and events out; see control.md."""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web

from device.control.actions import Actions
from device.control.address import SPOOL_HEADER
from device.control.hub import NOTHING, Event, Hub
from device.documents import plain
from device.documents.entries import entry_object, is_sent_anew
from device.documents.errors import error_object
from device.errors import (
    ConfigInvalid,
    EntryUnknown,
    FieldpostError,
    IllegalMove,
    SpoolError,
    UsageInvalid,
)
from device.logs import redact
from device.model import EntryId

logger = logging.getLogger(__name__)

MOST_BODY_BYTES = 16 << 10
ALIVE_S = 15.0
"""A stream without events shows this often that it lives."""
_MARKER = re.compile(r"FP(-[0-9A-Z]{4}){2}")
SLOW_S = 5.0
"""A listener that takes no bytes for so long is dropped."""

_Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Answers requests; `spool` is the one that this agent holds."""

    actions: Actions
    hub: Hub
    spool: str

    def application(self) -> web.Application:
        """Lay out the paths."""
        application = web.Application(
            middlewares=[self._guarded], client_max_size=MOST_BODY_BYTES, logger=logger
        )
        application.add_routes(
            [
                web.get("/v1/health", self._health),
                web.get("/v1/status", self._status),
                web.get("/v1/events", self._events),
                web.post("/v1/wake", self._wake),
                web.post("/v1/pull", self._pull),
                web.post("/v1/requeue", self._requeue),
                web.post("/v1/release", self._release),
                web.post("/v1/reload", self._reload),
                web.post("/v1/bugreport", self._bugreport),
            ]
        )
        return application

    @web.middleware
    async def _guarded(self, request: web.Request, handler: _Answering) -> web.StreamResponse:
        """Answer every failure with the error object."""
        asked_for = request.headers.get(SPOOL_HEADER, self.spool)
        if asked_for != self.spool:
            return _refusal(
                UsageInvalid(f"this agent holds the spool {self.spool}"),
                HTTPStatus.MISDIRECTED_REQUEST,
            )
        try:
            return await handler(request)
        except FieldpostError as error:
            return _refusal(error, _status(error))
        except web.HTTPException as wrong:
            said = UsageInvalid(f"{request.method} {request.path}: {wrong.reason}")
            return _refusal(said, wrong.status_code, allow=wrong.headers.get("Allow"))
        except Exception as error:  # the supervisor: a question must not stop the agent
            logger.exception("A request failed unexpectedly", extra={"path": request.path})
            return _refusal(FieldpostError(f"{type(error).__name__}: {error}"), 500)

    async def _health(self, _request: web.Request) -> web.Response:
        return _answer({"ok": True, "spool": self.spool})

    async def _status(self, _request: web.Request) -> web.Response:
        return _answer(await self.actions.status())

    async def _wake(self, request: web.Request) -> web.Response:
        await _body(request)
        await self.actions.wake()
        return _answer({"ok": True})

    async def _pull(self, request: web.Request) -> web.Response:
        body = await _body(request, "recorder")
        return _answer({"recorders": await self.actions.pull(_text(body, "recorder"))})

    async def _requeue(self, request: web.Request) -> web.Response:
        entry = _entry(await _body(request, "entry"))
        before, now = await self.actions.requeue(entry)
        return _answer({"entry": entry_object(now), "sent_anew": is_sent_anew(before, now)})

    async def _release(self, request: web.Request) -> web.Response:
        entry = _entry(await _body(request, "entry"))
        return _answer({"entry": entry_object(await self.actions.release(entry))})

    async def _reload(self, request: web.Request) -> web.Response:
        await _body(request)
        return _answer({"changed": await self.actions.reload()})

    async def _bugreport(self, request: web.Request) -> web.Response:
        """Log the marker of a report, so that the lines before it can be found."""
        marker = _text(await _body(request, "marker"), "marker") or ""
        if not _MARKER.fullmatch(marker):
            raise UsageInvalid("marker is none: FP-XXXX-XXXX")
        logger.info("A bug report was made", extra={"marker": marker})
        return _answer({"ok": True})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if self.hub.full:
            busy = FieldpostError("the agent has as many listeners as it takes", hint="try again")
            return _refusal(busy, HTTPStatus.SERVICE_UNAVAILABLE)
        with self.hub.listening() as listener:
            first = Event("status", plain.text(await self.actions.status()))
            response = web.StreamResponse(
                headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
            )
            await response.prepare(request)
            try:
                event: Event | None = first
                while event is not None:
                    await _written(response, f"event: {event.name}\ndata: {event.data}\n\n")
                    while (event := await listener.next(ALIVE_S)) is NOTHING:
                        await _written(response, ": alive\n\n")
            except (TimeoutError, ConnectionError):
                logger.info("A listener was dropped: it is gone, or too slow")
                if request.transport is not None:
                    request.transport.abort()
        return response


async def _written(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(SLOW_S):
        await response.write(text.encode())


async def _body(request: web.Request, *known: str) -> Mapping[str, Any]:
    """Read the JSON object of a request; none is an empty one.

    Raises:
        UsageInvalid: It is no object, or has a field that nobody knows.
    """
    content = await request.read()
    try:
        body = json.loads(content) if content else {}
    except (ValueError, RecursionError) as error:
        raise UsageInvalid(f"the body is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise UsageInvalid("the body is no JSON object")
    if strange := sorted(set(body) - {*known, "schema"}):
        raise UsageInvalid(f"{request.path} does not know {', '.join(map(repr, strange))}")
    return body


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise UsageInvalid(f"{name} is no text")
    return value


def _entry(body: Mapping[str, Any]) -> EntryId:
    entry = _text(body, "entry")
    if not entry:
        raise UsageInvalid("entry is missing: the whole id of a recording")
    return EntryId(entry)


def _answer(content: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(
        text=plain.text(content) + "\n", status=status, content_type="application/json"
    )


def _refusal(error: FieldpostError, status: int, *, allow: str | None = None) -> web.Response:
    answer = web.Response(
        text=redact(plain.text(error_object(error))) + "\n",
        status=status,
        content_type="application/json",
    )
    if allow:
        answer.headers["Allow"] = allow
    return answer


def _status(error: FieldpostError) -> int:
    match error:
        case UsageInvalid():
            return HTTPStatus.BAD_REQUEST
        case ConfigInvalid():
            return HTTPStatus.UNPROCESSABLE_ENTITY
        case EntryUnknown():
            return HTTPStatus.NOT_FOUND
        case IllegalMove():
            return HTTPStatus.CONFLICT
        case SpoolError():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR
