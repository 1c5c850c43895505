"""The console when things go wrong: busy gateways, lost networks, refusals."""

import pytest
from playwright.async_api import expect

from tests.browser.console_desk import go, sign_in

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(autouse=True)
def _failed_requests_are_logged(trouble):
    trouble.expect("Failed to load resource")


async def test_a_busy_gateway_is_asked_again_when_it_says(page, gateway):
    """Told to wait, the page waits as long as it was told, says so, and then shows what it got."""
    asked = []

    async def busy(route):
        asked.append(route.request.url)
        if len(asked) > 1:
            return await route.continue_()
        return await route.fulfill(status=429, headers={"Retry-After": "1"}, json={})

    await page.route("**/v1/keys", busy)
    await sign_in(page, gateway)
    await page.get_by_role("link", name="API keys").click()
    await expect(page.locator("#said")).to_have_text(
        "The gateway asks to wait: trying again in 1 seconds."
    )

    await expect(page.get_by_role("row").filter(has_text="test")).to_be_visible()
    assert 2 == len(asked)


async def test_a_gateway_out_of_reach_is_told_and_asked_again(page, gateway):
    """Without an answer the page says what to do, and one button tries again."""
    await page.route("**/v1/keys", lambda route: route.abort())
    await sign_in(page, gateway)
    await go(page, "#/keys")
    await expect(page.locator(".notice.bad")).to_contain_text("The gateway does not answer.")
    await expect(page.get_by_role("alert")).to_contain_text("Look at your connection")
    await page.unroute("**/v1/keys")
    await page.get_by_role("button", name="Try again").click()

    await expect(page.get_by_role("heading", level=1)).to_have_text("API keys")


async def test_lost_live_updates_are_told(page, gateway):
    """A page that hears nothing any more says that it may be old, and stops when it hears again."""
    await page.route("**/v1/live", lambda route: route.abort())
    await sign_in(page, gateway)

    await expect(page.locator("#link-state")).to_contain_text("No live updates")


async def test_a_page_that_is_not_there_says_so(page, gateway):
    """An address that leads nowhere, or to what was deleted, is told in words."""
    await sign_in(page, gateway)
    await go(page, "#/nowhere")
    await expect(page.locator(".notice.bad")).to_contain_text("There is no such page.")
    await go(page, "#/recordings/rec_gone")

    await expect(page.locator(".notice.bad")).to_contain_text("go back to the list")
