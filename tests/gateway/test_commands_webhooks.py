"""The commands `fieldpost-gateway webhooks …`, as people and scripts run them."""

import asyncio
from datetime import UTC, datetime

import pytest

from gateway.store.sql import open_store
from tests.fakes.clock import FakeClock
from tests.gateway.store.noted import bad, claim, happened
from tests.gateway.test_cli import run, run_json

URL = "https://backend.example.org/fieldpost"


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def dies(data, count=1, next_at=None):
    """Let the deliveries of new recordings fail, for good or until then."""

    async def work():
        clock = FakeClock()
        async with open_store(data) as store:
            await happened(store, clock, count)
            for claimed in await claim(store, clock):
                await store.deliveries.ended(claimed, bad(clock), next_at)

    asyncio.run(work())


def test_a_webhook_is_made_listed_and_removed(data):
    """Its secret is printed once."""
    made = run_json("webhooks", "add", URL, "--events", "recording.uploaded", data=data)
    listed = run_json("webhooks", "ls", data=data)["webhooks"]
    shown = run("webhooks", "ls", data=data).stdout
    run("webhooks", "rm", made["webhook_id"], data=data)

    assert made["secret"].startswith("whsec_")
    assert [(made["webhook_id"], URL, ["recording.uploaded"])] == [
        (each["webhook_id"], each["url"], each["events"]) for each in listed
    ]
    assert "secret" not in listed[0]
    assert max(map(len, shown.splitlines())) <= 80
    assert [] == run_json("webhooks", "ls", data=data)["webhooks"]


def test_what_is_dead_is_shown_and_replayed(data):
    """One by one, or all of a webhook."""
    webhook = run_json("webhooks", "add", URL, data=data)["webhook_id"]
    dies(data, 3)
    dead = run_json("webhooks", "deliveries", "--status", "dead", data=data)["deliveries"]
    shown = run("webhooks", "deliveries", webhook, data=data).stdout
    one = run_json("webhooks", "replay", dead[0]["delivery_id"], data=data)
    rest = run_json("webhooks", "replay", webhook, data=data)

    assert ["no connection: Connection refused"] * 3 == [each["last"] for each in dead]
    assert "dead" in shown
    assert (1, 2) == (len(one["deliveries"]), len(rest["deliveries"]))


def test_what_is_tried_again_says_when(data):
    """Who mended the receiver knows how long to wait."""
    run_json("webhooks", "add", URL, data=data)
    dies(data, next_at=datetime(2026, 3, 1, 20, 5, tzinfo=UTC))
    shown = run("webhooks", "deliveries", data=data).stdout

    assert "1 try, next 2026-03-01 20:05 UTC: no connection: Connection refused" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["add", "http://backend.example.org/"], 1),
        (["add", URL, "--events", "recording.renamed"], 2),
        (["rm", "wh_0"], 1),
        (["deliveries", "wh_0"], 1),
        (["deliveries", "--limit", "0"], 2),
        (["replay", "dlv_0"], 1),
        (["replay", "wh_0"], 1),
    ],
)
def test_what_cannot_be_is_told(data, arguments, code):
    """With an exit status for scripts."""
    told = run("webhooks", *arguments, data=data, code=code)

    assert told.stderr


def test_changes_are_noted(data):
    """Under the name of whoever ran the command."""
    made = run_json("webhooks", "add", URL, data=data)
    noted = run_json("audit", "--subject", made["webhook_id"], data=data)["entries"]

    assert ["webhooks add"] == [each["action"] for each in noted]
    assert made["secret"] not in str(noted)
