"""Routes of phones: codes and what phones brought, for operators; pairing and the tunnel."""

from aiohttp import web

from gateway.core.guesses import guesser
from gateway.core.sessions import own_origin
from gateway.errors import Forbidden, InvalidRequest, NotFound, Unauthorized
from gateway.model import KeyCaller, Scope
from gateway.model_phones import Phone
from gateway.phone.ends import socket
from gateway.routes import PAGE, Admits, Answer, Route
from gateway.routes.exchange import Exchange, answer
from gateway.routes.phone_bodies import (
    PhoneCodeCreate,
    PhoneCodeView,
    PhoneList,
    PhonePair,
    PhoneVisitList,
    show_phone,
    show_self,
    show_visit,
)

COOKIE = "fieldpost_phone"
COOKIE_S = 400 * 24 * 3600
"""As long as browsers keep any cookie."""


async def code(exchange: Exchange) -> web.StreamResponse:
    """Make a code that pairs a phone."""
    body = await exchange.body(PhoneCodeCreate)
    text, expires_at = await exchange.gateway.phones.code(body.name, body.end_user_id)
    origin = exchange.base_url.removesuffix("/v1")
    shown = PhoneCodeView(code=text, expires_at=expires_at, url=f"{origin}/phone#{text}")
    return answer(shown, status=201)


async def phones(exchange: Exchange) -> web.StreamResponse:
    """List phones."""
    found = await exchange.gateway.phones.all()
    return answer(PhoneList(data=[show_phone(each) for each in found]))


async def revoke(exchange: Exchange) -> web.StreamResponse:
    """Revoke a phone."""
    await exchange.gateway.phones.revoke(exchange.path("phone_id"))
    return web.Response(status=204)


async def visits(exchange: Exchange) -> web.StreamResponse:
    """List what a phone brought."""
    found = await exchange.gateway.phones.visits(exchange.path("phone_id"), exchange.limit())
    return answer(PhoneVisitList(data=[show_visit(each) for each in found]))


async def pair(exchange: Exchange) -> web.StreamResponse:
    """Pair a phone for a code."""
    _own_page(exchange)
    body = await exchange.body(PhonePair)
    request = exchange.request
    phone, token = await exchange.gateway.phones.pair(
        body.code,
        guesser=guesser(request.remote, ",".join(request.headers.getall("X-Forwarded-For", []))),
    )
    _came_from(exchange, phone)
    response = answer(show_self(phone), status=201)
    secure = request.secure or request.headers.get("Origin", "").startswith("https://")
    response.set_cookie(
        COOKIE,
        token,
        max_age=COOKIE_S,
        path="/phone",
        httponly=True,
        samesite="Strict",
        secure=secure,
    )
    return response


async def me(exchange: Exchange) -> web.StreamResponse:
    """Say who the phone is."""
    phone = await exchange.gateway.phones.find(exchange.request.cookies.get(COOKIE))
    return answer(show_self(phone))


async def forget(exchange: Exchange) -> web.StreamResponse:
    """Unpair the phone that asks for it."""
    _own_page(exchange)
    phone = await exchange.gateway.phones.find(exchange.request.cookies.get(COOKIE))
    await exchange.gateway.phones.revoke(phone.id)
    _came_from(exchange, phone)
    response = web.Response(status=204)
    response.del_cookie(COOKIE, path="/phone", httponly=True, samesite="Strict")
    return response


async def tunnel(exchange: Exchange) -> web.StreamResponse:
    """Carry GATT through a phone, see gateway/phone/TUNNEL.md."""
    request = exchange.request
    if not socket().can_prepare(request):
        raise InvalidRequest("this is a WebSocket")
    _own_page(exchange)
    try:
        phone = await exchange.gateway.phones.find(request.cookies.get(COOKIE))
    except Unauthorized:
        phone = None
    return await exchange.gateway.tunnels.carry(request, phone)


def _own_page(exchange: Exchange) -> None:
    request = exchange.request
    public_url = exchange.gateway.config.public_url
    if not own_origin(request.headers.get("Origin"), host=request.host, public_url=public_url):
        raise Forbidden("this is for the page of this gateway alone")


def _came_from(exchange: Exchange, phone: Phone) -> None:
    exchange.came_from(KeyCaller(phone.id, frozenset(), phone.name))


_ID = "phn_2f1e0d3c4b5a69788796a5b4c3d2e1f0"
_PHONES = "/v1/phones"

ROUTES = (
    Route(
        method="POST",
        path=f"{_PHONES}/codes",
        operation_id="createPhoneCode",
        summary="Make a one-time code that pairs a phone, within 15 minutes",
        run=code,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        body=PhoneCodeCreate,
        example={"name": "Anna's phone", "end_user_id": "eu_42"},
        answers=(
            Answer(
                status=201,
                means="The code, shown once.",
                body=PhoneCodeView,
                example={
                    "code": "K7QF-2MXP",
                    "expires_at": "2026-03-01T12:15:00Z",
                    "url": "https://gateway.example.org/phone#K7QF-2MXP",
                },
            ),
        ),
    ),
    Route(
        method="GET",
        path=_PHONES,
        operation_id="listPhones",
        summary="List the phones that are paired",
        run=phones,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        answers=(
            Answer(
                status=200,
                means="All of them, oldest first.",
                body=PhoneList,
                example={
                    "data": [
                        {
                            "id": _ID,
                            "name": "Anna's phone",
                            "end_user_id": "eu_42",
                            "created_at": "2026-03-01T12:00:00Z",
                            "seen_at": None,
                        }
                    ]
                },
            ),
        ),
    ),
    Route(
        method="DELETE",
        path=f"{_PHONES}/{{phone_id}}",
        operation_id="revokePhone",
        summary="Revoke a phone; what it brought stays",
        run=revoke,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        answers=(Answer(status=204, means="It can do nothing more; repeatable."),),
        problems=(NotFound,),
    ),
    Route(
        method="GET",
        path=f"{_PHONES}/{{phone_id}}/visits",
        operation_id="listPhoneVisits",
        summary="List the recorders that a phone brought, newest first",
        run=visits,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        parameters=(PAGE[0],),
        answers=(
            Answer(
                status=200,
                means="The last ones.",
                body=PhoneVisitList,
                example={
                    "data": [
                        {
                            "id": "vis_2f1e0d3c4b5a69788796a5b4c3d2e1f0",
                            "device_id": "dev_2f1e0d3c4b5a69788796a5b4c3d2e1f0",
                            "recorder": "FP-0001",
                            "state": "done",
                            "standing": {"message": "All done: you can leave.", "recordings": []},
                            "began_at": "2026-03-01T12:00:00Z",
                            "heard_at": "2026-03-01T12:01:00Z",
                            "ended_at": "2026-03-01T12:01:00Z",
                        }
                    ]
                },
            ),
        ),
        problems=(NotFound,),
    ),
)

PAGE_ROUTES = (
    Route(
        method="POST",
        path="/phone/pair",
        operation_id="pairPhone",
        summary="Pair a phone for a code",
        run=pair,
        admits=Admits.ANYONE,
        audited=True,
        answers=(),
    ),
    Route(
        method="GET",
        path="/phone/me",
        operation_id="getOwnPhone",
        summary="Say who a phone is",
        run=me,
        admits=Admits.ANYONE,
        answers=(),
    ),
    Route(
        method="DELETE",
        path="/phone/me",
        operation_id="forgetOwnPhone",
        summary="Unpair the phone that asks for it",
        run=forget,
        admits=Admits.ANYONE,
        audited=True,
        answers=(),
    ),
    Route(
        method="GET",
        path="/phone/tunnel",
        operation_id="openTunnel",
        summary="Carry GATT through a phone",
        run=tunnel,
        admits=Admits.ANYONE,
        answers=(),
    ),
)
"""Opened by the cookie of a phone, which opens nothing else, and by no other credential."""
