"""Routes of the fleet: how all devices stand, and new tokens for one of them."""

from datetime import datetime

import msgspec
from aiohttp import web

from gateway.core.fleet import Severity, Standing, troubles
from gateway.errors import NotFound
from gateway.model import Scope
from gateway.routes import PAGE, Admits, Answer, Parameter, Route
from gateway.routes import examples as example
from gateway.routes.bodies import TokenView
from gateway.routes.exchange import Exchange, answer

_MOST = 1000


class TroubleView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a device. `message` is for people; `code` is stable."""

    code: str
    severity: Severity
    message: str


class StandingView(msgspec.Struct, frozen=True, kw_only=True):
    """How a device stands, from its last heartbeat and what it began to upload.

    `backlog_count` is how many recordings are not complete here, `backlog_oldest_at` when the
    oldest of those was begun here.
    """

    id: str
    name: str | None
    serial_number: str
    model: str | None
    status: str
    end_user_id: str | None
    last_seen_at: datetime | None
    battery_percent: int | None
    charging: bool | None
    storage_used_mb: int | None
    storage_total_mb: int | None
    signal_strength_dbm: int | None
    connection_type: list[str]
    device_state: str | None
    firmware_version: str | None
    backlog_count: int | None
    backlog_oldest_at: datetime | None
    problems: list[TroubleView]


class FleetPage(msgspec.Struct, frozen=True, kw_only=True):
    """Devices, oldest first."""

    data: list[StandingView]
    has_more: bool


async def page(exchange: Exchange) -> web.StreamResponse:
    """List devices and how they stand."""
    limit = exchange.number("limit", _MOST, least=1, most=_MOST)
    found = await exchange.gateway.store.fleet.page(limit + 1, exchange.offset())
    now = exchange.gateway.clock.now()
    return answer(
        FleetPage(data=[_shown(each, now) for each in found[:limit]], has_more=len(found) > limit)
    )


async def rotate(exchange: Exchange) -> web.StreamResponse:
    """Give a device another token."""
    device = await exchange.gateway.devices.find(exchange.caller, exchange.path("device_id"))
    return answer(
        TokenView(device_token=await exchange.gateway.devices.issue(device)),
        headers={"Cache-Control": "no-store"},
    )


def _shown(standing: Standing, now: datetime) -> StandingView:
    device = standing.device
    said = device.heartbeat
    return StandingView(
        id=device.id,
        name=device.name,
        serial_number=device.serial_number,
        model=device.model,
        status="unbound" if device.end_user_id is None else "bound",
        end_user_id=device.end_user_id,
        last_seen_at=device.last_heartbeat_at,
        battery_percent=said.get("battery_percent"),
        charging=standing.charging,
        storage_used_mb=said.get("storage_used_mb"),
        storage_total_mb=said.get("storage_total_mb"),
        signal_strength_dbm=said.get("signal_strength_dbm"),
        connection_type=said.get("connection_type") or [],
        device_state=said.get("device_state"),
        firmware_version=device.firmware_version,
        backlog_count=standing.backlog,
        backlog_oldest_at=standing.oldest_at,
        problems=[
            TroubleView(code=each.code, severity=each.severity, message=each.message)
            for each in troubles(standing, now)
        ],
    )


STANDING = {
    "id": example.DEVICE_ID,
    "name": "North mast",
    "serial_number": "AM-07",
    "model": "fieldpost-box",
    "status": "unbound",
    "end_user_id": None,
    "last_seen_at": "2026-03-01T12:00:00Z",
    "battery_percent": 18,
    "charging": False,
    "storage_used_mb": 512,
    "storage_total_mb": 29000,
    "signal_strength_dbm": -71,
    "connection_type": ["wifi"],
    "device_state": "idle",
    "firmware_version": "1.4.2",
    "backlog_count": 2,
    "backlog_oldest_at": "2026-03-01T11:00:00Z",
    "problems": [{"code": "low_battery", "severity": "warning", "message": "its battery is low"}],
}

ROUTES = (
    Route(
        method="GET",
        path="/v1/fleet",
        operation_id="listFleet",
        summary="List all devices and how they stand",
        run=page,
        admits=Admits.KEYS,
        scope=Scope.DEVICES_READ,
        parameters=(
            Parameter(
                name="limit",
                place="query",
                means="How many at most.",
                schema={"type": "integer", "minimum": 1, "maximum": _MOST, "default": _MOST},
            ),
            PAGE[1],
        ),
        answers=(
            Answer(
                status=200,
                means="One page, oldest device first.",
                body=FleetPage,
                example={"data": [STANDING], "has_more": False},
            ),
        ),
    ),
    Route(
        method="POST",
        path="/v1/devices/{device_id}/token/rotate",
        operation_id="rotateDeviceToken",
        summary="Give a device another token, shown once; those that it had end at once",
        run=rotate,
        admits=Admits.KEYS,
        scope=Scope.DEVICES_WRITE,
        answers=(
            Answer(
                status=200,
                means="The token.",
                body=TokenView,
                example={"device_token": example.DEVICE_TOKEN},
            ),
        ),
        problems=(NotFound,),
    ),
)
"""The table that the application and openapi.json are built from."""
