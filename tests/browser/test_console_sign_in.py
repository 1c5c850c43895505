"""Who gets into the console, and what a browser is told to refuse in it."""

from urllib.parse import quote

import pytest
from playwright.async_api import expect

from gateway.model import Scope
from tests.browser.console_desk import drawn, go, sign_in

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(autouse=True)
def _strangers_are_refused(trouble):
    # The browser logs each refusal that a page asked for.
    trouble.expect("status of 40[13]")


async def test_a_key_opens_the_page_that_was_asked_for(page, gateway, seeded):
    """Whoever follows a link to a page lands there after signing in."""
    await sign_in(page, gateway, "#/recordings")

    await expect(page.get_by_role("heading", level=1)).to_have_text("Recordings")
    await expect(page.get_by_role("link", name="Recordings")).to_have_attribute(
        "aria-current", "page"
    )


async def test_a_wrong_key_is_told_apart_in_words(page, gateway):
    """A wrong key says so, to screen readers at once, and the field is ready for another."""
    await page.goto("/")
    await page.get_by_label("Key", exact=True).fill("sk_live_wrong")
    await page.keyboard.press("Enter")

    await expect(page.locator(".notice.bad")).to_contain_text("The key is unknown or was revoked.")
    await expect(page.get_by_role("alert")).to_contain_text("unknown")
    await expect(page.get_by_label("Key", exact=True)).to_be_focused()


async def test_a_key_without_admin_is_told_what_it_lacks(page, gateway):
    """A key that may not open the console hears which scope is missing."""
    await page.goto("/")
    await page.get_by_label("Key", exact=True).fill(await gateway.api_key(Scope.RECORDINGS_READ))
    await page.keyboard.press("Enter")

    await expect(page.locator(".notice.bad")).to_contain_text("admin")


async def test_a_session_outlives_a_reload_and_ends_with_signing_out(page, gateway):
    """The cookie keeps somebody in; after signing out nothing is left to see."""
    await sign_in(page, gateway)
    await page.reload()
    await drawn(page)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Fleet")
    await page.get_by_role("button", name="Sign out").click()

    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    await expect(page.locator("#top")).to_be_hidden()


async def test_a_session_that_ended_asks_for_the_key_and_comes_back(page, gateway):
    """When the session is over in the middle, signing in again leads back to the same page."""
    await sign_in(page, gateway, "#/recordings")
    await page.context.clear_cookies()
    await page.get_by_role("link", name="API keys").click()
    await page.get_by_label("Key", exact=True).fill(gateway.token)
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", level=1)).to_have_text("API keys")


@pytest.mark.parametrize("to", ["https://evil.invalid/", "//evil.invalid/", "javascript:alert(1)"])
async def test_a_link_leads_nobody_elsewhere(page, gateway, to):
    """A link to the sign-in goes on to pages of the console alone, also for who is signed in."""
    await sign_in(page, gateway, "#/recordings")
    await go(page, f"#/sign-in?to={quote(to)}")

    await expect(page.get_by_role("heading", level=1)).to_have_text("Fleet")
    assert f"{gateway.url}/#/" == page.url


async def test_a_change_without_the_csrf_token_is_refused(page, gateway):
    """The cookie alone changes nothing: what forges a request has no token."""
    await sign_in(page, gateway)
    status = await page.evaluate(
        """fetch('/v1/devices', {method: 'POST', body: '{"serial_number": "X"}',
            headers: {'Content-Type': 'application/json'}}).then(answer => answer.status)"""
    )

    assert 403 == status


async def test_the_page_runs_no_code_but_its_own_files(page, gateway, trouble):
    """Script that got into the page by some hole is not run."""
    trouble.expect("Content Security Policy")
    await sign_in(page, gateway)
    await page.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'window.broken = true';
            document.body.append(script);
        }"""
    )

    assert await page.evaluate("window.broken === undefined")


async def test_names_from_devices_are_text(page, gateway):
    """What a device calls itself is shown as it is, never read as HTML."""
    _, token = await gateway.device("AM-66")
    name = "<img src=x onerror=alert(1)>"
    await gateway.call("POST", "/v1/devices/me/heartbeat", {"device_name": name}, token=token)
    await sign_in(page, gateway)

    await expect(page.get_by_role("link", name=name)).to_be_visible()
