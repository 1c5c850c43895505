"""Routes of quotas: of one device, of all of them, of one API key."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

import msgspec
from aiohttp import web

from gateway.bounds.quotas import Standing
from gateway.errors import NotFound
from gateway.model import Scope
from gateway.model_bounds import ALL_DEVICES, Quota
from gateway.routes import Admits, Answer, Route
from gateway.routes.exchange import Exchange, answer

_Amount = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Days = Annotated[int, msgspec.Meta(ge=0, le=36_500)]


class QuotaDocument(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Bounds of one subject. What is missing is as it is for all devices; 0 is no bound."""

    recordings_per_day: _Amount | None = None
    media_bytes_per_day: _Amount | None = None
    storage_bytes: _Amount | None = None
    retention_days: _Days | None = None


class QuotaUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What was used within the UTC day, and what is kept."""

    day: date
    recordings: int
    media: int
    media_bytes: int
    storage_bytes: int


class QuotaView(msgspec.Struct, frozen=True, kw_only=True):
    """A quota: what counts (`value`), what its own level says, what was used of it.

    There is no usage of all devices together.
    """

    device_id: str | None
    key_id: str | None
    value: QuotaDocument
    own: QuotaDocument
    usage: QuotaUsage | None


async def _device(exchange: Exchange) -> str:
    return (await exchange.gateway.devices.find(exchange.caller, exchange.path("device_id"))).id


async def _all(_exchange: Exchange) -> str:
    return ALL_DEVICES


async def _key(exchange: Exchange) -> str:
    return await exchange.gateway.quotas.key(exchange.path("key_id"))


def _shown(found: Standing, *, of_key: bool) -> web.StreamResponse:
    general = found.subject == ALL_DEVICES
    return answer(
        QuotaView(
            device_id=None if general or of_key else found.subject,
            key_id=found.subject if of_key else None,
            value=QuotaDocument(**asdict(found.value)),
            own=QuotaDocument(**asdict(found.own)),
            usage=None if general else QuotaUsage(**asdict(found.usage)),
        )
    )


def _routes(
    path: str,
    whose: str,
    suffix: str,
    subject: Callable[[Exchange], Awaitable[str]],
    shown: Mapping[str, Any],
) -> tuple[Route, ...]:
    of_key = suffix == "KeyQuota"

    async def get(exchange: Exchange) -> web.StreamResponse:
        found = await exchange.gateway.quotas.read(await subject(exchange), of_key=of_key)
        return _shown(found, of_key=of_key)

    async def put(exchange: Exchange) -> web.StreamResponse:
        body = await exchange.body(QuotaDocument)
        quota = Quota(**msgspec.structs.asdict(body))
        found = await exchange.gateway.quotas.replace(await subject(exchange), quota, of_key=of_key)
        return _shown(found, of_key=of_key)

    answers = (Answer(status=200, means="What holds now.", body=QuotaView, example=shown),)
    missing = (NotFound,) if "{" in path else ()
    return (
        Route(
            method="GET",
            path=path,
            operation_id=f"get{suffix}",
            summary=f"Get the quota of {whose}, and what was used of it",
            run=get,
            admits=Admits.KEYS,
            scope=Scope.ADMIN,
            answers=answers,
            problems=missing,
        ),
        Route(
            method="PUT",
            path=path,
            operation_id=f"replace{suffix}",
            summary=f"Replace the quota of {whose}; it counts at once",
            run=put,
            admits=Admits.KEYS,
            scope=Scope.ADMIN,
            body=QuotaDocument,
            example=_OWN,
            answers=answers,
            problems=missing,
        ),
    )


_OWN = {"recordings_per_day": 200, "storage_bytes": 50_000_000_000}
_VALUE = {**_OWN, "media_bytes_per_day": 0, "retention_days": 0}
_USAGE = {
    "day": "2026-03-01",
    "recordings": 12,
    "media": 132,
    "media_bytes": 81_264_640,
    "storage_bytes": 4_294_967_296,
}
_VIEW = {"device_id": None, "key_id": None, "value": _VALUE, "own": _OWN, "usage": _USAGE}

ROUTES = (
    *_routes(
        "/v1/devices/{device_id}/quota",
        "a device",
        "DeviceQuota",
        _device,
        {**_VIEW, "device_id": "dev_5e4d3c2b1a0f9e8d7c6b5a4f3e2d1c0b"},
    ),
    *_routes("/v1/quota", "all devices", "Quota", _all, {**_VIEW, "usage": None}),
    *_routes(
        "/v1/keys/{key_id}/quota",
        "what an API key makes",
        "KeyQuota",
        _key,
        {**_VIEW, "key_id": "key_1d2c3b4a5f6e7d8c9b0a1f2e3d4c5b6a"},
    ),
)
"""The table that the application and openapi.json are built from."""
