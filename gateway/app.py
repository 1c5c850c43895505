"""The composition root: one configuration in, one aiohttp application out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from aiohttp import web

from device.clock import Clock, SystemClock
from gateway.access import Access, permit
from gateway.answering import CALLER, GATEWAY, Handler, answering
from gateway.config import GatewayConfig, make_folder
from gateway.devices import DeviceDesk
from gateway.metrics import Metrics
from gateway.model import Caller  # noqa: TC001 - annotates a local, costs nothing
from gateway.openapi import written
from gateway.recordings import RecordingDesk
from gateway.routes import Admits, Route
from gateway.routes.exchange import Exchange, Gateway
from gateway.routes.table import ROUTES
from gateway.routes.uploads import no_early_continue
from gateway.store.sql import open_store
from gateway.ways_in import ways_in


@asynccontextmanager
async def create_app(
    config: GatewayConfig, clock: Clock | None = None
) -> AsyncIterator[web.Application]:
    """Open the data folder and build the application on it; closes everything at the end.

    Raises:
        ConfigInvalid: The data folder cannot be used.
        DatabaseOutdated: Its database is of another version.
    """
    clock = clock or SystemClock()
    make_folder(config.data)
    async with open_store(config.data) as store:
        metrics = Metrics()
        ways = ways_in(config, store, metrics, clock)
        recordings = RecordingDesk(
            store,
            ways.objects,
            ways.intake,
            metrics,
            clock,
            url_ttl_s=config.url_ttl_s,
            max_sessions=config.max_sessions,
        )
        gateway = Gateway(
            config=config,
            clock=clock,
            store=store,
            objects=ways.objects,
            intake=ways.intake,
            part_lists=ways.part_lists,
            recordings=recordings,
            devices=DeviceDesk(store, clock, secret=config.secret),
            metrics=metrics,
            openapi=written(),
            version=version("fieldpost"),
        )
        try:
            await recordings.purge_deleted()
            await ways.intake.tidy()
            yield _application(gateway, Access(store, clock))
        finally:
            await ways.aclose()


def _application(gateway: Gateway, access: Access) -> web.Application:
    app = web.Application(middlewares=[answering], client_max_size=gateway.config.max_body_bytes)
    app[GATEWAY] = gateway
    for route in ROUTES:
        app.router.add_route(
            route.method,
            route.path,
            _handler(route, gateway, access),
            expect_handler=no_early_continue if route.raw_body else None,
        )
    return app


def _handler(route: Route, gateway: Gateway, access: Access) -> Handler:
    """Put the door in front of a route: no handler can forget to ask who is calling."""

    async def handle(request: web.Request) -> web.StreamResponse:
        caller: Caller | None = None
        if route.admits not in (Admits.ANYONE, Admits.SIGNED_URL):
            caller = await access.caller(
                request.headers.get("Authorization"), refreshing=route.refreshing
            )
            request[CALLER] = caller
            permit(
                caller,
                None if route.admits is Admits.DEVICES else route.scope,
                devices=route.admits is not Admits.KEYS,
            )
        return await route.run(Exchange(request, gateway, caller))

    return handle
