"""A real browser, pages whose errors fail a test, and a gateway with something on it."""

import asyncio
import dataclasses
import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from device.clock import SystemClock
from tests.browser.seeding import Seeded, seed
from tests.gateway.serving import serving

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--enable-features=WebBluetooth",
)
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
"""A small phone, held upright."""

SHOTS = Path(__file__).parents[2] / "build" / "screenshots"
_PATIENCE_MS = 8000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stocks:
    """See `stocks`."""

    empty: Path
    stocked: Path
    key: str
    fleet: Seeded


@dataclasses.dataclass
class Trouble:
    """What pages complained about; a test names what it provokes on purpose."""

    seen: list[str] = dataclasses.field(default_factory=list)
    expected: list[str] = dataclasses.field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """Take complaints that match this for granted."""
        self.expected.append(pattern)

    def unexpected(self) -> list[str]:
        return [each for each in self.seen if not any(re.search(p, each) for p in self.expected)]

    def _note(self, message: ConsoleMessage) -> None:
        # Chromium tells of a violated Content-Security-Policy here, too.
        if message.type in ("error", "warning"):
            self.seen.append(f"{message.type}: {message.text}")

    def watch(self, page: Page) -> None:
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.seen.append(f"uncaught: {error}"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium():
    """One Chromium for all tests of a worker. They run in the session's loop, as it does:
    `pytestmark = pytest.mark.asyncio(loop_scope="session")`.
    """
    if shutil.which(CHROMIUM) is None:
        pytest.skip(f"needs {CHROMIUM}: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        expect.set_options(timeout=_PATIENCE_MS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stocks(tmp_path_factory):
    """Data folders that the gateways of tests begin with, as copies: made once, not for each test.

    Answers the empty one and the one with the fleet, with what is in it.
    """
    empty, stocked = (tmp_path_factory.mktemp("stock") / "data" for _ in range(2))
    async with serving(empty, SystemClock()) as api:
        key = await api.api_key()
    await asyncio.to_thread(shutil.copytree, empty, stocked)
    async with serving(stocked, SystemClock()) as api:
        api.token = key
        fleet = await seed(api)
    return Stocks(empty=empty, stocked=stocked, key=key, fleet=fleet)


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(tmp_path, request, stocks):
    """An in-process gateway on a loopback port, with the machine's clock: the browser has it, too.

    `gateway.token` is a secret key.
    """
    stock = stocks.stocked if "seeded" in request.fixturenames else stocks.empty
    await asyncio.to_thread(shutil.copytree, stock, tmp_path / "data")
    async with serving(tmp_path / "data", SystemClock()) as api:
        api.token = stocks.key
        yield api


@pytest.fixture
def seeded(stocks) -> Seeded:
    """What is on the gateway: four devices, and recordings of real audio and images."""
    return stocks.fleet


@pytest.fixture
def trouble():
    """Complaints of pages; those that nobody expected fail the test."""
    found = Trouble()
    yield found

    assert [] == found.unexpected()


OpenPage = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(chromium: Browser, gateway, trouble):
    """Open a page in a context (cookies, storage) of its own: `await open_page(**PHONE)`."""
    contexts = []

    async def opened(**options) -> Page:
        context = await chromium.new_context(
            base_url=gateway.url, **{"locale": "en-GB", "timezone_id": "Europe/Berlin", **options}
        )
        contexts.append(context)
        context.set_default_timeout(_PATIENCE_MS)
        page = await context.new_page()
        trouble.watch(page)
        return page

    yield opened
    for context in contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(open_page) -> Page:
    """A page at desk size, in light colours."""
    return await open_page()


@pytest.fixture
def shot():
    """Keep a picture of a page for people to look at: `await shot(page, "fleet-dark")`."""

    async def taken(page: Page, name: str) -> None:
        await page.screenshot(path=SHOTS / f"{name}.png", full_page=True, animations="disabled")

    return taken
