"""The page and a recorder, over the browser's own Bluetooth and over the bridge to the radio."""

import asyncio
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import expect

from device.core.bota_ble import uuids
from gateway.core.tunnel import Failed, Kind, Lost, Open, Refused, Succeeded
from tests.browser.bridge import bridged, neighbourhood
from tests.browser.peripheral import ADDRESS, NAME, TABLE, OnAir, emulated
from tests.browser.phone_desk import desk_open, phone_page

pytestmark = pytest.mark.asyncio(loop_scope="session")

HIDDEN = uuids.SERIAL
"""What browsers keep from pages."""


@pytest_asyncio.fixture(loop_scope="session")
async def desk():
    async with desk_open() as desk:
        yield desk


@pytest_asyncio.fixture(loop_scope="session", params=["emulated", "bridged"])
async def met(request, chromium, desk, trouble):
    """A page beside a peripheral, and the peripheral; no connection yet."""
    async with AsyncExitStack() as undo:
        page = await undo.enter_async_context(phone_page(chromium, desk.url, trouble))
        if request.param == "emulated":
            peripheral = await undo.enter_async_context(emulated(chromium, page))
        else:
            around = await undo.enter_async_context(neighbourhood())
            device = around.device(ADDRESS)
            peripheral = OnAir(device)
            await device.power_on()
            around.later(device.power_off)
            await device.start_advertising(auto_restart=True)
            await undo.enter_async_context(bridged(page, around))
        await page.goto("/phone")
        yield page, peripheral


async def found(page, desk):
    """Press the button, choose the recorder; answers the tunnel and its channel."""
    tunnel = await desk.tunnel()
    await page.get_by_role("button", name="Find a recorder").click()
    return tunnel, await tunnel.next(Open)


def index(opened: Open, uuid: str) -> int:
    return next(at for at, each in enumerate(opened.characteristics) if each.uuid == uuid)


async def test_a_recorder_is_discovered_and_told(met, desk):
    """The gateway gets every characteristic with its properties, but what browsers hide."""
    page, _ = met
    _, opened = await found(page, desk)
    told = {(c.service, c.uuid): c.properties for c in opened.characteristics}

    assert (opened.kind, opened.name) == ("bota", NAME)
    assert told == {
        (service, uuid): uses
        for service, each in TABLE.items()
        for uuid, uses in each.items()
        if uuid != HIDDEN
    }


async def test_calls_are_done_as_they_are_asked_for(met, desk):
    """Reads bring values, and both kinds of writes arrive as what they are."""
    page, peripheral = met
    tunnel, opened = await found(page, desk)
    read = index(opened, uuids.DEVICE_STATUS), peripheral.values[uuids.DEVICE_STATUS]
    write, send = index(opened, uuids.TIME_SYNC), index(opened, uuids.RECORDING_TRANSFER)
    channel = opened.channel
    answers = [
        await tunnel.call(Kind.READ, channel, read[0]),
        await tunnel.call(Kind.WRITE, channel, write, b"\x00\x01\xff"),
        await tunnel.call(Kind.SEND, channel, send, b"\x02"),
        await tunnel.call(Kind.SUBSCRIBE, channel, read[0]),
    ]
    async with asyncio.timeout(8):
        answered = await asyncio.gather(*answers)

    assert [type(each) for each in answered] == [Succeeded] * 4
    assert [each.value for each in answered] == [read[1], b"", b"", b""]
    assert peripheral.written == [
        (uuids.TIME_SYNC, "write", b"\x00\x01\xff"),
        (uuids.RECORDING_TRANSFER, "write-without-response", b"\x02"),
    ]
    assert peripheral.subscribed == [uuids.DEVICE_STATUS]


async def test_a_read_is_no_notification(met, desk):
    """Browsers fire one event for both; the gateway is told a value that was read once."""
    page, peripheral = met
    tunnel, opened = await found(page, desk)
    at = index(opened, uuids.DEVICE_STATUS)
    await tunnel.ask(Kind.SUBSCRIBE, opened.channel, at)
    answer = await tunnel.ask(Kind.READ, opened.channel, at)

    assert answer.value == peripheral.values[uuids.DEVICE_STATUS]
    assert tunnel.notified.empty()


async def test_a_refused_call_is_told_and_ends_nothing(met, desk):
    """One failure is one answer; what comes after it is done."""
    page, peripheral = met
    tunnel, opened = await found(page, desk)
    peripheral.refuses = {uuids.STORAGE_INFO}
    refused = await tunnel.ask(Kind.READ, opened.channel, index(opened, uuids.STORAGE_INFO))
    unable = await tunnel.ask(Kind.SUBSCRIBE, opened.channel, index(opened, uuids.TIME_SYNC))
    missing = await tunnel.ask(Kind.READ, opened.channel, 200)
    after = await tunnel.ask(Kind.READ, opened.channel, index(opened, uuids.MODEL))

    assert [type(each) for each in (refused, unable, missing)] == [Failed] * 3
    assert refused.error in {"NotSupportedError", "NetworkError"}
    assert (unable.error, missing.error) == ("NotSupportedError", "NotFoundError")
    assert after.value == peripheral.values[uuids.MODEL]


async def test_a_recorder_that_goes_is_told_and_comes_back_by_itself(met, desk):
    """The gateway hears of the loss, and gets a channel with a new number without a touch."""
    page, peripheral = met
    tunnel, opened = await found(page, desk)
    await peripheral.disconnect()
    lost = await tunnel.next(Lost)
    await expect(page.locator(".card .said")).to_contain_text("Out of reach")
    again = await tunnel.next(Open)

    assert lost.channel == opened.channel
    assert again.channel != opened.channel
    assert again.browser_id == opened.browser_id
    assert peripheral.connections == 2


async def test_a_refused_recorder_is_let_go_with_the_gateways_words(met, desk):
    """What the gateway says of it is shown, with a button that tries again."""
    page, _ = met
    tunnel, opened = await found(page, desk)
    refused = Refused(channel=opened.channel, message="It is too old", hint="Update its firmware")
    await tunnel.tell(refused)
    card = page.locator(".card")
    await expect(card).to_contain_text("It is too old")
    await expect(card).to_contain_text("Update its firmware")
    await card.get_by_role("button", name="Try again").click()
    again = await tunnel.next(Open)

    assert again.channel != opened.channel


async def test_a_lost_gateway_gets_every_recorder_again(met, desk):
    """The page comes back by itself, and opens what it had on the new tunnel."""
    page, peripheral = met
    tunnel, opened = await found(page, desk)
    at = index(opened, uuids.DEVICE_STATUS)
    await tunnel.close(1012)
    again, reopened = await desk.recorder()
    answer = await again.ask(Kind.READ, reopened.channel, at)

    assert again is not tunnel
    assert answer.value == peripheral.values[uuids.DEVICE_STATUS]
