"""Whole recordings through a phone: simulated recorders on the virtual radio, the page in Chromium,
and the real gateway with the agent's own drivers, spool and uploads.
"""

import asyncio
import hashlib
import random
import re
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from playwright.async_api import Page, expect

from device.core.link.messages import parse
from device.core.link.requests import Read
from device.model import EntryId
from device.simulate.bota_gatt import bota_on
from device.simulate.gatt_end import GattEnd
from gateway.phone.board import Board
from gateway.phone.words import DONE
from tests.ble.air import Pace
from tests.browser.bridge import Neighbourhood, bridged, neighbourhood
from tests.browser.phone_desk import phone_page
from tests.device.drivers.bota_rig import recorder as bota_recorder
from tests.device.drivers.native_rig import FakeStore, Recorder

# A radio, a browser and a gateway take their time where the machine is busy.
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

NATIVE_ADDRESS, BOTA_ADDRESS = "F0:F1:F2:F3:F4:01", "F0:F1:F2:F3:F4:02"
AUDIO = random.Random(70).randbytes(60_000)
IMAGE = random.Random(71).randbytes(9_000)
LONG = random.Random(72).randbytes(220_000)
BOTA_AUDIO = random.Random(73).randbytes(40 * 1024)
PATIENCE_MS = 40_000
SOME_BYTES = 100_000
"""More than a block that recorders give a hash of: so much is kept through any loss."""


@asynccontextmanager
async def native(around: Neighbourhood, store: FakeStore):
    """Have a native recorder there."""
    end = GattEnd(around.device(NATIVE_ADDRESS), "FP-0001")
    await end.start()
    recorder = Recorder(store, max_frame_bytes=4096)
    recorder.line = end
    running = asyncio.create_task(recorder.run(), name="recorder")
    try:
        yield recorder
    finally:
        await end.aclose()
        await running


@asynccontextmanager
async def bota(around: Neighbourhood, content: bytes):
    """Have a Bota recorder there."""
    source = bota_recorder({b"BOTA": content})
    async with bota_on(around.device(BOTA_ADDRESS), source):
        yield source


@asynccontextmanager
async def paired(chromium, gateway, trouble, around: Neighbourhood, *, remembers: bool = False):
    """Pair a phone by what its camera saw; answers its page and its Bluetooth."""
    made = await gateway.call("POST", "/v1/phones/codes", {"name": "Night shift"})

    assert made.status == 201, made.body
    async with AsyncExitStack() as undo:
        page = await undo.enter_async_context(phone_page(chromium, gateway.url, trouble))
        bridge = await undo.enter_async_context(bridged(page, around, remembers=remembers))
        await page.goto("/phone#" + made.json["url"].partition("#")[2])
        await expect(page.locator("#line")).to_have_text("Connected")
        yield page, bridge


async def find(page: Page, bridge, address: str) -> None:
    bridge.choice = address
    await page.get_by_role("button", name="Find a").click()


async def all_done(page: Page) -> None:
    await expect(page.locator(".card .said").first).to_have_text(DONE, timeout=PATIENCE_MS)


@pytest.fixture
def begun(monkeypatch):
    """Wait until some of a recording is in the gateway's spool, and not all."""
    enough = asyncio.Event()
    original = Board.pulling

    def pulling(board: Board, entry: EntryId, index: int, done_bytes: int, total: int) -> None:
        original(board, entry, index, done_bytes, total)
        if done_bytes > SOME_BYTES:
            enough.set()

    monkeypatch.setattr(Board, "pulling", pulling)

    async def wait() -> None:
        async with asyncio.timeout(PATIENCE_MS / 1000):
            await enough.wait()

    return wait


async def kept(gateway) -> set[str]:
    """Return the digests of all media that the gateway holds for good."""
    page = (await gateway.call("GET", "/v1/recordings")).json
    found = set()
    for each in page["data"]:
        whole = (await gateway.call("GET", f"/v1/recordings/{each['id']}")).json

        assert whole["status"] in {"uploaded", "completed", "processing"}, whole
        found |= {medium["content_sha256"] for medium in whole["media"]}
    return found


def digests(*contents: bytes) -> set[str]:
    return {hashlib.sha256(each).hexdigest() for each in contents}


def one(content: bytes) -> FakeStore:
    return FakeStore({(b"L" * 16, 1): (content,)})


async def test_a_native_recorder_is_emptied(chromium, gateway, trouble, shot):
    """Audio and images of every recording are in the gateway, and gone from the recorder."""
    store = FakeStore({(b"A" * 16, 1): (AUDIO, IMAGE), (b"B" * 16, 7): (IMAGE[:5000],)})
    async with (
        neighbourhood() as around,
        native(around, store),
        paired(chromium, gateway, trouble, around) as (page, bridge),
    ):
        await find(page, bridge, NATIVE_ADDRESS)
        await all_done(page)
        await shot(page, "phone-transfer-done")
        found = await kept(gateway)

    assert found == digests(AUDIO, IMAGE, IMAGE[:5000])
    assert store.stored == []


async def test_a_bota_recorder_is_emptied(chromium, gateway, trouble):
    """It is known without the serial number that browsers hide."""
    async with (
        neighbourhood() as around,
        bota(around, BOTA_AUDIO) as source,
        paired(chromium, gateway, trouble, around) as (page, bridge),
    ):
        await find(page, bridge, BOTA_ADDRESS)
        await all_done(page)
        await expect(page.locator(".card .name")).to_have_text(re.compile("^Bota Pin [0-9A-F]{4}$"))
        found = await kept(gateway)

    assert found == digests(BOTA_AUDIO)
    assert source.files == {}


async def test_two_recorders_are_emptied_at_once(chromium, gateway, trouble, shot):
    """Each has its own card, and neither waits for the other."""
    store = one(AUDIO)
    async with (
        neighbourhood() as around,
        native(around, store),
        bota(around, BOTA_AUDIO) as source,
        paired(chromium, gateway, trouble, around) as (page, bridge),
    ):
        await find(page, bridge, NATIVE_ADDRESS)
        await expect(page.locator(".card")).to_have_count(1)
        await find(page, bridge, BOTA_ADDRESS)
        await expect(page.locator(".card")).to_have_count(2)
        said = page.locator(".card .said")
        await expect(said).to_have_text([DONE] * 2, timeout=PATIENCE_MS)
        await shot(page, "phone-transfer-two")
        found = await kept(gateway)

    assert found == digests(AUDIO, BOTA_AUDIO)
    assert (store.stored, source.files) == ([], {})


async def cut(page: Page, around: Neighbourhood) -> None:
    around.air.cut()


async def without_network(page: Page, around: Neighbourhood) -> None:
    await page.context.set_offline(True)
    await expect(page.locator("#line")).to_have_text("No network")
    await page.context.set_offline(False)


async def reloaded(page: Page, around: Neighbourhood) -> None:
    await page.reload()


@pytest.mark.parametrize("trial", [cut, without_network, reloaded])
async def test_a_transfer_goes_on_by_itself(chromium, gateway, trouble, begun, trial):
    """Whatever breaks in the middle: nobody presses a button, and it goes on from its last byte."""
    trouble.expect("WebSocket|ERR_INTERNET_DISCONNECTED")
    store = one(LONG)
    async with (
        neighbourhood(Pace()) as around,
        native(around, store) as recorder,
        paired(chromium, gateway, trouble, around, remembers=True) as (page, bridge),
    ):
        await find(page, bridge, NATIVE_ADDRESS)
        await begun()
        await trial(page, around)
        await all_done(page)
        found = await kept(gateway)

    assert found == digests(LONG)
    assert store.stored == []
    first, *others = begins(recorder)

    assert first == 0
    assert max(others, default=0) > 0


def begins(recorder: Recorder) -> list[int]:
    """Return where the pulls of its recording began."""
    heard = (parse(frame) for frame in recorder.received if frame)
    return [message.offset for message in heard if isinstance(message, Read)]
