"""Routes of devices: register, list, get, bind, unbind, token refresh."""

from aiohttp import web

from gateway.errors import DeviceAlreadyBound, IdempotencyMismatch, NotFound
from gateway.model import Device, Scope
from gateway.routes import IDEMPOTENCY_KEY, PAGE, REPLAYED, Admits, Answer, Route
from gateway.routes import examples as example
from gateway.routes.bodies import (
    DeviceBind,
    DeviceCreate,
    DevicePage,
    DeviceView,
    TokenView,
    show_device,
)
from gateway.routes.exchange import Exchange, answer, replayed
from gateway.routes.times import UNSET


async def create(exchange: Exchange) -> web.StreamResponse:
    """Register a device."""
    body = await exchange.body(DeviceCreate)
    wanted = Device(
        id="",
        serial_number=body.serial_number,
        model=body.model or body.device_type,
        firmware_version=body.firmware_version,
        metadata=body.metadata,
        created_at=UNSET,
        updated_at=UNSET,
    )
    made = await exchange.gateway.devices.register(wanted)
    return answer(show_device(made.value), status=200 if made.replayed else 201)


async def page(exchange: Exchange) -> web.StreamResponse:
    """List devices."""
    limit = exchange.limit()
    found = await exchange.gateway.store.devices.page(limit + 1, exchange.offset())
    shown = [show_device(device) for device in found[:limit]]
    return answer(DevicePage(data=shown, has_more=len(found) > limit))


async def get(exchange: Exchange) -> web.StreamResponse:
    """Get a device."""
    found = await exchange.gateway.devices.find(exchange.caller, exchange.path("device_id"))
    return answer(show_device(found))


async def bind(exchange: Exchange) -> web.StreamResponse:
    """Bind a device to a user."""
    body = await exchange.body(DeviceBind)
    device_id = exchange.path("device_id")
    made, token = await exchange.gateway.devices.bind(
        exchange.caller, device_id, body.end_user_id, exchange.intent("bind", device_id, body)
    )
    return answer(show_device(made.value, device_token=token), headers=replayed(made.replayed))


async def unbind(exchange: Exchange) -> web.StreamResponse:
    """Free a device from its user."""
    freed = await exchange.gateway.devices.unbind(exchange.caller, exchange.path("device_id"))
    return answer(show_device(freed))


async def refresh(exchange: Exchange) -> web.StreamResponse:
    """Issue the next token of the calling device."""
    token = await exchange.gateway.devices.refresh(exchange.device, exchange.path("device_id"))
    return answer(TokenView(device_token=token))


_DEVICE = "/v1/devices/{device_id}"

ROUTES = (
    Route(
        method="POST",
        path="/v1/devices",
        operation_id="createDevice",
        summary="Register a device; the same serial number gives the same device",
        run=create,
        admits=Admits.KEYS,
        scope=Scope.DEVICES_WRITE,
        body=DeviceCreate,
        example=example.DEVICE_CREATE,
        answers=(
            Answer(status=201, means="Registered.", body=DeviceView, example=example.DEVICE),
            Answer(status=200, means="Known already.", body=DeviceView, example=example.DEVICE),
        ),
    ),
    Route(
        method="GET",
        path="/v1/devices",
        operation_id="listDevices",
        summary="List devices, oldest first",
        run=page,
        admits=Admits.KEYS,
        scope=Scope.DEVICES_READ,
        parameters=PAGE,
        answers=(
            Answer(
                status=200,
                means="One page.",
                body=DevicePage,
                example={"data": [example.DEVICE], "has_more": False},
            ),
        ),
    ),
    Route(
        method="GET",
        path=_DEVICE,
        operation_id="getDevice",
        summary="Get a device; a device sees itself, also as `me`",
        run=get,
        scope=Scope.DEVICES_READ,
        answers=(Answer(status=200, means="The device.", body=DeviceView, example=example.DEVICE),),
        problems=(NotFound,),
    ),
    Route(
        method="POST",
        path=f"{_DEVICE}/bind",
        operation_id="bindDevice",
        summary="Bind a device to a user; answers its new token once",
        run=bind,
        admits=Admits.KEYS,
        scope=Scope.DEVICES_WRITE,
        body=DeviceBind,
        example={"end_user_id": "eu_42"},
        parameters=(IDEMPOTENCY_KEY,),
        answers=(
            Answer(
                status=200,
                means="Bound; earlier tokens are revoked.",
                body=DeviceView,
                example=example.BOUND,
                headers=REPLAYED,
            ),
        ),
        problems=(NotFound, DeviceAlreadyBound, IdempotencyMismatch),
    ),
    Route(
        method="POST",
        path=f"{_DEVICE}/unbind",
        operation_id="unbindDevice",
        summary="Free a device from its user; its tokens are revoked",
        run=unbind,
        admits=Admits.KEYS,
        scope=Scope.DEVICES_WRITE,
        answers=(Answer(status=200, means="Unbound.", body=DeviceView, example=example.DEVICE),),
        problems=(NotFound,),
    ),
    Route(
        method="POST",
        path=f"{_DEVICE}/token/refresh",
        operation_id="refreshDeviceToken",
        summary="Get the next token; the old one works until that is first used, or 24 h",
        run=refresh,
        admits=Admits.DEVICES,
        refreshing=True,
        answers=(
            Answer(
                status=200,
                means="The next token; a repeated request gives the same one.",
                body=TokenView,
                example={"device_token": example.DEVICE_TOKEN},
            ),
        ),
        problems=(NotFound,),
    ),
)
"""The table that the application and openapi.json are built from."""
