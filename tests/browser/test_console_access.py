"""The console for everybody: contrast, small screens, keyboards, screen readers, still pictures."""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.colours import contrast, variables
from tests.browser.conftest import PHONE
from tests.browser.console_desk import go, sign_in

ROOT = Path(__file__).parents[2]
CONSOLE = ROOT / "gateway" / "web" / "static" / "console"
AXE = ROOT / ".venv" / "node" / "node_modules" / "axe-core" / "axe.min.js"
TEXT = 4.5
SHAPE = 3.0

# What reaches over the right edge, but for what is in a strip that is scrolled by itself.
_CUT = """wide => [...document.querySelectorAll('body *')].filter(each => {
    if (each.getBoundingClientRect().right <= wide) return false;
    for (let at = each.parentElement; at !== document.documentElement; at = at.parentElement)
        if (getComputedStyle(at).overflowX === 'auto') return false;
    return true;
}).map(each => each.outerHTML.slice(0, 80))"""

browser = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(autouse=True)
def _signing_in_is_asked_first(request):
    if request.node.get_closest_marker("asyncio") is not None:
        request.getfixturevalue("trouble").expect("status of 401")


@pytest.fixture
def everywhere(seeded):
    """The address of each page."""
    device = seeded.boxes["AM-08"].id
    lists = ("recordings", "phones", "webhooks", "settings", "keys", "audit")
    pages = {"fleet": "#/"} | {name: f"#/{name}" for name in lists}
    return pages | {
        "device": f"#/devices/{device}",
        "player": f"#/recordings/{seeded.recordings[0]}",
    }


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [
        *(
            (ink, ground, TEXT)
            for ink in ("ink", "quiet", "accent", "bad")
            for ground in ("paper", "ground")
        ),
        *((ink, f"{ink}-ground", TEXT) for ink in ("ok", "warn", "bad")),
        *(("ink", f"{state}-ground", TEXT) for state in ("ok", "warn", "bad")),
        ("on-accent", "accent", TEXT),
        ("edge", "paper", SHAPE),
        ("focus", "paper", SHAPE),
        ("focus", "ground", SHAPE),
        ("wave", "ground", SHAPE),
        ("accent", "ground", SHAPE),
    ],
)
def test_colours_stand_out(dark, ink, ground, least):
    """Text has the contrast of WCAG AA in light and in dark, and so has what is to be operated."""
    colours = variables((CONSOLE / "colours.css").read_text(), dark=dark)

    assert contrast(colours[ink], colours[ground]) >= least


def test_no_other_colour_is_named():
    """Every colour but black and white has a name, so that both schemes have it."""
    sheets = "".join(each.read_text() for each in CONSOLE.glob("*.css") if each.stem != "colours")

    assert not set(re.findall(r"#[0-9a-f]{3,6}\b", sheets)) - {"#fff", "#000"}


@browser
async def test_nothing_is_wider_than_a_small_phone(open_page, gateway, everywhere, shot):
    """At 360 pixels nothing reaches over the edge, to be scrolled to or to be cut."""
    page = await open_page(**PHONE)
    await sign_in(page, gateway)
    wide = []
    # The window's own width grows with what is in it.
    width = PHONE["viewport"]["width"]
    for name, path in everywhere.items():
        await go(page, path)
        await shot(page, f"{name}-phone")
        wide += [(name, each) for each in await page.evaluate(_CUT, width)]

    assert [] == wide


@browser
@pytest.mark.timeout(60)
@pytest.mark.skipif(not AXE.exists(), reason="needs axe-core: make .venv/.ready-node")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(open_page, gateway, everywhere, shot, scheme):
    """The rules of axe-core for WCAG 2.2 AA hold on every page, in light and dark."""
    # In the dark only the colours are others.
    rules = {"resultTypes": ["violations"]}
    if scheme == "dark":
        rules["runOnly"] = ["color-contrast"]
    page = await open_page(color_scheme=scheme, reduced_motion="reduce")
    await sign_in(page, gateway)
    # Run from outside of the page: its policy lets no foreign script in.
    await page.evaluate(AXE.read_text())
    broken = []
    for name, path in everywhere.items():
        await go(page, path)
        await shot(page, f"{name}-{scheme}")
        broken += [
            (name, each["id"], each["nodes"][0]["html"], each["nodes"][0]["failureSummary"])
            for each in (await page.evaluate("rules => axe.run(rules)", rules))["violations"]
        ]

    assert [] == broken


@browser
async def test_the_keyboard_alone_gets_everywhere(page, gateway, seeded):
    """Past the header by its first link, into the fleet, to a device, with focus to be seen."""
    await sign_in(page, gateway)
    skip = page.get_by_role("link", name="Skip to the page")
    await skip.focus()
    await expect(skip).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()
    for name in ("Add a device", "Find", "Show", "Quarry north"):
        await page.keyboard.press("Tab")
        focused = page.locator(":focus-visible")
        await expect(focused).to_have_accessible_name(name)
        assert "solid" in await focused.evaluate("each => getComputedStyle(each).outlineStyle")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", level=1)).to_have_text("Quarry north")
    await expect(page.get_by_role("heading", level=1)).to_be_focused()


@browser
async def test_a_question_is_answered_by_keyboard(page, gateway, seeded):
    """A question takes the focus; Escape says no and gives the focus back."""
    await sign_in(page, gateway, f"#/devices/{seeded.boxes['AM-09'].id}")
    rotate = page.get_by_role("button", name="Make a new token")
    await rotate.press("Enter")
    await expect(page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
    await page.keyboard.press("Escape")

    await expect(rotate).to_be_focused()
    assert 0 == await page.get_by_role("dialog").count()


@browser
async def test_nothing_moves_for_whoever_asked_for_that(open_page, gateway):
    """Bars jump instead of gliding where the system asks for less motion."""
    page = await open_page(reduced_motion="reduce")
    await sign_in(page, gateway)
    moves = """() => {
        const bar = document.createElement('span');
        bar.className = 'bar';
        bar.append(document.createElement('span'));
        document.body.append(bar);
        return getComputedStyle(bar.firstChild).transitionDuration;
    }"""

    assert "0s" == await page.evaluate(moves)


@browser
async def test_live_updates_move_nothing_else(page, gateway, seeded):
    """While numbers change by themselves, nothing shifts and the focus stays where it was."""
    await sign_in(page, gateway)
    link = page.get_by_role("link", name="Depot")
    await link.focus()
    await page.evaluate(
        """() => {
            window.shifts = 0;
            new PerformanceObserver(list => {
                for (const entry of list.getEntries()) window.shifts += entry.value;
            }).observe({type: 'layout-shift', buffered: false});
        }"""
    )
    report = {"device_name": "Depot", "battery_percent": 54, "pending_recordings": 2}
    token = seeded.boxes["AM-09"].token
    await gateway.call("POST", "/v1/devices/me/heartbeat", report, token=token)
    await expect(page.get_by_role("row").filter(has_text="Depot")).to_contain_text("54%")

    await expect(link).to_be_focused()
    assert 0 == await page.evaluate("window.shifts")
