"""What the person with the phone sees: pairing, recorders, progress, and every trouble in words."""

from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from gateway.core.tunnel import Bye, Close, Open, Row, Standing
from tests.browser.bridge import bridged, neighbourhood
from tests.browser.peripheral import ADDRESS, OnAir
from tests.browser.phone_desk import desk_open, phone_page

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZES = ({"width": 360, "height": 740}, {"width": 412, "height": 915})
MIB = 1 << 20
RECORDINGS = (
    Row(id="1", label="2026-03-01 12:00 UTC", state="pulling", done_bytes=MIB, size_bytes=3 * MIB),
    Row(id="2", label="2026-03-01 13:00 UTC", state="waiting", size_bytes=2 * MIB),
    Row(id="3", label="2026-03-01 11:00 UTC", state="sending", size_bytes=MIB),
    Row(id="4", label="2026-03-01 10:00 UTC", state="released", size_bytes=MIB),
    Row(
        id="5",
        label="2026-03-01 09:00 UTC",
        state="problem",
        message="The recorder cannot read it. Keep it, and ask support.",
    ),
)
AWAY = """
  let away = false;
  Object.defineProperty(document, 'hidden', { get: () => away });
  Object.defineProperty(document, 'visibilityState', { get: () => (away ? 'hidden' : 'visible') });
  window.putAway = (now) => { away = now; document.dispatchEvent(new Event('visibilitychange')); };
  window.locks = [];
  const ask = WakeLock.prototype.request;
  WakeLock.prototype.request = async function (...args) {
    const lock = await ask.apply(this, args);
    window.locks.push(lock);
    return lock;
  };
"""


@pytest_asyncio.fixture(loop_scope="session")
async def desk():
    async with desk_open() as desk:
        yield desk


@pytest_asyncio.fixture(loop_scope="session")
async def phone(chromium, desk, trouble):
    """A phone whose page is not open yet."""
    async with phone_page(chromium, desk.url, trouble) as page:
        yield page


@asynccontextmanager
async def near(page: Page):
    """Put a recorder beside the phone."""
    async with neighbourhood() as around:
        device = around.device(ADDRESS)
        recorder = OnAir(device)
        await device.power_on()
        around.later(device.power_off)
        await device.start_advertising(auto_restart=True)
        async with bridged(page, around) as bridge:
            yield recorder, bridge


@pytest.fixture
def shots(shot):
    """Keep two pictures, small in light colours and large in dark ones; nothing is cut off."""

    async def taken(page: Page, name: str) -> None:
        for size, colours in zip(SIZES, ("light", "dark"), strict=True):
            await page.set_viewport_size(size)
            await page.emulate_media(color_scheme=colours)
            await shot(page, f"phone-{name}-{size['width']}-{colours}")
            wide = await page.evaluate("document.documentElement.scrollWidth")

            assert wide <= size["width"]

    return taken


async def found(page: Page, desk):
    await page.goto("/phone")
    tunnel = await desk.tunnel()
    await page.get_by_role("button", name="Find a recorder").click()
    return tunnel, await tunnel.next(Open)


def standing(channel: int | None, recordings, message: str = "Stay near the recorder") -> Standing:
    return Standing(
        channel=channel,
        recorder="FP-0001",
        battery_percent=81,
        recordings=recordings,
        message=message,
    )


async def test_a_code_in_the_address_pairs_and_leaves_it(phone, desk):
    """What the camera app opened is used once, and stands in no history."""
    desk.name = None
    await phone.goto("/phone#ABCD-EFGH")
    await expect(phone.get_by_role("button", name="Find a recorder")).to_be_visible()

    assert desk.codes == ["ABCD-EFGH"]
    assert phone.url == f"{desk.url}/phone"


async def test_a_typed_code_pairs(phone, desk, trouble, shots):
    """A code is typed as it was read, in any case; pressing Enter is enough."""
    trouble.expect("status of 401")
    desk.name = None
    await phone.goto("/phone")
    field = phone.get_by_label("Pairing code")
    await expect(field).to_be_visible()
    await shots(phone, "pairing")
    await field.fill("abcd-efgh ")
    await field.press("Enter")
    await expect(phone.get_by_role("button", name="Find a recorder")).to_be_visible()

    assert desk.codes == ["ABCD-EFGH"]


async def test_a_used_code_is_refused_with_what_to_do(phone, desk, trouble, shots):
    """The person learns where the next code comes from, and can type it."""
    trouble.expect("status of 410|status of 401")
    desk.name, desk.pairing_status = None, 410
    await phone.goto("/phone#ABCD-EFGH")
    alert = phone.get_by_role("alert")
    await expect(alert).to_contain_text("This code does not work")
    await expect(alert).to_contain_text("Ask for a new one in the console")
    await expect(phone.get_by_label("Pairing code")).to_have_value("ABCD-EFGH")
    await shots(phone, "code-refused")


async def test_a_used_link_opens_the_page_of_whom_it_paired(phone, desk, trouble):
    """Whoever comes back by the link of the first day goes on, and is asked for nothing."""
    trouble.expect("status of 410")
    desk.pairing_status = 410
    await phone.goto("/phone#ABCD-EFGH")
    await desk.tunnel()
    await expect(phone.get_by_role("alert")).not_to_contain_text("code")


async def test_a_code_scanned_while_the_page_is_open_pairs(phone, desk, trouble):
    """The camera app may lead to the page that is there already."""
    trouble.expect("status of 401")
    desk.name = None
    await phone.goto("/phone")
    await expect(phone.get_by_label("Pairing code")).to_be_visible()
    await phone.goto("/phone#ABCD-EFGH")
    await desk.tunnel()

    assert desk.codes == ["ABCD-EFGH"]


async def test_a_page_that_opens_before_the_gateway_waits_for_it(phone, desk, trouble):
    """It says so, and begins by itself when the network comes."""
    trouble.expect("ERR_FAILED|ERR_CONNECTION")
    await phone.route("**/phone/me", lambda route: route.abort())
    await phone.goto("/phone")
    await expect(phone.get_by_role("alert")).to_contain_text("The gateway cannot be reached")
    await phone.unroute("**/phone/me")
    await phone.evaluate("dispatchEvent(new Event('online'))")
    await desk.tunnel()
    await expect(phone.get_by_role("alert")).not_to_contain_text("cannot be reached")


async def test_what_goes_up_without_its_recorder_is_shown(phone, desk):
    """Recordings of a recorder that has left have a card, until it is here again."""
    async with near(phone):
        await phone.goto("/phone")
        tunnel = await desk.tunnel()
        await tunnel.tell(standing(None, RECORDINGS[2:3], "Nothing more to pull"))
        card = phone.locator(".card")
        await expect(card.get_by_role("heading")).to_have_text("FP-0001")
        await phone.get_by_role("button", name="Find a").click()
        opened = await tunnel.next(Open)
        await tunnel.tell(standing(opened.channel, RECORDINGS[:1]))
        await expect(card).to_have_count(1)
        await expect(card.get_by_role("heading")).to_have_text("Bota Pin 0001")


async def test_progress_is_told_recording_by_recording(phone, desk, shots):
    """Each has its state in words; the one that moves has a bar; advice says to stay."""
    async with near(phone):
        await phone.add_init_script(AWAY)
        tunnel, opened = await found(phone, desk)
        await tunnel.tell(standing(opened.channel, RECORDINGS))
        card = phone.locator(".card")
        await expect(card.get_by_role("heading")).to_have_text("Bota Pin 0001")
        await expect(card).to_contain_text("Battery 81 %")
        await expect(card).to_contain_text("Copying from the recorder: 1.0 MiB of 3.0 MiB")
        await expect(card.get_by_role("progressbar")).to_have_attribute("value", str(MIB))
        await expect(card).to_contain_text("The recorder cannot read it. Keep it, and ask support.")
        await expect(card).to_contain_text("1 recording safe and off the recorder")
        await expect(phone.locator("#advice")).to_contain_text("Keep this page open")
        states = await card.locator(".row").evaluate_all("rows => rows.map(r => r.dataset.state)")
        await shots(phone, "pulling")

    assert states == ["problem", "pulling", "sending", "waiting"]


async def test_the_screen_stays_on_while_something_moves(phone, desk, shots):
    """The lock is taken, taken again when the page comes back, and let go when all is done."""
    async with near(phone):
        await phone.add_init_script(AWAY)
        tunnel, opened = await found(phone, desk)
        await tunnel.tell(standing(opened.channel, RECORDINGS[:2]))
        await phone.wait_for_function("() => window.locks.length === 1")
        await phone.evaluate("window.locks[0].release(); window.putAway(true)")
        await phone.evaluate("window.putAway(false)")
        await phone.wait_for_function("() => window.locks.length === 2")
        held = await phone.evaluate("window.locks[1].released")
        done = [Row(id=str(n), label=f"Round {n}", state="released") for n in range(3)]
        await tunnel.tell(standing(opened.channel, done, "All done: you can leave"))
        await phone.wait_for_function("() => window.locks[1].released")
        await expect(phone.locator(".card")).to_contain_text("All done: you can leave")
        await expect(phone.locator(".card")).to_contain_text("3 recordings safe")
        await expect(phone.locator("#advice")).to_be_hidden()
        await shots(phone, "done")

    assert not held


async def test_a_screen_reader_is_told_not_flooded(phone, desk):
    """Twenty changes in a row are told once, in one sentence."""
    async with near(phone):
        tunnel, opened = await found(phone, desk)
        await phone.evaluate("""() => {
          window.told = [];
          new MutationObserver(() => window.told.push(document.getElementById('said').textContent))
            .observe(document.getElementById('said'), { childList: true });
        }""")
        for done in range(20):
            row = Row(id="1", label="12:00", state="pulling", done_bytes=done, size_bytes=20)
            await tunnel.tell(standing(opened.channel, [row]))
        await expect(phone.locator(".percent")).to_have_text("95 %")
        await phone.wait_for_function("() => window.told.length > 0")
        told = await phone.evaluate("window.told")

    assert len(told) == 1
    assert told[0].startswith("Bota Pin 0001: 0 of 1 recordings safe")


async def test_a_retry_that_the_gateway_names_is_kept(phone, desk):
    """A recorder that another phone syncs is looked at again when the gateway says."""
    async with near(phone):
        tunnel, opened = await found(phone, desk)
        busy = Close(channel=opened.channel, message="Another phone copies it", retry_s=0.1)
        await tunnel.tell(busy)
        await expect(phone.locator(".card")).to_contain_text("Another phone copies it")
        again = await tunnel.next(Open)

    assert again.channel != opened.channel


async def test_nothing_chosen_is_no_drama(phone, desk, shots):
    """The chooser was closed: the page says how to see the recorder in it."""
    async with near(phone) as (_, bridge):
        bridge.choice = None
        await phone.goto("/phone")
        await expect(phone.get_by_text("Connected")).to_be_visible()
        await shots(phone, "empty")
        await phone.get_by_role("button", name="Find a recorder").click()
        await expect(phone.get_by_role("alert")).to_contain_text("No recorder was chosen")
        await shots(phone, "not-chosen")


async def test_an_adapter_that_is_off_is_named_before_anybody_looks(phone, desk, shots):
    """Bluetooth off is said at once, and where to switch it on."""
    async with near(phone) as (_, bridge):
        bridge.available = False
        await phone.goto("/phone")
        await expect(phone.get_by_role("alert")).to_contain_text("Bluetooth is off")
        await shots(phone, "bluetooth-off")


async def test_a_recorder_out_of_reach_is_tried_again(phone, desk, shots):
    """It says what to do, and connects by itself when the recorder answers."""
    async with near(phone) as (_, bridge):
        bridge.away.add(ADDRESS)
        await phone.goto("/phone")
        tunnel = await desk.tunnel()
        await phone.get_by_role("button", name="Find a recorder").click()
        await expect(phone.locator(".card")).to_contain_text("The recorder does not answer")
        await shots(phone, "out-of-reach")
        bridge.away.clear()
        await tunnel.next(Open)
        await expect(phone.locator(".card")).not_to_contain_text("does not answer")


async def test_a_browser_without_bluetooth_is_told_which_one_has_it(phone, desk, shots):
    """On an iPhone neither Safari nor Chrome can; the page names what works."""
    await phone.add_init_script("delete Navigator.prototype.bluetooth")
    await phone.goto("/phone")
    alert = phone.get_by_role("alert")
    await expect(alert).to_contain_text("This browser cannot use Bluetooth")
    await expect(alert).to_contain_text("Bluefy")
    await shots(phone, "no-bluetooth")


async def test_a_browser_without_bluetooth_leaves_the_code_for_one_that_has_it(
    phone, desk, trouble
):
    """The code is good once: it stays in the address, and nobody is asked to type it here."""
    trouble.expect("status of 401")
    desk.name = None
    await phone.add_init_script("delete Navigator.prototype.bluetooth")
    await phone.goto("/phone#ABCD-EFGH")
    await expect(phone.get_by_role("alert")).to_contain_text("This browser cannot use Bluetooth")
    await expect(phone.get_by_label("Pairing code")).to_be_hidden()

    assert desk.codes == []
    assert phone.url.endswith("#ABCD-EFGH")


async def test_a_revoked_phone_asks_for_a_code(phone, desk, shots):
    """What was copied is safe; a new code goes on."""
    await phone.goto("/phone")
    await (await desk.tunnel()).close(4401)
    await expect(phone.get_by_role("alert")).to_contain_text("not paired any more")
    await expect(phone.get_by_label("Pairing code")).to_be_visible()
    await shots(phone, "revoked")
    await phone.get_by_label("Pairing code").fill("WXYZ-2345")
    await phone.get_by_role("button", name="Pair", exact=True).click()
    await desk.tunnel()


@pytest.mark.parametrize(
    "end",
    [
        (4409, "Another page of this phone took over", "Use this page"),
        (4400, "This page is out of date", "Load this page again"),
    ],
)
async def test_an_end_for_good_waits_for_the_person(phone, desk, shots, end):
    """The page rests, says why, and goes on at the press of a button."""
    code, what, button = end
    await phone.goto("/phone")
    await (await desk.tunnel()).close(code)
    await expect(phone.get_by_role("alert")).to_contain_text(what)
    await expect(phone.locator("#line")).to_have_text("Resting")
    await shots(phone, f"end-{code}")
    await phone.get_by_role("button", name=button).click()
    await desk.tunnel()


async def test_no_network_is_said_and_left_behind_by_itself(phone, desk, trouble, shots):
    """Without a network the page says so at once; with it everything is connected again."""
    async with near(phone) as (recorder, _):
        tunnel, opened = await found(phone, desk)
        await tunnel.tell(standing(opened.channel, RECORDINGS))
        trouble.expect("WebSocket|ERR_INTERNET_DISCONNECTED")
        await phone.context.set_offline(True)
        await expect(phone.locator("#line")).to_have_text("No network")
        await expect(phone.locator("#advice")).to_contain_text("Nothing is lost")
        await shots(phone, "no-network")
        await phone.context.set_offline(False)
        again, reopened = await desk.recorder()

    assert (again is tunnel, reopened.browser_id) == (False, opened.browser_id)
    assert recorder.connections == 2


async def test_a_gateway_that_is_away_is_tried_again(phone, desk, trouble, shots):
    """A page that was open says that nothing is lost, and comes back."""
    trouble.expect("WebSocket")
    await phone.goto("/phone")
    tunnel = await desk.tunnel()
    await phone.route_web_socket("**/phone/tunnel", lambda socket: socket.close(code=1013))
    await tunnel.close(1012)
    await expect(phone.locator("#line")).to_have_text("Gateway away")
    await expect(phone.locator("#advice")).to_contain_text("the page keeps trying")
    await shots(phone, "gateway-away")


async def test_leaving_says_bye_and_forgets(phone, desk):
    """Unpairing ends the tunnel and asks for a code."""
    await phone.goto("/phone")
    tunnel = await desk.tunnel()
    await phone.get_by_text("About this phone").click()
    await expect(phone.get_by_text("Paired as “Night shift”.")).to_be_visible()
    await phone.get_by_role("button", name="Unpair this phone").click()
    await tunnel.next(Bye)
    await expect(phone.get_by_label("Pairing code")).to_be_visible()

    assert desk.name is None


async def test_a_phone_that_slept_long_begins_a_new_tunnel(phone, desk):
    """The gateway gave it up after two pings; a page cannot see that, and does not wait for it."""
    desk.ping_s = 0.0
    await phone.add_init_script(AWAY)
    await phone.goto("/phone")
    tunnel = await desk.tunnel()
    await phone.evaluate("window.putAway(true)")
    await phone.evaluate("window.putAway(false)")
    again = await desk.tunnel()

    assert again is not tunnel
