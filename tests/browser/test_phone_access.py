"""The phone's page for everybody: in sunlight, with gloves, with a screen reader."""

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.colours import contrast, variables
from tests.browser.phone_desk import desk_open, phone_page
from tests.browser.test_console_access import AXE
from tests.browser.test_phone_modules import STATIC
from tests.browser.test_phone_page import RECORDINGS, found, near, standing

SUNLIGHT = 7.0
"""WCAG AAA: the sun takes the rest."""
SHAPE = 3.0
FINGER = 44

browser = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def desk():
    async with desk_open() as desk:
        yield desk


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [
        *(
            (ink, ground, SUNLIGHT)
            for ink in ("ink", "soft", "good", "bad")
            for ground in ("paper", "card")
        ),
        ("wait", "paper", SUNLIGHT),
        ("bad", "bad-paper", SUNLIGHT),
        ("ink", "bad-paper", SUNLIGHT),
        ("on-act", "act", SUNLIGHT),
        ("edge", "paper", SHAPE),
        ("edge", "card", SHAPE),
        ("edge", "bad-paper", SHAPE),
        ("act", "track", SHAPE),
    ],
)
def test_it_can_be_read_in_sunlight(dark, ink, ground, least):
    """Text has the contrast of WCAG AAA in both schemes, and shapes that matter that of AA."""
    colours = variables((STATIC / "phone.css").read_text(), dark=dark)

    assert contrast(colours[ink], colours[ground]) >= least


@browser
@pytest.mark.skipif(not AXE.exists(), reason="needs axe-core: make .venv/.ready-node")
async def test_axe_finds_nothing(chromium, desk, trouble):
    """The rules of axe-core hold while a code is asked for and while recordings move."""
    trouble.expect("status of 401")
    broken = []
    async with phone_page(chromium, desk.url, trouble) as page, near(page):

        async def look() -> None:
            await page.evaluate(AXE.read_text())
            # In the dark only the colours are others.
            for scheme, rules in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
                await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                seen = await page.evaluate("rules => axe.run(rules)", rules)
                broken.extend((each["id"], each["nodes"][0]["html"]) for each in seen["violations"])

        desk.name = None
        await page.goto("/phone")
        await page.get_by_label("Pairing code").wait_for()
        await look()
        desk.name = "Night shift"
        tunnel, opened = await found(page, desk)
        await tunnel.tell(standing(opened.channel, RECORDINGS))
        await page.get_by_role("progressbar").wait_for()
        await look()

    assert broken == []


@browser
async def test_everything_that_is_pressed_is_as_large_as_a_finger(chromium, desk, trouble):
    """Buttons, fields and summaries are 44 pixels high at least, and as wide as the page."""
    async with phone_page(chromium, desk.url, trouble) as page, near(page) as (_, bridge):
        bridge.away.add("F0:F1:F2:F3:F4:F5")
        await page.goto("/phone")
        await page.get_by_role("button", name="Find a recorder").click()
        await expect(page.get_by_role("button", name="Try again")).to_be_visible()
        await page.get_by_text("About this phone").click()
        sizes = await page.locator("button, input, summary").evaluate_all(
            """all => all.filter((each) => each.checkVisibility())
              .map((each) => [each.textContent, each.getBoundingClientRect().height])"""
        )

    assert len(sizes) >= 5
    assert [] == [each for each in sizes if each[1] < FINGER]


@browser
async def test_the_keyboard_alone_finds_a_recorder(chromium, desk, trouble):
    """Tab reaches the button, and Enter presses it."""
    async with phone_page(chromium, desk.url, trouble) as page, near(page):
        await page.goto("/phone")
        await desk.tunnel()
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Find a recorder")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator(".card")).to_have_count(1)
