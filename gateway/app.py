"""The composition root: one configuration in, one aiohttp application out."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

from aiohttp import web

from device.clock import Clock, SystemClock
from gateway.access import Access, new_id
from gateway.agreement import agree
from gateway.answering import GATEWAY, answering, tell_allowance
from gateway.bounds.auditing import Auditor
from gateway.bounds.quotas import QuotaDesk
from gateway.bounds.rates import RateGate
from gateway.config import GatewayConfig, make_folder
from gateway.core.ids import Prefix
from gateway.core.tokens import own_key
from gateway.cors import cors
from gateway.devices import DeviceDesk
from gateway.door import Door
from gateway.enrolment import EnrolDesk
from gateway.events.workers import telling
from gateway.live import Live
from gateway.metrics import Metrics
from gateway.openapi import written
from gateway.orders import OrderDesk
from gateway.phone.pairing import PhoneDesk
from gateway.phone.tunnels import Tunnels
from gateway.recordings import RecordingDesk
from gateway.retention import Retention
from gateway.routes.exchange import Gateway
from gateway.routes.incoming import no_early_continue
from gateway.routes.pages import pages
from gateway.routes.table import PAGE_ROUTES, ROUTES
from gateway.settings import SettingsDesk
from gateway.store.sql import open_store
from gateway.sweeping import Sweeper
from gateway.waveforms import WaveformDesk
from gateway.ways_in import ways_in
from gateway.web.signing_in import SessionDesk
from gateway.web.site import PageFile, read_site
from gateway.webhooks import WebhookDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A data folder at work, without a network address."""

    gateway: Gateway
    access: Access
    sweeper: Sweeper
    retention: Retention


@asynccontextmanager
async def create_app(
    config: GatewayConfig, clock: Clock | None = None
) -> AsyncIterator[web.Application]:
    """Open the data folder and build the application on it; closes everything at the end.

    Raises:
        ConfigInvalid: The data folder or the object store cannot be used.
        DatabaseOutdated: Its database is of another version.
    """
    async with opened(config, clock or SystemClock()) as found:
        await found.gateway.recordings.purge_deleted()
        await found.gateway.intake.tidy()
        await found.gateway.waveforms.tidy()
        telling_all = telling(
            found.gateway.store,
            found.gateway.objects,
            found.gateway.metrics,
            found.gateway.clock,
            config=config,
            process_id=found.gateway.process_id,
        )
        async with telling_all, _tidying(found, config.sweep_every_s):
            yield _application(found, await asyncio.to_thread(read_site, config))


@asynccontextmanager
async def opened(config: GatewayConfig, clock: Clock) -> AsyncIterator[Opened]:
    """Open the data folder; changes nothing in it by itself.

    Raises:
        ConfigInvalid, DatabaseOutdated: See `create_app`.
    """
    make_folder(config.data)
    async with open_store(config.data, config.database) as store:
        await agree(config, store)
        metrics = Metrics()
        live = Live()
        ways = ways_in(config, store, metrics, clock, live)
        waveforms = WaveformDesk(
            store, ways.objects, ways.intake, clock, folder=config.data / "listening"
        )
        recordings = RecordingDesk(
            store,
            ways.objects,
            ways.intake,
            metrics,
            clock,
            url_ttl_s=config.url_ttl_s,
            max_sessions=config.max_sessions,
        )
        devices = DeviceDesk(store, clock, secret=config.secret)
        phones = PhoneDesk(store, clock)
        gateway = Gateway(
            config=config,
            process_id=new_id(Prefix.PROCESS),
            clock=clock,
            store=store,
            objects=ways.objects,
            intake=ways.intake,
            part_lists=ways.part_lists,
            recordings=recordings,
            devices=devices,
            orders=OrderDesk(store, clock),
            settings=SettingsDesk(store, clock),
            quotas=QuotaDesk(store, clock, retention_days=config.bounds.retention_days),
            enrolment=EnrolDesk(store, clock, secret=config.secret),
            phones=phones,
            tunnels=Tunnels(config, clock, store, devices, phones),
            webhooks=WebhookDesk(
                store, clock, secret=config.secret, allow_http=config.events.allow_http
            ),
            sessions=SessionDesk(store, clock, secret=config.secret),
            waveforms=waveforms,
            live=live,
            metrics=metrics,
            openapi=written(),
            version=version("fieldpost"),
        )
        sweeper = Sweeper(
            store,
            ways,
            recordings,
            metrics,
            clock,
            age_s=config.sweep_age_s,
            process_id=gateway.process_id,
        )
        retention = Retention(
            store, recordings, clock, config.bounds, process_id=gateway.process_id
        )
        try:
            access = Access(store, clock, own_key=own_key(config.secret))
            yield Opened(gateway=gateway, access=access, sweeper=sweeper, retention=retention)
        finally:
            await gateway.tunnels.drain()
            await waveforms.aclose()
            await ways.aclose()


@asynccontextmanager
async def _tidying(found: Opened, every_s: float) -> AsyncIterator[None]:
    """Sweep, and remove what is old, beside everything else until the block ends."""
    tasks = [
        asyncio.create_task(found.sweeper.run(every_s), name="sweeper"),
        asyncio.create_task(found.retention.run(every_s), name="retention"),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _application(found: Opened, site: Mapping[str, PageFile]) -> web.Application:
    gateway = found.gateway
    app = web.Application(middlewares=[answering], client_max_size=gateway.config.max_body_bytes)
    app[GATEWAY] = gateway
    app.on_shutdown.append(_without_phones)
    app.on_response_prepare.append(tell_allowance)
    if gateway.config.cors_origins:
        app.on_response_prepare.append(cors(gateway.config.cors_origins))
    rates = RateGate(gateway.store.rates, gateway.clock, gateway.config.bounds)
    door = Door(gateway, found.access, rates, Auditor(gateway.store.audit, gateway.clock))
    for route in (*ROUTES, *PAGE_ROUTES, *pages(site)):
        app.router.add_route(
            route.method,
            route.path,
            partial(door.let_in, route=route),
            expect_handler=no_early_continue if route.raw_body else None,
        )
    return app


async def _without_phones(app: web.Application) -> None:
    """End the tunnels, which would be waited for otherwise."""
    await app[GATEWAY].tunnels.drain()
