"""Somebody at the console: signs in, goes to pages, waits until they are drawn."""

import asyncio

from playwright.async_api import Page

from tests.gateway.serving import Api

_PATIENCE_S = 10
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


async def until(page: Page, condition: str) -> None:
    """Wait until this is true in the page.

    Playwright's own `wait_for_function` asks by `eval`, which these pages forbid.
    """
    async with asyncio.timeout(_PATIENCE_S):
        await page.evaluate(
            f"""() => new Promise(done => {{
                const look = () => ({condition}) ? done() : requestAnimationFrame(look);
                look();
            }})"""
        )


async def drawn(page: Page) -> None:
    """Wait until the page of the address stands."""
    await page.locator("#main > .page[data-ready]").wait_for()
