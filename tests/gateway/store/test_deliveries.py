"""Deliveries: each try is one process's, whatever dies; what is dead can be replayed."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from gateway.errors import Conflict
from gateway.model_events import DeliveryStatus, Event, EventType
from tests.gateway.store.noted import bad, claim, good, happened, hook

pytestmark = pytest.mark.asyncio


async def waiting(store, clock, count=1, webhook="all"):
    """Let so many deliveries wait for one webhook."""
    await store.webhooks.add(hook(webhook, clock.now()), limit=9)
    await happened(store, clock, count)


async def died(store, clock):
    """Let what waits fail for good."""
    for claimed in await claim(store, clock):
        await store.deliveries.ended(claimed, bad(clock), None)


async def test_a_try_is_claimed_once(any_store, open_any, clock):
    """Processes that look at the same time share what is due."""
    await waiting(any_store, clock, 10)
    async with open_any() as other:
        taken = await asyncio.gather(
            *(
                claim(store, clock, f"lease-{number}", limit=4)
                for number, store in enumerate((any_store, other) * 3)
            )
        )
    ids = [each.delivery.id for some in taken for each in some]
    left = await claim(any_store, clock, "later")

    assert len(ids) == len(set(ids))
    assert 10 == len(ids) + len(left)


async def test_a_claim_has_all_that_a_try_needs(any_store, clock):
    """The event and the webhook as they are now."""
    await waiting(any_store, clock)
    [claimed] = await claim(any_store, clock)

    assert ("wh_all", EventType.RECORDING_CREATED) == (claimed.webhook.id, claimed.event.type)
    assert claimed.event.id == claimed.delivery.event_id


async def test_a_try_of_a_process_that_died_is_made_again(any_store, clock):
    """When its lease ran out, and not before."""
    await waiting(any_store, clock)
    await claim(any_store, clock, "dies")
    clock.advance(59)
    before = await claim(any_store, clock, "early")
    clock.advance(1)
    after = await claim(any_store, clock, "takes over")

    assert ([], 1) == (before, len(after))


async def test_a_process_that_comes_back_changes_nothing(any_store, clock):
    """A lease that was taken over ends nothing: the try is somebody else's."""
    await waiting(any_store, clock)
    [late] = await claim(any_store, clock, "late")
    clock.advance(60)
    [newer] = await claim(any_store, clock, "newer")
    refused = await any_store.deliveries.ended(late, bad(clock), None)
    done = await any_store.deliveries.ended(newer, good(clock), None)

    assert (None, DeliveryStatus.DELIVERED) == (refused, done)


async def test_no_webhook_gets_more_than_its_share(any_store, clock):
    """A webhook with a long queue leaves room, and one without slots is left out."""
    for name in ("a", "b", "c"):
        await any_store.webhooks.add(hook(name, clock.now()), limit=9)
    await happened(any_store, clock, 5)
    taken = await claim(any_store, clock, limit=6, each=4, slots={"wh_a": 0, "wh_b": 3})

    assert ["wh_b"] * 3 + ["wh_c"] * 3 == sorted(each.webhook.id for each in taken)


async def test_nothing_is_written_where_nothing_is_due(any_store, clock):
    """What waits for a webhook without slots is not looked for either."""
    await waiting(any_store, clock)

    assert [] == await claim(any_store, clock, slots={"wh_all": 0})


async def test_a_failed_try_waits_for_the_next(any_store, clock):
    """With its history, and not due before its time."""
    await waiting(any_store, clock)
    [claimed] = await claim(any_store, clock)
    again_at = clock.now() + timedelta(seconds=60)
    status = await any_store.deliveries.ended(claimed, bad(clock), again_at)
    kept = await any_store.deliveries.delivery(claimed.delivery.id)
    early = await claim(any_store, clock)
    clock.advance(60)

    assert (DeliveryStatus.PENDING, 1, again_at) == (status, kept.attempts, kept.next_at)
    assert "no connection: Connection refused" == kept.history[0].error
    assert [] == early
    assert 1 == len(await claim(any_store, clock))


async def test_what_failed_for_good_is_kept(any_store, clock):
    """Dead, with its history; nobody tries it again."""
    await waiting(any_store, clock)
    await died(any_store, clock)
    [kept] = await any_store.deliveries.page(None, DeliveryStatus.DEAD, 9, 0)
    clock.advance(10**6)

    assert (1, clock.now() - timedelta(seconds=10**6)) == (len(kept.history), kept.ended_at)
    assert [] == await claim(any_store, clock)


@pytest.mark.parametrize("how", ["delete", "disable"])
async def test_a_webhook_that_ends_cancels_what_waits(any_store, clock, how):
    """Also a try that is under way: what comes of it is not noted."""
    await waiting(any_store, clock, 2)
    [claimed] = await claim(any_store, clock, limit=1)
    webhook = await any_store.webhooks.webhook("wh_all")
    if how == "delete":
        await any_store.webhooks.delete("wh_all", clock.now())
    else:
        off = dataclasses.replace(webhook, disabled_at=clock.now())
        await any_store.webhooks.change(off, clock.now())
    ended = await any_store.deliveries.ended(claimed, good(clock), None)
    kept = await any_store.deliveries.page("wh_all", None, 9, 0)

    assert None is ended
    assert [DeliveryStatus.CANCELLED] * 2 == [each.status for each in kept]


async def test_a_replay_is_another_delivery_of_the_same_event(any_store, clock):
    """What is dead stays as it is, with its history."""
    await waiting(any_store, clock)
    await died(any_store, clock)
    [dead] = await any_store.deliveries.page(None, None, 9, 0)
    made = await any_store.deliveries.replay(dead.id, clock.now())
    [claimed] = await claim(any_store, clock)

    assert (made.id, dead.event_id, dead.id) == (
        claimed.delivery.id,
        made.event_id,
        made.replay_of,
    )
    assert dead == await any_store.deliveries.delivery(dead.id)


async def test_what_is_on_its_way_is_not_replayed(any_store, clock):
    """It is tried anyway."""
    await waiting(any_store, clock)
    [pending] = await any_store.deliveries.page(None, None, 9, 0)

    with pytest.raises(Conflict):
        await any_store.deliveries.replay(pending.id, clock.now())


async def test_what_is_dead_is_replayed_together_once(any_store, clock):
    """Some at a time, oldest first; what was replayed is not again."""
    await waiting(any_store, clock, 3)
    await died(any_store, clock)
    replayed = [
        [each.replay_of for each in await any_store.deliveries.replay_dead("wh_all", at, 2)]
        for at in [clock.now()] * 3
    ]
    dead = await any_store.deliveries.page(None, DeliveryStatus.DEAD, 9, 0)
    first, second, third = [each.id for each in reversed(dead)]

    assert [[first, second], [third], []] == replayed


async def test_a_deleted_webhook_gets_no_replay(any_store, clock):
    """There is nobody to send it to."""
    await waiting(any_store, clock)
    await died(any_store, clock)
    [dead] = await any_store.deliveries.page(None, None, 9, 0)
    await any_store.webhooks.delete("wh_all", clock.now())

    with pytest.raises(Conflict):
        await any_store.deliveries.replay(dead.id, clock.now())


async def test_a_test_is_for_one_webhook_alone(any_store, clock):
    """Its event gets a position and no other delivery."""
    for name in ("a", "b"):
        await any_store.webhooks.add(hook(name, clock.now()), limit=9)
    event = Event(id="evt_1", type=EventType.WEBHOOK_TEST, created_at=clock.now(), data={})
    await any_store.deliveries.test(event, "wh_a")
    await any_store.events.fan_out(clock.now(), 9)
    made = await any_store.deliveries.page(None, None, 9, 0)

    assert ["wh_a"] == [each.webhook_id for each in made]
    assert 1 == await any_store.events.latest()


async def test_the_backlog_is_what_is_pending(any_store, clock):
    """Its age is that of the oldest."""
    began = clock.now()
    await waiting(any_store, clock, 2)
    clock.advance(5)
    [claimed] = await claim(any_store, clock, limit=1)
    both = await any_store.deliveries.backlog()
    await any_store.deliveries.ended(claimed, good(clock), None)
    one = await any_store.deliveries.backlog()

    assert (2, began, 1) == (both.waiting, both.oldest_at, one.waiting)


async def test_there_are_only_so_many_webhooks(any_store, clock):
    """A deleted one does not count."""
    await any_store.webhooks.add(hook("a", clock.now()), limit=1)
    with pytest.raises(Conflict):
        await any_store.webhooks.add(hook("b", clock.now()), limit=1)
    await any_store.webhooks.delete("wh_a", clock.now())
    await any_store.webhooks.add(hook("b", clock.now()), limit=1)

    assert ["wh_b"] == [each.id for each in await any_store.webhooks.all()]


async def test_a_rotation_counts_on(any_store, clock):
    """Until the webhook is deleted."""
    await any_store.webhooks.add(hook("a", clock.now()), limit=9)
    rotated = await any_store.webhooks.rotate("wh_a")
    await any_store.webhooks.delete("wh_a", clock.now())

    assert 2 == rotated.secret_generation
    assert None is await any_store.webhooks.rotate("wh_a")
