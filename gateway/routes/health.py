"""Routes for operators: livez, readyz, metrics, version, openapi.json."""

import asyncio

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.readiness import Pingable, fault
from gateway.routes import Admits, Answer, Route
from gateway.routes.bodies import Readiness, Status, Version
from gateway.routes.exchange import Exchange, answer

_CHECK_S = 1.0


async def livez(_exchange: Exchange) -> web.StreamResponse:
    """Say that this process answers; depends on nothing."""
    return answer(Status(status="ok"))


async def readyz(exchange: Exchange) -> web.StreamResponse:
    """Say whether requests should come here."""
    gateway = exchange.gateway
    async with asyncio.TaskGroup() as group:
        checks = {
            "store": group.create_task(_checked(gateway.store), name="check-store"),
            "objects": group.create_task(_checked(gateway.objects), name="check-objects"),
        }
    words = {name: check.result() for name, check in checks.items()}
    words["draining"] = "about to stop" if gateway.draining else "ok"
    ready = set(words.values()) == {"ok"}
    return answer(
        Readiness(status="ready" if ready else "not ready", checks=words),
        status=200 if ready else 503,
        headers=None if ready else {"Retry-After": "1"},
    )


async def metrics(exchange: Exchange) -> web.StreamResponse:
    """Give all counters in Prometheus' text form."""
    return web.Response(
        body=generate_latest(exchange.gateway.metrics.registry),
        headers={"Content-Type": CONTENT_TYPE_LATEST},
    )


async def version(exchange: Exchange) -> web.StreamResponse:
    """Say what runs here."""
    return answer(Version(name="fieldpost-gateway", version=exchange.gateway.version, api="v1"))


async def openapi(exchange: Exchange) -> web.StreamResponse:
    """Give the description of this API."""
    return web.Response(body=exchange.gateway.openapi, content_type="application/json")


async def _checked(what: Pingable) -> str:
    return await fault(what, _CHECK_S) or "ok"


ROUTES = (
    Route(
        method="GET",
        path="/livez",
        operation_id="livez",
        summary="Is this process alive",
        run=livez,
        admits=Admits.ANYONE,
        answers=(Answer(status=200, means="Alive.", body=Status, example={"status": "ok"}),),
    ),
    Route(
        method="GET",
        path="/readyz",
        operation_id="readyz",
        summary="Should requests come here",
        run=readyz,
        admits=Admits.ANYONE,
        answers=(
            Answer(
                status=200,
                means="Ready.",
                body=Readiness,
                example={
                    "status": "ready",
                    "checks": {"store": "ok", "objects": "ok", "draining": "ok"},
                },
            ),
            Answer(
                status=503,
                means="Not ready; the checks say why.",
                body=Readiness,
                example={
                    "status": "not ready",
                    "checks": {"store": "ok", "objects": "ok", "draining": "about to stop"},
                },
            ),
        ),
    ),
    Route(
        method="GET",
        path="/metrics",
        operation_id="metrics",
        summary="Counters in Prometheus' text form",
        run=metrics,
        admits=Admits.ANYONE,
        answers=(Answer(status=200, means="The counters."),),
    ),
    Route(
        method="GET",
        path="/version",
        operation_id="version",
        summary="What runs here",
        run=version,
        admits=Admits.ANYONE,
        answers=(
            Answer(
                status=200,
                means="The version.",
                body=Version,
                example={"name": "fieldpost-gateway", "version": "0.1.0", "api": "v1"},
            ),
        ),
    ),
    Route(
        method="GET",
        path="/openapi.json",
        operation_id="openapi",
        summary="This description",
        run=openapi,
        admits=Admits.ANYONE,
        answers=(Answer(status=200, means="OpenAPI 3.1."),),
    ),
)
"""The table that the application and openapi.json are built from."""
