"""The fleet and one device, as an operator uses them."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import PHONE
from tests.browser.console_desk import drawn, go, sign_in

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(autouse=True)
def _signing_in_is_asked_first(trouble):
    trouble.expect("status of 401")


@pytest.fixture
def setting(page):
    """Find the row of a setting."""
    return lambda label: page.locator(".setting").filter(has_text=label)


async def test_the_fleet_shows_the_worst_first(page, gateway, seeded, shot):
    """A device with a problem stands on top, with its numbers."""
    await sign_in(page, gateway)
    rows = page.get_by_role("row")
    await shot(page, "fleet-light")

    await expect(rows.nth(1)).to_contain_text("Quarry north")
    await expect(rows.nth(1)).to_contain_text("9%")
    await expect(rows).to_have_count(5)


async def test_the_fleet_is_searched_as_one_types(page, gateway, seeded):
    """A part of a name or of a serial number is enough."""
    await sign_in(page, gateway)
    await page.get_by_label("Find").press_sequentially("depot")

    await expect(page.get_by_role("row")).to_have_count(2)
    await expect(page.get_by_role("rowheader")).to_have_text("Depot AM-09")


async def test_an_empty_fleet_says_how_to_begin(page, gateway, shot):
    """Where there is no device, the commands that make the first one are shown."""
    await sign_in(page, gateway)
    await shot(page, "fleet-empty")

    await expect(page.locator("#main")).to_contain_text("fieldpost-gateway devices add AM-01")
    await expect(page.locator("#main")).to_contain_text("fieldpost enrol --code CODE")


async def test_a_device_that_never_reported_is_not_called_well(page, gateway):
    """Nobody knows yet; the head of the page says so."""
    await gateway.device("AM-01")
    await sign_in(page, gateway)

    await expect(page.get_by_text("1 device, 1 not heard of yet")).to_be_visible()


async def test_a_heartbeat_appears_by_itself(page, gateway, seeded):
    """What a device reports is on the page moments later, without a reload."""
    await sign_in(page, gateway)
    report = {"device_name": "Depot", "battery_percent": 54}
    token = seeded.boxes["AM-09"].token
    await gateway.call("POST", "/v1/devices/me/heartbeat", report, token=token)

    await expect(page.get_by_role("row").filter(has_text="Depot")).to_contain_text("54%")


async def test_a_device_is_added_and_enrolled_by_a_code(page, gateway):
    """From nothing to a code that a box is enrolled with, by keyboard and by a picture to scan."""
    await sign_in(page, gateway)
    await page.get_by_role("button", name="Add a device").press("Enter")
    await page.get_by_label("Serial number").press_sequentially("AM-21")
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="AM-21").wait_for()
    await page.get_by_role("button", name="Make an enrolment code").press("Enter")
    code = await page.locator(".big-code").inner_text()
    picture = page.get_by_role("img", name=f"QR code of fieldpost enrol --code {code}")
    enrolled = await gateway.call("POST", "/v1/enrol", {"code": code}, token="")

    await expect(picture).to_be_visible()
    await expect(page.get_by_role("timer")).to_contain_text("14 min")
    assert 200 == enrolled.status


async def test_a_new_token_is_shown_once(page, gateway, seeded):
    """After a question a new token is made that works, and the old one does not any more."""
    box = seeded.boxes["AM-09"]
    await sign_in(page, gateway, f"#/devices/{box.id}")
    await page.get_by_role("button", name="Make a new token").click()
    await page.get_by_role("dialog").get_by_role("button", name="Make it").click()
    token = await page.locator(".secret code").inner_text()
    await page.reload()
    await drawn(page)

    assert 401 == (await gateway.call("GET", "/v1/devices/me", token=box.token)).status
    assert 200 == (await gateway.call("GET", "/v1/devices/me", token=token)).status
    assert 0 == await page.locator(".secret").count()


async def test_a_setting_is_overridden_and_given_back(page, gateway, seeded, setting, shot):
    """A device's own value stands over the one for all, says so, and can be given back."""
    box = seeded.boxes["AM-07"]
    await gateway.call("PATCH", "/v1/settings", {"power": {"auto_sleep_minutes": 30}})
    await sign_in(page, gateway, f"#/devices/{box.id}")
    row = setting("Sleep after idle")
    await expect(row).to_contain_text("30 min")
    await expect(row).to_contain_text("inherited from all devices")
    await row.get_by_role("button", name="Set: ").press("Enter")
    await page.keyboard.press("Control+a")
    await page.keyboard.type("5")
    await page.keyboard.press("Enter")
    await expect(row).to_contain_text("set for this device")
    await shot(page, "device-light")
    path = f"/v1/devices/{box.id}/settings"
    overridden = (await gateway.call("GET", path)).json["value"]["power"]
    await row.get_by_role("button", name="Back to inherited").press("Enter")
    await expect(row).to_contain_text("inherited from all devices")

    await expect(row.get_by_role("button", name="Set: ")).to_be_focused()
    assert {"auto_sleep_minutes": 5} == overridden
    assert {} == (await gateway.call("GET", path)).json["own"]


async def test_a_setting_out_of_range_is_refused_in_words(page, gateway, seeded, setting, trouble):
    """What the gateway refuses stands beside the field, with the range."""
    trouble.expect("status of 4")
    await sign_in(page, gateway, "#/settings")
    row = setting("Only at these hours")
    await row.get_by_role("button", name="Set: ").click()
    await row.get_by_label("Time zone").fill("Mars/Olympus")
    await row.get_by_role("button", name="Save").click()

    await expect(row.locator(".notice.bad")).to_contain_text("off_peak_hours")


async def test_a_command_lives_before_ones_eyes(page, gateway, seeded):
    """A command waits, is told with a heartbeat, and is done when the device says so."""
    box = seeded.boxes["AM-07"]
    await sign_in(page, gateway, f"#/devices/{box.id}")
    await page.get_by_role("button", name="Give it").press("Enter")
    row = page.get_by_role("row").filter(has_text="Upload now")
    await expect(row).to_contain_text("Waits for the device")
    heard = await gateway.call("POST", "/v1/devices/me/heartbeat", {}, token=box.token)
    await expect(row).to_contain_text("Told, no answer yet")
    command = heard.json["commands"][0]["id"]
    path = f"/v1/devices/me/commands/{command}/result"
    await gateway.call("POST", path, {"status": "executed"}, token=box.token)
    await gateway.call("POST", "/v1/devices/me/heartbeat", {}, token=box.token)

    await expect(row).to_contain_text("Done")
    await expect(row).not_to_contain_text("expires")


async def test_on_a_phone_every_device_is_a_card(open_page, gateway, seeded, shot):
    """At 360 pixels nothing has to be scrolled sideways, and rows are still rows to be read out."""
    page = await open_page(**PHONE)
    await sign_in(page, gateway)
    await shot(page, "fleet-phone")
    await go(page, f"#/devices/{seeded.boxes['AM-08'].id}")
    await shot(page, "device-phone")
    await go(page, "#/")

    await expect(page.get_by_role("row")).to_have_count(5)
    await expect(page.get_by_role("cell").nth(1)).to_be_visible()
