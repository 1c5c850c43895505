"""The keeper: old events go, what somebody waits for stays, and what waits is counted."""

from datetime import timedelta

import pytest

from gateway.events.keeping import Keeper
from gateway.metrics import Metrics
from tests.gateway.store.noted import claim, good, happened, hook

pytestmark = pytest.mark.asyncio

DAY_S = 24 * 3600


def gauge(metrics, name, way):
    return metrics.registry.get_sample_value(f"fieldpost_gateway_events_{name}", {"way": way})


@pytest.mark.parametrize(("streaming", "left"), [(False, 2), (True, 4)])
async def test_old_events_are_forgotten(store, clock, streaming, left):
    """After their days, unless a webhook or the stream still waits for them."""
    await store.webhooks.add(hook("a", clock.now()), limit=9)
    await happened(store, clock, 3)
    for claimed in (await claim(store, clock))[1:]:
        await store.deliveries.ended(claimed, good(clock), None)
    keeper = Keeper(store, Metrics(), clock, keep_s=2 * DAY_S, streaming=streaming)
    clock.advance(DAY_S)
    await keeper.forget()
    early = len(await store.events.after(0, 9))
    clock.advance(2 * DAY_S)
    await happened(store, clock, 1, first=4)
    await keeper.forget()

    assert 3 == early
    assert left == len(await store.events.after(0, 9))


async def test_what_waits_is_counted(store, clock):
    """With the age of the oldest, for each way out."""
    metrics = Metrics()
    await store.webhooks.add(hook("a", clock.now()), limit=9)
    await happened(store, clock, 2)
    clock.advance(timedelta(minutes=1).total_seconds())
    await Keeper(store, metrics, clock, keep_s=DAY_S, streaming=True).count()

    assert (2, 60) == (
        gauge(metrics, "waiting", "webhooks"),
        gauge(metrics, "oldest_seconds", "webhooks"),
    )
    assert (2, 60) == (
        gauge(metrics, "waiting", "stream"),
        gauge(metrics, "oldest_seconds", "stream"),
    )
