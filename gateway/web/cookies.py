"""The console's cookie on requests and answers."""

from aiohttp import web

from gateway.core.sessions import COOKIE, CSRF_HEADER, own_origin
from gateway.web.signing_in import Asking


def cookie_of(request: web.Request) -> str | None:
    """Give the cookie of a request that says by no other way who is calling."""
    if "Authorization" in request.headers:
        return None
    return request.cookies.get(COOKIE)


def asking_of(request: web.Request, public_url: str | None) -> Asking:
    """Say how a request was made."""
    return Asking(
        changes=request.method not in {"GET", "HEAD"},
        own_page=from_own_page(request, public_url),
        csrf=request.headers.get(CSRF_HEADER),
        waits="text/event-stream" in request.headers.get("Accept", ""),
    )


def from_own_page(request: web.Request, public_url: str | None) -> bool:
    """Say whether a page of this gateway sent a request."""
    return own_origin(request.headers.get("Origin"), host=request.host, public_url=public_url)


def hand_out(response: web.Response, cookie: str, request: web.Request) -> None:
    """Put the cookie on an answer; no page's code can read it, and no other site's request has it.

    It ends with the browser; how long it is good is the database's to say. The browser itself tells
    whether it came by TLS, whatever stands in between.
    """
    secure = request.secure or request.headers.get("Origin", "").startswith("https://")
    response.set_cookie(COOKIE, cookie, path="/", httponly=True, samesite="Strict", secure=secure)


def take_back(response: web.Response) -> None:
    """Remove the cookie from a browser."""
    response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
