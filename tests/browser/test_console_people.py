"""Who may do what, in the console: API keys, phones, and the log of what was changed."""

import dataclasses

import pytest
from playwright.async_api import expect

from gateway.model_phones import PhoneVisit, VisitState
from tests.browser.console_desk import go, sign_in

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(autouse=True)
def _signing_in_is_asked_first(trouble):
    trouble.expect("status of 401")


async def test_a_key_is_made_copied_and_revoked(open_page, gateway, shot):
    """A key works as soon as it is shown, can be copied, and works no more once it is revoked."""
    page = await open_page(permissions=["clipboard-read", "clipboard-write"])
    await sign_in(page, gateway, "#/keys")
    await page.get_by_label("Name", exact=True).fill("Transcriber")
    await page.keyboard.press("Enter")
    key = await page.locator(".secret code").inner_text()
    await page.get_by_role("button", name="Copy").click()
    await page.get_by_role("button", name="Copied").wait_for()
    await shot(page, "keys-made")
    copied = await page.evaluate("navigator.clipboard.readText()")
    good = await gateway.call("GET", "/v1/recordings", token=key)
    await page.get_by_role("button", name="Revoke Transcriber").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke it").click()
    await expect(page.get_by_role("row").filter(has_text="Transcriber")).to_contain_text("Revoked")

    assert key == copied
    assert 200 == good.status
    assert 401 == (await gateway.call("GET", "/v1/recordings", token=key)).status


async def test_revoking_ones_own_key_ends_the_session(page, gateway):
    """Whoever revokes the key that they signed in with is out."""
    await sign_in(page, gateway, "#/keys")
    await page.get_by_role("button", name="Revoke test").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke it").click()

    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


async def test_a_phone_is_paired_by_a_code_and_revoked(page, gateway, shot):
    """A code pairs one phone, which is in the list, until it is revoked."""
    await sign_in(page, gateway, "#/phones")
    await page.get_by_label("Name", exact=True).fill("Ada's phone")
    await page.get_by_role("button", name="Make a pairing code").click()
    code = await page.locator(".big-code").inner_text()
    picture = page.get_by_role("img", name=f"#{code}")
    await expect(picture).to_be_visible()
    await shot(page, "phones-pairing")
    own = {"Origin": gateway.url}
    paired = await gateway.call("POST", "/phone/pair", {"code": code}, token="", headers=own)
    await go(page, "#/phones")
    row = page.get_by_role("row").filter(has_text="Ada's phone")
    await row.get_by_role("button", name="Revoke").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke it").click()

    await expect(row).to_have_count(0)
    assert 201 == paired.status


async def test_changes_stand_in_the_audit_log(page, gateway, shot):
    """Who did what to what, and one click narrows the log to it."""
    await sign_in(page, gateway)
    made = (await gateway.call("POST", "/v1/devices", {"serial_number": "AM-31"})).json["id"]
    await gateway.call("POST", f"/v1/devices/{made}/enrol-codes")
    await go(page, "#/audit")
    row = page.get_by_role("row").filter(has_text="Create enrol code")
    await shot(page, "audit-light")
    await expect(row).to_contain_text("test")
    await row.get_by_role("link", name=made).click()
    await page.wait_for_url(f"**subject={made}")

    await expect(page.get_by_label("To", exact=True)).to_have_value(made)
    await expect(page.get_by_role("row").filter(has_text="Create device")).to_have_count(1)


async def test_a_visit_of_a_phone_is_seen_as_it_goes(page, gateway):
    """What a phone brings appears by itself, with what is in the way, until it is done."""
    made = (await gateway.call("POST", "/v1/phones/codes", {"name": "Ada's phone"})).json
    own = {"Origin": gateway.url}
    body = {"code": made["code"]}
    phone = (await gateway.call("POST", "/phone/pair", body, token="", headers=own)).json["phone"]
    await sign_in(page, gateway, "#/phones")
    now = gateway.gateway.clock.now()
    broken = {"id": "1", "label": "Monday", "state": "problem", "message": "Its card is broken."}
    visit = PhoneVisit(
        id="vis_1",
        phone_id=phone["id"],
        recorder="FP-0001",
        state=VisitState.SYNCING,
        standing={"recordings": [broken], "message": ""},
        began_at=now,
        heard_at=now,
    )
    await gateway.gateway.store.phones.keep_visit(visit)
    row = page.get_by_role("row").filter(has_text="FP-0001")
    await expect(row).to_contain_text("Bringing recordings")
    await expect(row).to_contain_text("Monday: Its card is broken.")
    over = dataclasses.replace(visit, state=VisitState.DONE, ended_at=now, standing={})
    await gateway.gateway.store.phones.keep_visit(over)

    await expect(row).to_contain_text("Done")
