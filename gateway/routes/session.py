"""Routes of the console's session, and QR codes for its pages: no part of the API."""

import io

import msgspec
import segno
from aiohttp import web

from gateway.core.guesses import guesser
from gateway.errors import Forbidden, InvalidRequest, Unauthorized
from gateway.model import KeyCaller, Scope, WebSession
from gateway.routes import Admits, Route
from gateway.routes.exchange import Exchange, answer
from gateway.web.cookies import cookie_of, from_own_page, hand_out, take_back

_MOST_QR_BYTES = 1024


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """Body of sign-in."""

    key: str


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in; `csrf` goes out as `X-CSRF-Token` with every change."""

    key_id: str
    name: str
    scopes: list[str]
    csrf: str


class QrCreate(msgspec.Struct, frozen=True, kw_only=True):
    """What a QR code is to say."""

    text: str


async def sign_in(exchange: Exchange) -> web.StreamResponse:
    """Begin a session; one that the browser had before ends."""
    request = exchange.request
    if not from_own_page(request, exchange.gateway.config.public_url):
        # Or another site could sign somebody in as somebody else.
        raise Forbidden("sign in on a page of this gateway")
    body = await exchange.body(SignIn)
    desk = exchange.gateway.sessions
    cookie, session = await desk.sign_in(
        body.key,
        guesser=guesser(request.remote, ",".join(request.headers.getall("X-Forwarded-For", []))),
    )
    exchange.came_from(
        KeyCaller(session.key.id, session.key.scopes, session.key.name, by_console=True)
    )
    if (former := cookie_of(request)) is not None:
        await desk.sign_out(former)
    response = _shown(session, desk.csrf(cookie))
    hand_out(response, cookie, request)
    return response


async def get(exchange: Exchange) -> web.StreamResponse:
    """Say who is signed in."""
    cookie = _cookie(exchange)
    desk = exchange.gateway.sessions
    return _shown(await desk.signed_in(cookie), desk.csrf(cookie))


async def sign_out(exchange: Exchange) -> web.StreamResponse:
    """End a session."""
    await exchange.gateway.sessions.sign_out(_cookie(exchange))
    response = web.Response(status=204)
    take_back(response)
    return response


async def qr(exchange: Exchange) -> web.StreamResponse:
    """Draw a QR code."""
    body = await exchange.body(QrCreate)
    if not 0 < len(body.text.encode()) <= _MOST_QR_BYTES:
        raise InvalidRequest(
            f"text must have 1 to {_MOST_QR_BYTES} bytes", details={"field": "text"}
        )
    drawn = io.BytesIO()
    segno.make_qr(body.text, error="m").save(
        drawn, kind="svg", scale=4, border=4, dark="#000", light="#fff", xmldecl=False
    )
    return web.Response(
        body=drawn.getvalue(),
        content_type="image/svg+xml",
        # It can be the way in of a device: it must not stay in any cache.
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


def _cookie(exchange: Exchange) -> str:
    cookie = cookie_of(exchange.request)
    if cookie is None:
        raise Unauthorized("this is about the session of a browser, and there is none")
    return cookie


def _shown(session: WebSession, csrf: str) -> web.Response:
    view = SessionView(
        key_id=session.key.id, name=session.key.name, scopes=sorted(session.key.scopes), csrf=csrf
    )
    return answer(view, headers={"Cache-Control": "no-store"})


ROUTES = (
    Route(
        method="POST",
        path="/console/session",
        operation_id="signIn",
        summary="Sign in to the console by a key that may do `admin`",
        run=sign_in,
        admits=Admits.ANYONE,
        audited=True,
        answers=(),
    ),
    Route(
        method="GET",
        path="/console/session",
        operation_id="getSession",
        summary="Say who is signed in",
        run=get,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        answers=(),
    ),
    Route(
        method="DELETE",
        path="/console/session",
        operation_id="signOut",
        summary="Sign out of the console",
        run=sign_out,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        answers=(),
    ),
    Route(
        method="POST",
        path="/console/qr",
        operation_id="drawQr",
        summary="Draw a QR code",
        run=qr,
        admits=Admits.KEYS,
        audited=False,
        scope=Scope.ADMIN,
        answers=(),
    ),
)
"""What the application serves beside the API."""
