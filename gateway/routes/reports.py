"""Routes of what devices say of themselves: heartbeat, and the last heartbeats and faults."""

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from gateway.core.settings import Settings
from gateway.errors import NotFound
from gateway.model import Scope
from gateway.routes import PAGE, Answer, Route
from gateway.routes import life_examples as example
from gateway.routes.exchange import Exchange, answer, invalid
from gateway.routes.life_bodies import (
    AcceptedFaults,
    Diagnostics,
    FaultEvent,
    FaultPage,
    Heartbeat,
    HeartbeatAnswer,
    ReportPage,
    show_fault,
    show_order,
    show_report,
)


async def heartbeat(exchange: Exchange) -> web.StreamResponse:
    """Keep a device's report; answer what it has to know."""
    body = await exchange.body(Heartbeat)
    faults = _faults(body.diagnostics)
    gateway = exchange.gateway
    device = await gateway.devices.find(exchange.caller, exchange.path("device_id"))
    report = msgspec.to_builtins(msgspec.structs.replace(body, diagnostics=None))
    await gateway.store.reports.keep(device.id, report, faults, gateway.clock.now())
    orders = await gateway.orders.deliver(device.id)
    merged = await gateway.settings.read(device.id)
    return answer(
        HeartbeatAnswer(
            status="ok",
            server_time=gateway.clock.now(),
            commands=[show_order(each) for each in orders],
            settings=msgspec.convert(merged.value, Settings),
            settings_version=merged.version,
            diagnostics=msgspec.UNSET
            if body.diagnostics is None
            else AcceptedFaults(accepted_event_ids=list(faults)),
        )
    )


async def heartbeats(exchange: Exchange) -> web.StreamResponse:
    """List the last heartbeats."""
    device = await exchange.gateway.devices.find(exchange.caller, exchange.path("device_id"))
    found = await exchange.gateway.store.reports.heartbeats(device.id, exchange.limit())
    return answer(ReportPage(data=[show_report(each) for each in found]))


async def diagnostics(exchange: Exchange) -> web.StreamResponse:
    """List the last faults."""
    device = await exchange.gateway.devices.find(exchange.caller, exchange.path("device_id"))
    found = await exchange.gateway.store.reports.faults(device.id, exchange.limit())
    return answer(FaultPage(data=[show_fault(each) for each in found]))


def _faults(told: Diagnostics | None) -> dict[str, Mapping[str, Any]]:
    """Give faults by their ids; of an id that is told twice the first counts."""
    faults: dict[str, Mapping[str, Any]] = {}
    for at, event in enumerate([] if told is None else told.events):
        try:
            known = msgspec.convert(event, FaultEvent)
        except msgspec.ValidationError as error:
            raise invalid(error, f"diagnostics.events[{at}].") from error
        faults.setdefault(known.event_id, event)
    return faults


_DEVICE = "/v1/devices/{device_id}"

ROUTES = (
    Route(
        method="POST",
        path=f"{_DEVICE}/heartbeat",
        operation_id="heartbeat",
        summary="Report a device's state and hear its commands and settings; it may say `me`",
        run=heartbeat,
        scope=Scope.DEVICES_WRITE,
        body=Heartbeat,
        example=example.HEARTBEAT,
        answers=(
            Answer(
                status=200,
                means="Kept. A command is told again until its result came or it expired.",
                body=HeartbeatAnswer,
                example=example.HEARTBEAT_ANSWER,
            ),
        ),
        problems=(NotFound,),
    ),
    Route(
        method="GET",
        path=f"{_DEVICE}/heartbeats",
        operation_id="listHeartbeats",
        summary="List the last heartbeats of a device, newest first",
        run=heartbeats,
        scope=Scope.DEVICES_READ,
        parameters=(PAGE[0],),
        answers=(
            Answer(status=200, means="The last ones.", body=ReportPage, example=example.REPORTS),
        ),
        problems=(NotFound,),
    ),
    Route(
        method="GET",
        path=f"{_DEVICE}/diagnostics",
        operation_id="listDiagnostics",
        summary="List the last faults that a device told of, newest first",
        run=diagnostics,
        scope=Scope.DEVICES_READ,
        parameters=(PAGE[0],),
        answers=(
            Answer(status=200, means="The last ones.", body=FaultPage, example=example.FAULTS),
        ),
        problems=(NotFound,),
    ),
)
"""The table that the application and openapi.json are built from."""
