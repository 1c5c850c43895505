"""The loops of events, begun and ended together with the application."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from device.clock import Clock
from gateway.config import GatewayConfig
from gateway.events.deliverer import Deliverer
from gateway.events.envelope import Envelopes
from gateway.events.keeping import Keeper
from gateway.events.sender import Sender
from gateway.events.stream import Stream
from gateway.metrics import Metrics
from gateway.objects import ObjectStore
from gateway.store import Store

logger = logging.getLogger(__name__)

_LAST_TRIES_S = 5.0


@asynccontextmanager
async def telling(  # noqa: PLR0913 - the composition root wires seams by keyword
    store: Store,
    objects: ObjectStore,
    metrics: Metrics,
    clock: Clock,
    *,
    config: GatewayConfig,
    process_id: str,
) -> AsyncIterator[None]:
    """Tell of events beside everything else until the block ends; then the last tries may end.

    Raises:
        ConfigInvalid: A package is missing.
    """
    events = config.events
    envelopes = Envelopes(
        store, objects, clock, public_url=config.public_url, url_ttl_s=config.url_ttl_s
    )
    sender = Sender(agent=f"fieldpost-gateway/{version('fieldpost')}", allow_http=events.allow_http)
    deliverer = Deliverer(store, envelopes, sender, metrics, clock, secret=config.secret)
    streaming = events.nats_url is not None
    keeper = Keeper(store, metrics, clock, keep_s=events.keep_s, streaming=streaming)
    loops = {"keeper": keeper.run()}
    if streaming:
        stream = Stream(store, envelopes, metrics, clock, config=events, process_id=process_id)
        loops["stream"] = stream.run()
    delivering = asyncio.create_task(deliverer.run(), name="deliverer")
    others = [asyncio.create_task(loop, name=name) for name, loop in loops.items()]
    try:
        yield
    finally:
        deliverer.stop()
        for task in others:
            task.cancel()
        _, late = await asyncio.wait([delivering], timeout=_LAST_TRIES_S)
        if late:
            logger.warning("Some deliveries did not end in time; they are tried again.")
            delivering.cancel()
        await asyncio.wait([delivering, *others])
        await sender.aclose()
