"""Webhooks in the console, with a real server that they tell."""

from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import expect

from gateway.model_events import Lease, Try
from tests.browser.console_desk import go, sign_in
from tests.gateway.events.receiver import Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(autouse=True)
def _signing_in_is_asked_first(trouble):
    trouble.expect("status of 401")


@pytest_asyncio.fixture(loop_scope="session")
async def receiver():
    receiver = Receiver()
    runner = await receiver.serve()
    yield receiver
    await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="session")
async def hook(gateway, receiver):
    """A webhook of the receiver."""
    body = {"url": receiver.url, "events": ["recording.created"]}
    return (await gateway.call("POST", "/v1/webhooks", body)).json["id"]


async def give_up(gateway, hook) -> None:
    """Let what waits for its second try be given up, as after the sixth."""
    store = gateway.gateway.store.deliveries
    later = gateway.gateway.clock.now() + timedelta(hours=1)
    lease = Lease(name="test", at=later, until=later + timedelta(minutes=1))
    for claimed in await store.claim(lease, limit=9, each=9, slots={}):
        await store.ended(claimed, Try(at=later, duration_ms=3, status=500, answer="no room"), None)


async def test_a_webhook_is_made_and_tested(page, gateway, receiver, shot):
    """Its secret is shown once, a test reaches the server, and the try is on the page."""
    await sign_in(page, gateway, "#/webhooks")
    await page.get_by_label("Address", exact=True).fill(receiver.url)
    await page.get_by_role("button", name="Add it").click()
    await expect(page.locator(".secret code")).to_contain_text("whsec_")
    await page.get_by_role("link", name=receiver.url).click()
    await page.get_by_role("button", name="Send a test").click()
    await receiver.got(1)
    row = page.get_by_role("row").filter(has_text="webhook.test")

    await expect(row).to_contain_text("Delivered")
    await expect(row).to_contain_text("answered 200")
    await shot(page, "webhook-light")


async def test_a_dead_delivery_is_sent_again(page, gateway, receiver, hook):
    """What was given up is shown with its tries, and one click brings it to the server."""
    receiver.fails(500)
    await gateway.recording()
    await receiver.got(1)
    await sign_in(page, gateway, f"#/webhooks/{hook}")
    row = page.get_by_role("row").filter(has_text="recording.created")
    await expect(row).to_contain_text("answered 500")
    await give_up(gateway, hook)
    await expect(row).to_contain_text("Given up")
    receiver.fails(200)
    await row.get_by_role("button", name="Send recording.created").press("Enter")
    first, again = (await receiver.got(2))[:2]

    await expect(
        page.get_by_role("row").filter(has_text="recording.created again")
    ).to_contain_text("Delivered")
    assert first.json["id"] == again.json["id"]


async def test_all_dead_deliveries_are_sent_again(page, gateway, receiver, hook):
    """After an outage of the server one button sends everything that was given up."""
    receiver.fails(503)
    for _ in range(3):
        await gateway.recording()
    await receiver.got(3)
    await sign_in(page, gateway, f"#/webhooks/{hook}")
    await expect(page.get_by_role("row").filter(has_text="answered 503")).to_have_count(3)
    await give_up(gateway, hook)
    await go(page, f"#/webhooks/{hook}?status=dead")
    await expect(page.get_by_role("row")).to_have_count(1 + 3)
    receiver.fails(200)
    await page.get_by_role("button", name="Send again what").click()
    await receiver.got(6)

    await expect(page.locator("#said")).to_have_text("3 deliveries sent again.")


async def test_a_webhook_is_turned_off_and_on(page, gateway, hook):
    """A webhook that is off stays, and is on again with one more click."""
    await sign_in(page, gateway, f"#/webhooks/{hook}")
    await page.get_by_role("button", name="Turn off").click()
    await page.get_by_role("button", name="Turn on").wait_for()
    off = (await gateway.call("GET", f"/v1/webhooks/{hook}")).json["enabled"]
    await page.get_by_role("button", name="Turn on").click()
    await page.get_by_role("button", name="Turn off").wait_for()

    assert off is False
    assert (await gateway.call("GET", f"/v1/webhooks/{hook}")).json["enabled"] is True


async def test_an_address_that_may_not_be_is_refused_in_words(page, gateway, trouble):
    """What is wrong with an address stands beside the form."""
    trouble.expect("status of 400")
    await sign_in(page, gateway, "#/webhooks")
    await page.get_by_label("Address", exact=True).fill("http://169.254.169.254/latest")
    await page.get_by_role("button", name="Add it").click()

    await expect(page.locator(".notice.bad")).to_contain_text("no host's")
