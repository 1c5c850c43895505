"""Routes of enrolment: make a one-time code, give a token for one."""

from aiohttp import web

from gateway.core.guesses import guesser
from gateway.errors import CodeRefused, NotFound, TooManyGuesses, Unavailable
from gateway.model import Scope
from gateway.routes import Admits, Answer, Route
from gateway.routes import life_examples as example
from gateway.routes.exchange import Exchange, answer
from gateway.routes.life_bodies import EnrolCodeView, EnrolCreate, Enrolled


async def code(exchange: Exchange) -> web.StreamResponse:
    """Make a code for a device."""
    device = await exchange.gateway.devices.find(exchange.caller, exchange.path("device_id"))
    text, expires_at = await exchange.gateway.enrolment.code(device)
    return answer(EnrolCodeView(device_id=device.id, code=text, expires_at=expires_at), status=201)


async def enrol(exchange: Exchange) -> web.StreamResponse:
    """Give a token for a code."""
    body = await exchange.body(EnrolCreate)
    request = exchange.request
    device_id, token = await exchange.gateway.enrolment.enrol(
        body.code,
        body.enrol_nonce,
        # Some proxies add a line of their own instead of an item to the client's.
        guesser=guesser(request.remote, ",".join(request.headers.getall("X-Forwarded-For", []))),
    )
    return answer(Enrolled(device_id=device_id, device_token=token))


ROUTES = (
    Route(
        method="POST",
        path="/v1/devices/{device_id}/enrol-codes",
        operation_id="createEnrolCode",
        summary="Make a one-time code that gives a box this device's token, within 15 minutes",
        run=code,
        admits=Admits.KEYS,
        scope=Scope.DEVICES_WRITE,
        answers=(
            Answer(
                status=201,
                means="The code, shown once.",
                body=EnrolCodeView,
                example=example.ENROL_CODE,
            ),
        ),
        problems=(NotFound,),
    ),
    Route(
        method="POST",
        path="/v1/enrol",
        operation_id="enrol",
        summary="Get a device's token for a code; its old ones work until that is first used",
        run=enrol,
        admits=Admits.ANYONE,
        body=EnrolCreate,
        example=example.ENROL,
        answers=(
            Answer(
                status=200,
                means="The token; the same again for the same code and `enrol_nonce`.",
                body=Enrolled,
                example=example.ENROLLED,
            ),
        ),
        problems=(CodeRefused, TooManyGuesses, Unavailable),
    ),
)
"""The table that the application and openapi.json are built from."""
