"""Webhooks over the API: who may, what is shown once, what arrives and can be fetched."""

import asyncio
import hashlib
import logging
from datetime import datetime

import pytest
import pytest_asyncio

from gateway.model import Scope
from gateway.model_events import DeliveryStatus
from tests.gateway.events.receiver import Receiver, settle

pytestmark = pytest.mark.asyncio

AUDIO = b"OggS" * 1000


@pytest_asyncio.fixture
async def receiver():
    receiver = Receiver()
    runner = await receiver.serve()
    yield receiver
    receiver.go.set()
    await runner.cleanup()


@pytest_asyncio.fixture
async def admin(api):
    return await api.api_key()


class Operator:
    """Calls a gateway with an admin key."""

    def __init__(self, api, key):
        self.api, self.key = api, key

    async def call(self, method, path, body=None):
        return await self.api.call(method, path, body, token=self.key)

    async def webhook(self, url, **more):
        return (await self.call("POST", "/v1/webhooks", {"url": url, **more})).json

    async def delivery(self, status):
        """Wait until there is a delivery of that status."""
        while True:
            found = (await self.call("GET", f"/v1/deliveries?status={status}")).json["data"]
            if found:
                return found[0]
            await settle()


@pytest_asyncio.fixture
async def operator(api, admin):
    return Operator(api, admin)


async def uploaded(api):
    """Upload a recording of one medium; answers its id."""
    recording = await api.recording()
    target = await api.target(recording, AUDIO)
    await api.put(target["upload_url"], AUDIO, 0, len(AUDIO))
    assert (await api.complete(recording, AUDIO)).status == 200
    return recording


async def test_a_secret_is_shown_once(operator, receiver):
    """When it is made and when it is rotated, and nowhere else."""
    made = await operator.call("POST", "/v1/webhooks", {"url": receiver.url})
    path = f"/v1/webhooks/{made.json['id']}"
    shown = await operator.call("GET", path)
    listed = await operator.call("GET", "/v1/webhooks")
    rotated = await operator.call("POST", f"{path}/rotate-secret")

    assert (201, "no-store") == (made.status, made.headers["Cache-Control"])
    assert made.json["secret"].startswith("whsec_")
    assert "secret" not in shown.json
    assert "secret" not in listed.json["data"][0]
    assert rotated.json["secret"] != made.json["secret"]


async def test_webhooks_need_an_admin(api, receiver):
    """Neither a device nor a key that may do everything else."""
    every = [scope for scope in Scope if scope is not Scope.ADMIN]
    key = await api.api_key(*every)
    by_key = await api.call("POST", "/v1/webhooks", {"url": receiver.url}, token=key)
    by_device = await api.call("GET", "/v1/webhooks")

    assert (403, 403) == (by_key.status, by_device.status)


async def test_a_webhook_is_changed(operator, receiver):
    """What is missing stays."""
    made = await operator.webhook(receiver.url, description="one")
    path = f"/v1/webhooks/{made['id']}"
    body = {"events": ["recording.uploaded"], "enabled": False}
    changed = await operator.call("PATCH", path, body)

    assert (["recording.uploaded"], False, "one") == (
        changed.json["events"],
        changed.json["enabled"],
        changed.json["description"],
    )
    assert receiver.url == changed.json["url"]


async def test_a_deleted_webhook_is_no_more(operator, receiver):
    """None of its routes is there afterwards."""
    path = f"/v1/webhooks/{(await operator.webhook(receiver.url))['id']}"
    deleted = await operator.call("DELETE", path)
    after = [
        (await operator.call(method, path + rest, {})).status
        for method, rest in [
            ("GET", ""),
            ("PATCH", ""),
            ("DELETE", ""),
            ("POST", "/rotate-secret"),
            ("POST", "/test"),
            ("GET", "/deliveries"),
            ("POST", "/replay-dead"),
        ]
    ]

    assert (204, [404] * 7) == (deleted.status, after)


@pytest.mark.parametrize(
    "body",
    [
        {"url": "ftp://backend.example.org/"},
        {"url": "https://user:secret@backend.example.org/"},
        {"url": "http://backend.example.org/"},
        {"url": "http://169.254.169.254/latest/meta-data"},
        {"url": "https://backend.example.org/", "events": ["recording.renamed"]},
        {"url": "https://backend.example.org/", "events": []},
        {},
    ],
)
async def test_a_webhook_that_cannot_be_is_refused(operator, body):
    """With the field that is wrong."""
    refused = await operator.call("POST", "/v1/webhooks", body)

    assert (400, "invalid_request") == (refused.status, refused.code)


async def test_an_uploaded_recording_arrives_ready_to_fetch(api, operator, receiver):
    """The URL in the event gives the very bytes, without a credential."""
    await operator.webhook(receiver.url, events=["recording.uploaded"])
    recording = await uploaded(api)
    [received] = await receiver.got(1)
    data = received.json["data"]
    fetched = await api.call("GET", data["download_url"])
    expires_at = datetime.fromisoformat(data["download_url_expires_at"])

    assert (recording, "uploaded", "opus", len(AUDIO)) == (
        data["id"],
        data["status"],
        data["format"],
        data["file_size_bytes"],
    )
    assert AUDIO == fetched.body
    assert 3600 == (expires_at - api.gateway.clock.now()).total_seconds()
    assert [(data["media_id"], hashlib.sha256(AUDIO).hexdigest(), data["download_url"])] == [
        (each["id"], each["content_sha256"], each["download_url"]) for each in data["media"]
    ]


async def test_a_late_try_brings_a_url_that_lives(api, operator, receiver, clock):
    """It is signed for each try: the first one's has ended long ago."""
    await operator.webhook(receiver.url, events=["recording.uploaded"])
    receiver.fails()
    await uploaded(api)
    await receiver.got(1)
    dead_by_now = receiver.received[0].json["data"]["download_url"]
    while len(receiver.received) < 4:
        clock.advance(1800)
        await settle()
        await operator.delivery("pending")
    late = receiver.received[3].json["data"]["download_url"]
    statuses = [(await api.call("GET", url)).status for url in (dead_by_now, late)]

    assert [403, 200] == statuses


async def test_a_recording_that_was_deleted_meanwhile_has_no_url(api, operator, receiver):
    """The event is told all the same."""
    await operator.webhook(receiver.url, events=["recording.uploaded"])
    receiver.fails()
    recording = await uploaded(api)
    await receiver.got(1)
    await operator.call("DELETE", f"/v1/recordings/{recording}")
    while len(receiver.received) < 2:
        api.gateway.clock.advance(60)
        await settle()
        await operator.call("GET", "/v1/deliveries")
    data = receiver.received[1].json["data"]

    assert (None, None, []) == (
        data["download_url"],
        data["download_url_expires_at"],
        data["media"],
    )


async def test_a_test_arrives(operator, receiver):
    """At this webhook alone, and its delivery shows what came back."""
    made = await operator.webhook(receiver.url)
    sent = await operator.call("POST", f"/v1/webhooks/{made['id']}/test")
    [received] = await receiver.got(1)
    delivered = await operator.delivery("delivered")
    shown = await operator.call("GET", f"/v1/deliveries/{sent.json['id']}")

    assert (202, "webhook.test") == (sent.status, received.json["type"])
    assert delivered == shown.json
    assert [(200, None, "ok")] == [
        (tried["status"], tried["error"], tried["answer"]) for tried in delivered["history"]
    ]


async def test_what_is_dead_can_be_replayed(api, operator, receiver):
    """One by one or together, with the same event id."""
    made = await operator.webhook(receiver.url, events=["recording.created"])
    receiver.fails()
    await api.recording()
    await receiver.got(1)
    while not (await operator.call("GET", "/v1/deliveries?status=dead")).json["data"]:
        api.gateway.clock.advance(28800)
        await settle()
    dead = await operator.delivery(DeliveryStatus.DEAD)
    receiver.answer = Receiver().answer
    together = await operator.call("POST", f"/v1/webhooks/{made['id']}/replay-dead")
    delivered = await operator.delivery("delivered")
    again = await operator.call("POST", f"/v1/deliveries/{dead['id']}/replay")
    await receiver.got(8)

    assert 6 == len(dead["history"])
    assert (202, 1, dead["id"]) == (
        together.status,
        len(together.json["data"]),
        delivered["replay_of"],
    )
    assert 202 == again.status
    assert 1 == len({each.json["id"] for each in receiver.received})


async def test_a_replay_to_a_disabled_webhook_is_refused(operator, receiver):
    """With what to do about it."""
    made = await operator.webhook(receiver.url)
    await operator.call("POST", f"/v1/webhooks/{made['id']}/test")
    delivered = await operator.delivery("delivered")
    await operator.call("PATCH", f"/v1/webhooks/{made['id']}", {"enabled": False})
    refused = await operator.call("POST", f"/v1/deliveries/{delivered['id']}/replay")

    assert (409, "the webhook is disabled; enable it first") == (
        refused.status,
        refused.json["detail"],
    )


async def test_events_are_listed_in_order(api, operator):
    """From where one has read them, page by page."""
    for _ in range(3):
        await api.recording()
    while len((await operator.call("GET", "/v1/events")).json["data"]) < 3:
        await settle()
    first = (await operator.call("GET", "/v1/events?limit=2")).json
    second = (await operator.call("GET", f"/v1/events?after={first['next_after']}")).json

    assert ([1, 2], True) == ([each["seq"] for each in first["data"]], first["has_more"])
    assert ([3], False) == ([each["seq"] for each in second["data"]], second["has_more"])


async def test_metrics_tell_what_waits_and_what_came_of_tries(api, operator, receiver, clock):
    """By outcome, never by webhook."""
    await operator.webhook(receiver.url)
    receiver.fails()
    await api.recording()
    await receiver.got(1)
    text = ""
    waits = 'fieldpost_gateway_events_waiting{way="webhooks"} 1.0'
    failed = 'fieldpost_gateway_deliveries_total{outcome="failed"} '
    while waits not in text or failed not in text:
        clock.advance(15)
        await settle()
        text = (await api.call("GET", "/metrics", token="")).body.decode()

    assert 'fieldpost_gateway_events_oldest_seconds{way="webhooks"}' in text


async def test_the_log_holds_no_secret(api, operator, receiver, caplog):
    """Neither of webhooks nor of signed URLs, also where tries fail."""
    caplog.set_level(logging.DEBUG)
    made = await operator.webhook(receiver.url)
    receiver.fails()
    await uploaded(api)
    await receiver.got(2)
    await asyncio.sleep(0)
    told = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)

    assert made["secret"] not in told
    assert "signature=" not in told
