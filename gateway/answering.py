"""Around every request: its id, its problem body, its line in the access log, its counters."""

import logging
import re
import time
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from gateway.access import new_id
from gateway.bounds.rates import Allowance
from gateway.core.ids import Prefix
from gateway.errors import (
    BodyTooLarge,
    Draining,
    GatewayError,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
)
from gateway.model import Caller, DeviceCaller
from gateway.routes.bodies import BotaError, Problem
from gateway.routes.exchange import Gateway

logger = logging.getLogger(__name__)
access_logger = logging.getLogger("gateway.access")

GATEWAY = web.AppKey("gateway", Gateway)
CALLER: web.RequestKey[Caller] = web.RequestKey("caller")
REQUEST_ID = web.RequestKey("request_id", str)
ALLOWANCE = web.RequestKey("allowance", Allowance)

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_CLIENT_GONE = 499

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def answering(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Run a handler; whatever happens becomes one answer, one log line and one count."""
    started = time.monotonic()
    given = request.headers.get("X-Request-ID", "")
    request_id = given if _GIVEN_ID.fullmatch(given) else new_id(Prefix.REQUEST)
    request[REQUEST_ID] = request_id
    status = _CLIENT_GONE
    code: str | None = None
    with request.app[GATEWAY].metrics.answering():
        try:
            response, code = await _answer(request, handler, request_id)
            status = response.status
        finally:
            _note(request, status, time.monotonic() - started, code)
    if not response.prepared:
        response.headers["X-Request-ID"] = request_id
        if request.body_exists and not request.content.at_eof():
            # Unread bytes would be taken for the next request.
            response.force_close()
    return response


async def tell_allowance(request: web.Request, response: web.StreamResponse) -> None:
    """Tell a caller what it may still do; a signal, since some answers begin before they end."""
    allowance = request.get(ALLOWANCE)
    if allowance is not None:
        response.headers.update(allowance.headers())


async def _answer(
    request: web.Request, handler: Handler, request_id: str
) -> tuple[web.StreamResponse, str | None]:
    """Give a handler's answer, or the problem it ended in and that problem's code."""
    try:
        _refuse_nul(request)
        return await handler(request), None
    except GatewayError as error:
        return problem(error, request_id), error.code
    except web.HTTPException as refusal:
        mapped = _from_aiohttp(refusal)
        response = problem(mapped, request_id)
        if "Allow" in refusal.headers:
            response.headers["Allow"] = refusal.headers["Allow"]
        return response, mapped.code
    except ConnectionError:
        # Nobody is there to read it: an everyday event on a bad line, for the access log alone.
        return web.Response(status=_CLIENT_GONE, reason="Client Gone"), None
    except Exception:
        logger.exception("A request failed.", extra={"request_id": request_id})
        failed = InternalError("the gateway failed; its log knows this request id")
        return problem(failed, request_id), failed.code


def problem(error: GatewayError, request_id: str) -> web.Response:
    """Write an error in both shapes (RFC 9457, and Bota's own)."""
    body = Problem(
        type=error.problem_type(),
        title=error.title,
        status=error.status,
        detail=str(error),
        request_id=request_id,
        error=BotaError(
            code=error.code, message=str(error), request_id=request_id, details=error.details
        ),
    )
    headers = {"Content-Type": "application/problem+json", **error.headers}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if error.status == web.HTTPUnauthorized.status_code:
        headers["WWW-Authenticate"] = "Bearer"
    response = web.Response(status=error.status, body=msgspec.json.encode(body), headers=headers)
    if isinstance(error, Draining):
        response.force_close()
    return response


def _refuse_nul(request: web.Request) -> None:
    """Refuse U+0000 in an address, which databases take in no value: nothing has such a name."""
    if "%00" in request.rel_url.raw_path:
        raise NotFound("there is nothing at this path")
    if "%00" in request.rel_url.raw_query_string:
        raise InvalidRequest("the query has the character U+0000")


def _from_aiohttp(refusal: web.HTTPException) -> GatewayError:
    match refusal:
        case web.HTTPNotFound():
            return NotFound("there is nothing at this path")
        case web.HTTPMethodNotAllowed():
            return MethodNotAllowed("this path does not take that method")
        case web.HTTPRequestEntityTooLarge():
            return BodyTooLarge("the body is larger than any request needs")
        case _:
            return InvalidRequest(refusal.reason)


def _note(request: web.Request, status: int, seconds: float, code: str | None) -> None:
    resource = request.match_info.route.resource
    route = "unmatched" if resource is None else resource.canonical
    method = request.method if resource is not None else "other"
    metrics = request.app[GATEWAY].metrics
    metrics.answered(method, route, status, seconds)
    extra: dict[str, object] = {
        "method": request.method,
        "route": route,
        "status": status,
        "duration_ms": round(seconds * 1000, 1),
        "request_id": request[REQUEST_ID],
    }
    caller = request.get(CALLER)
    if caller is not None:
        if isinstance(caller, DeviceCaller):
            extra["device_id"] = caller.device_id
        else:
            extra["key_id"] = caller.key_id
    if code is not None:
        extra["code"] = code
    # The watchdog asks all day long; only what goes wrong of that is worth a line.
    level = logging.DEBUG if (route, status) == ("/livez", 200) else logging.INFO
    access_logger.log(level, "request", extra=extra)
