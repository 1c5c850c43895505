"""The deliverer against real receivers: tries, their times and ends, and who waits for whom."""

import asyncio
import hmac
import ssl

import pytest
import trustme
from aiohttp import web

from gateway.core.webhooks import WAITS_S, webhook_secret
from gateway.errors import Unavailable
from gateway.events.lanes import EACH, MOST
from gateway.model_events import DeliveryStatus
from tests.gateway.events.conftest import SECRET
from tests.gateway.events.receiver import Receiver
from tests.gateway.store.noted import claim, happened

pytestmark = pytest.mark.asyncio


async def test_an_event_is_delivered_signed(world, receiver):
    """The body is Bota's envelope; its headers prove who sent it and when."""
    webhook = await world.webhook(receiver)
    async with world.delivering():
        await happened(world.store, world.clock)
        [received] = await receiver.got(1)
        await world.quiet()
    delivery = await world.only()
    secret = webhook_secret(SECRET, webhook.id, 1)
    sent_at = str(int(world.clock.now().timestamp()))
    expected = hmac.new(secret.encode(), sent_at.encode() + b"." + received.body, "sha256")

    assert ["created_at", "data", "id", "type"] == sorted(received.json)
    assert ("recording.created", "rec_1") == (received.json["type"], received.json["data"]["id"])
    assert f"v1={expected.hexdigest()}" == received.headers["X-Bota-Signature"]
    assert sent_at == received.headers["X-Bota-Timestamp"]
    assert received.json["id"] == received.headers["X-Bota-Event-Id"]
    assert (DeliveryStatus.DELIVERED, 200, "ok") == (
        delivery.status,
        delivery.history[0].status,
        delivery.history[0].answer,
    )
    assert 1 == world.outcome("delivered")


async def test_six_tries_are_made_then_it_is_dead(world, receiver):
    """At once, after 1 min, 5 min, 30 min, 2 h and 8 h, and never again."""
    await world.webhook(receiver)
    receiver.fails(503, "closed")
    began = world.clock.now()
    async with world.delivering():
        await happened(world.store, world.clock)
        await receiver.got(1)
        for number, wait_s in enumerate(WAITS_S[1:], 2):
            await world.quiet()
            world.clock.advance(wait_s - 1)
            await world.quiet()
            early = len(receiver.received)
            world.clock.advance(1)
            await _go_on(world, receiver, number)

            assert number - 1 == early
        await world.quiet()
        world.clock.advance(10**6)
        await world.quiet()
    delivery = await world.only()
    at_s = [(tried.at - began).total_seconds() for tried in delivery.history]
    exact = [sum(WAITS_S[: number + 1]) for number in range(6)]

    assert DeliveryStatus.DEAD == delivery.status
    assert (6, 1) == (len(receiver.received), len({each.json["id"] for each in receiver.received}))
    assert all(0 <= at - due <= 12 for at, due in zip(at_s, exact, strict=True)), at_s
    assert (5, 1) == (world.outcome("failed"), world.outcome("dead"))


async def _go_on(world, receiver, count):
    """Let the deliverer look until the next try was made: it looks every two seconds."""
    while len(receiver.received) < count:
        await world.quiet()
        if len(receiver.received) < count:
            world.clock.advance(2)


async def test_a_redirect_is_a_failure(world, receiver, other):
    """Whoever answers with one is told nothing more, nor is where it points to."""
    await world.webhook(receiver)
    receiver.fails(302, Location=other.url)
    async with world.delivering():
        await happened(world.store, world.clock)
        await receiver.got(1)
        await world.quiet()

    assert (302, None) == _last(await world.only())
    assert [] == other.received


async def test_a_receiver_that_hangs_is_a_failure(world, receiver, monkeypatch):
    """After thirty seconds it had its chance."""
    monkeypatch.setattr("gateway.events.deliverer.TRY_S", 0.05)
    await world.webhook(receiver)
    receiver.hang()
    async with world.delivering():
        await happened(world.store, world.clock)
        await receiver.got(1)
        await world.quiet()

    assert (None, "no answer within 0 s") == _last(await world.only())


async def test_a_receiver_that_is_away_is_a_failure(world):
    """It is told in words, without the URL."""
    gone = Receiver()
    runner = await gone.serve()
    await runner.cleanup()
    await world.webhook(gone)
    async with world.delivering():
        await happened(world.store, world.clock)
        while not (await world.only()).history:
            await world.quiet()

    assert (None, "no connection: Connection refused") == _last(await world.only())


async def test_a_certificate_that_nobody_trusts_is_a_failure(world):
    """TLS is checked: a stranger could read recordings' URLs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    stranger = Receiver()
    runner = await stranger.serve(context)
    await world.webhook(stranger)
    async with world.delivering():
        await happened(world.store, world.clock)
        while not (await world.only()).history:
            await world.quiet()
    await runner.cleanup()
    status, error = _last(await world.only())

    assert (None, []) == (status, stranger.received)
    assert error.startswith("its certificate is not trusted: ")


async def test_an_answer_without_an_end_is_cut(world, receiver):
    """Its status counts, 500 characters are kept, the rest is not waited for."""

    async def endless(request):
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"a\x00" * 4096)

    await world.webhook(receiver)
    receiver.answer = endless
    async with world.delivering():
        await happened(world.store, world.clock)
        await receiver.got(1)
        await world.quiet()
    delivery = await world.only()

    assert DeliveryStatus.DELIVERED == delivery.status
    assert "a " * 250 == delivery.history[0].answer


async def test_one_that_hangs_does_not_hold_up_the_others(world, receiver, other):
    """It has its few lanes and no more, however much waits for it."""
    await world.webhook(receiver, "slow")
    await world.webhook(other, "good")
    receiver.hang()
    async with world.delivering():
        await happened(world.store, world.clock, 50)
        await other.got(50)

        assert EACH == receiver.most_at_once
        receiver.go.set()
        await receiver.got(50)


async def test_one_that_fails_has_one_lane(world, receiver):
    """Until it takes an event again."""
    await world.webhook(receiver)
    receiver.fails()
    async with world.delivering():
        await happened(world.store, world.clock)
        await receiver.got(1)
        await world.quiet()
        receiver.hang()
        await happened(world.store, world.clock, 5, first=2)
        await receiver.got(2)

        assert (1, {"wh_a": 0}) == (
            MOST - world.deliverer._lanes.free,
            world.deliverer._lanes.slots(),
        )
        receiver.go.set()


async def test_a_try_that_was_only_claimed_is_made_by_another(world, receiver):
    """A process that is killed before it sends loses nothing."""
    await world.webhook(receiver)
    await happened(world.store, world.clock)
    await claim(world.store, world.clock, "killed")
    async with world.delivering():
        await world.quiet()
        before = len(receiver.received)
        world.clock.advance(60)
        await receiver.got(1)
        await world.quiet()

    assert 0 == before
    assert DeliveryStatus.DELIVERED == (await world.only()).status


async def test_a_try_that_was_not_noted_is_made_again(world, receiver):
    """A process that is killed after it sent sends twice; the event's id is the same."""
    await world.webhook(receiver)
    await happened(world.store, world.clock)
    receiver.hang()
    async with world.delivering():
        await receiver.got(1)
    receiver.go.set()
    world.clock.advance(60)
    async with world.delivering():
        await receiver.got(2)
        await world.quiet()
    first, second = receiver.received

    assert first.json["id"] == second.json["id"]
    assert (DeliveryStatus.DELIVERED, 1) == ((d := await world.only()).status, d.attempts)


async def test_a_database_that_is_away_loses_no_outcome(world, receiver, monkeypatch):
    """What could not be noted is sent once more when the lease ran out."""
    await world.webhook(receiver)
    kept = type(world.store.deliveries).ended
    away = True

    async def ended(*args):
        if away:
            raise Unavailable("the database cannot be used now")
        return await kept(*args)

    monkeypatch.setattr(type(world.store.deliveries), "ended", ended)
    async with world.delivering():
        await happened(world.store, world.clock)
        await receiver.got(1)
        await world.quiet()
        away = False
        world.clock.advance(60)
        await receiver.got(2)
        await world.quiet()

    assert DeliveryStatus.DELIVERED == (await world.only()).status


async def test_a_stopped_deliverer_ends_what_is_under_way(world, receiver):
    """And begins nothing more."""
    await world.webhook(receiver)
    receiver.hang()
    async with world.delivering() as deliverer:
        await happened(world.store, world.clock)
        await receiver.got(1)
        deliverer.stop()
        await happened(world.store, world.clock, 1, first=2)
        receiver.go.set()
        await asyncio.wait([world.task])
    first, second = await world.all()

    assert (DeliveryStatus.DELIVERED, DeliveryStatus.PENDING) == (first.status, second.status)
    assert 1 == len(receiver.received)


async def test_a_new_secret_signs_the_next_try(world, receiver):
    """The one before ends at once."""
    webhook = await world.webhook(receiver)
    await world.store.webhooks.rotate(webhook.id)
    async with world.delivering():
        await happened(world.store, world.clock)
        [received] = await receiver.got(1)
    signed = received.headers["X-Bota-Timestamp"].encode() + b"." + received.body
    secret = webhook_secret(SECRET, webhook.id, 2)

    assert (
        f"v1={hmac.new(secret.encode(), signed, 'sha256').hexdigest()}"
        == (received.headers["X-Bota-Signature"])
    )


def _last(delivery):
    tried = delivery.history[-1]
    return tried.status, tried.error
