"""The ground that tests of pages stand on."""

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_page_asks_the_gateway(page, gateway, trouble):
    """Chromium reaches the gateway, and pages are told its address."""
    trouble.expect("404")  # this page names no icon
    answer = await page.goto("/livez")

    assert 200 == answer.status


async def test_a_complaint_of_a_page_is_seen(page, trouble):
    """What a page throws or logs as an error fails the test that does not expect it."""
    await page.goto("/livez")
    trouble.expect("404")
    await page.evaluate("console.error('first'); queueMicrotask(() => { throw Error('second') })")
    await page.evaluate("1")
    before = trouble.unexpected()
    trouble.expect("first")
    trouble.expect("second")

    assert ["error: first", "uncaught: second"] == before


async def test_seeded_recordings_are_whole(gateway, seeded):
    """The seeded recordings are uploaded, each with audio and three images."""
    page = (await gateway.call("GET", "/v1/recordings")).json["data"]

    assert [(each, "uploaded", 4) for each in seeded.recordings] == [
        (each["id"], each["status"], len(each["media"])) for each in page
    ]
