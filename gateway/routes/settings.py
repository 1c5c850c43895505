"""Routes of settings: of one device, and of all of them."""

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from gateway.core.settings import GATEWAY, Settings
from gateway.errors import NotFound
from gateway.model import Scope
from gateway.routes import Admits, Answer, Route
from gateway.routes import life_examples as example
from gateway.routes.exchange import Exchange, answer
from gateway.routes.life_bodies import SettingsView
from gateway.settings import Merged


async def get(exchange: Exchange) -> web.StreamResponse:
    """Get settings."""
    level = await _level(exchange)
    return _shown(level, await exchange.gateway.settings.read(level))


async def put(exchange: Exchange) -> web.StreamResponse:
    """Replace a level."""
    document = await exchange.document()
    level = await _level(exchange)
    return _shown(level, await exchange.gateway.settings.replace(level, document))


async def patch(exchange: Exchange) -> web.StreamResponse:
    """Change a level."""
    document = await exchange.document()
    level = await _level(exchange)
    return _shown(level, await exchange.gateway.settings.patch(level, document))


async def _level(exchange: Exchange) -> str:
    """Give the level of the path: a device that the caller may see, or all of them."""
    if "device_id" not in exchange.request.match_info:
        return GATEWAY
    found = await exchange.gateway.devices.find(exchange.caller, exchange.path("device_id"))
    return found.id


def _shown(level: str, merged: Merged) -> web.StreamResponse:
    return answer(
        SettingsView(
            device_id=None if level == GATEWAY else level,
            value=msgspec.convert(merged.value, Settings),
            own=msgspec.convert(merged.own, Settings),
            origins=merged.origins,
            settings_version=merged.version,
        )
    )


def _routes(path: str, whose: str, suffix: str, shown: Mapping[str, Any]) -> tuple[Route, ...]:
    answers = (Answer(status=200, means="What holds now.", body=SettingsView, example=shown),)
    missing = (NotFound,) if "{" in path else ()
    return (
        Route(
            method="GET",
            path=path,
            operation_id=f"get{suffix}",
            summary=f"Get the settings of {whose}, merged, with the origin of each",
            run=get,
            admits=Admits.KEYS_AND_DEVICES if missing else Admits.KEYS,
            scope=Scope.DEVICES_READ,
            answers=answers,
            problems=missing,
        ),
        Route(
            method="PUT",
            path=path,
            operation_id=f"replace{suffix}",
            summary=f"Replace the settings of {whose}",
            run=put,
            admits=Admits.KEYS,
            scope=Scope.DEVICES_WRITE,
            body=Settings,
            example=example.SETTINGS,
            answers=answers,
            problems=missing,
        ),
        Route(
            method="PATCH",
            path=path,
            operation_id=f"change{suffix}",
            summary=f"Change settings of {whose}: merged deeply, null removes",
            run=patch,
            admits=Admits.KEYS,
            scope=Scope.DEVICES_WRITE,
            body=Settings,
            example=example.SETTINGS_PATCH,
            answers=answers,
            problems=missing,
        ),
    )


ROUTES = (
    *_routes(
        "/v1/devices/{device_id}/settings", "a device", "DeviceSettings", example.SETTINGS_VIEW
    ),
    *_routes("/v1/settings", "all devices", "Settings", example.GENERAL_VIEW),
)
"""The table that the application and openapi.json are built from."""
