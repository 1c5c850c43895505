"""Somebody at the console: signs in, goes to pages, waits until they are drawn."""

from playwright.async_api import Page

from tests.gateway.serving import Api

_GO = """path => {
    document.querySelector('#main').replaceChildren();
    if (location.hash === path) dispatchEvent(new Event('hashchange'));
    else location.hash = path;
}"""


async def sign_in(page: Page, api: Api, path: str = "#/") -> None:
    """Sign in by the form, wanting a page; returns when that page is drawn."""
    await page.goto(f"/{path}")
    await page.get_by_label("Key", exact=True).fill(api.token)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"**/{path}")
    await drawn(page)


async def go(page: Page, path: str) -> None:
    """Go to another page as a link does; returns when it is drawn."""
    await page.evaluate(_GO, path)
    await drawn(page)


async def drawn(page: Page) -> None:
    """Wait until the page of the address stands."""
    await page.locator("#main > .page[data-ready]").wait_for()
