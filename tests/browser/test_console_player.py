"""Recordings in a real browser: sound, images and time on one line, and uploads as they happen."""

import asyncio

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.console_desk import go, sign_in, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

# The page's own Audio is in no document: the tests look at it where it was made.
_KEEP_AUDIO = """
    const Made = window.Audio;
    window.Audio = class extends Made {
        constructor() { super(); window.sound = this; this.muted = true; }
    };
"""
_OFFSETS_S = (1.25, 2.5, 3.75)


@pytest.fixture(autouse=True)
def _signing_in_is_asked_first(trouble):
    trouble.expect("status of 401")


@pytest_asyncio.fixture(loop_scope="session")
async def player(page, gateway, seeded):
    """The newest recording in the player, its sound as `sound`."""
    await page.add_init_script(_KEEP_AUDIO)
    await sign_in(page, gateway, f"#/recordings/{seeded.recordings[0]}")
    await until(page, "window.sound.readyState >= 1 && !window.sound.seeking")
    return page


async def test_a_click_on_an_image_plays_that_moment(player, shot):
    """The sound goes on from when the image was taken, and the image is shown large."""
    await player.get_by_role("button", name="play from image 2").click()
    await until(player, "!sound.paused && sound.currentTime > 2.5")
    await shot(player, "player-plays")
    begun = await player.evaluate("sound.played.start(0)")

    assert _OFFSETS_S[1] == pytest.approx(begun, abs=0.05)
    await expect(player.locator("figure img")).to_have_attribute("alt", "Image 2 of 3")
    await expect(player.get_by_role("button", name="Pause")).to_be_visible()


async def test_enter_on_an_image_plays_that_moment(player):
    """The same by keyboard."""
    await player.get_by_role("button", name="play from image 3").press("Enter")
    await until(player, "!sound.paused && sound.currentTime > 3.75")
    begun = await player.evaluate("sound.played.start(0)")

    await expect(player.get_by_role("button", name="image 3")).to_have_attribute(
        "aria-current", "true"
    )
    assert _OFFSETS_S[2] == pytest.approx(begun, abs=0.05)


async def test_the_image_follows_the_sound(player):
    """While it plays, the image of the moment takes its turn by itself."""
    await player.evaluate("sound.playbackRate = 4")
    await player.get_by_role("button", name="Play", exact=True).click()

    await expect(player.locator("figcaption")).to_contain_text("Image 3 of 3")


async def test_the_timeline_is_a_slider_for_the_keyboard(player):
    """Arrows move by seconds, Home and End to the ends, the space bar plays; each is said."""
    slider = player.get_by_role("slider", name="Position")
    await slider.focus()
    await player.keyboard.press("End")
    await expect(slider).to_have_attribute("aria-valuetext", "5 seconds of 5 seconds")
    await player.keyboard.press("Home")
    await expect(slider).to_have_attribute("aria-valuenow", "0")
    await player.keyboard.press("Space")
    await until(player, "!sound.paused")
    await player.keyboard.press("Space")

    assert await player.evaluate("sound.paused")


async def test_what_the_recorder_said_is_shown(player):
    """Its metadata, without what agents note for themselves; its box by both of its names."""
    about = player.locator("dl")

    await expect(about).to_contain_text("sitequay")
    await expect(about).to_contain_text("Harbour · AM-07")
    await expect(about).not_to_contain_text("fieldpost_ref")


async def test_what_is_here_can_be_downloaded(player):
    """Each file of a stored recording is a link."""
    await player.get_by_text("Files").click()
    await expect(player.locator(".files a[download]")).to_have_count(4)

    await expect(player.locator(".files")).not_to_contain_text("not here yet")


async def test_a_click_on_the_timeline_goes_there(player):
    """The middle of the line is the middle of the recording."""
    slider = player.get_by_role("slider", name="Position")
    box = await slider.bounding_box()
    await player.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await until(player, "!sound.seeking")

    assert 2.5 == pytest.approx(await player.evaluate("sound.currentTime"), abs=0.05)


async def test_without_a_waveform_it_plays_and_says_why(page, gateway, seeded):
    """Where nothing can decode, a plain bar is there with the reason, and clicks still seek."""
    await page.add_init_script(_KEEP_AUDIO)

    async def blind(route):
        answer = await route.fetch()
        body = await answer.json()
        for each in body["audio"]:
            each.update(peaks=None, peaks_reason="no_decoder", duration_s=None)
        body["duration_s"] = None
        await route.fulfill(response=answer, json=body)

    await page.route("**/timeline", blind)
    await sign_in(page, gateway, f"#/recordings/{seeded.recordings[0]}")
    await page.get_by_role("button", name="play from image 1").click()
    await until(page, "!sound.paused && sound.currentTime > 1.25")

    await expect(page.locator(".player")).to_contain_text("has no decoder for audio")
    await expect(page.get_by_role("slider")).to_have_attribute("aria-valuemax", "5")


async def test_segments_play_one_after_another(page, gateway, seeded):
    """Audio in several files is one line: the second begins where the first ends."""
    await page.add_init_script(_KEEP_AUDIO)

    async def doubled(route):
        answer = await route.fetch()
        body = await answer.json()
        first = body["audio"][0]
        body["audio"].append({**first, "medium_id": "med_2", "offset_s": first["duration_s"]})
        body["duration_s"] = 2 * first["duration_s"]
        await route.fulfill(response=answer, json=body)

    await page.route("**/timeline", doubled)
    await sign_in(page, gateway, f"#/recordings/{seeded.recordings[0]}")
    slider = page.get_by_role("slider")
    await expect(slider).to_have_attribute("aria-valuemax", "10")
    await until(page, "sound.readyState >= 1")
    await page.evaluate("sound.playbackRate = sound.defaultPlaybackRate = 8")
    await page.get_by_role("button", name="Play", exact=True).click()

    await expect(slider).to_have_attribute("aria-valuenow", "10")


async def test_an_upload_is_seen_while_it_happens(page, gateway, seeded, shot):
    """A recording that a device begins appears by itself, its bar moves, and it ends as stored."""
    token = seeded.boxes["AM-09"].token
    await sign_in(page, gateway, "#/recordings")
    recording = await gateway.recording(token=token)
    bar = page.get_by_role("progressbar")
    await bar.wait_for()
    content = bytes(3 * 1024 * 1024)
    half = len(content) // 2
    target = await gateway.target(recording, content)
    await gateway.put(target["upload_url"], content[:half], 0, len(content))
    await expect(page.locator(".upload")).to_contain_text("1.5 MiB of 3.0 MiB")
    await shot(page, "recordings-live")
    await expect(bar).to_have_attribute("aria-valuenow", "50")
    await gateway.put(target["upload_url"], content[half:], half, len(content))
    await gateway.complete(recording, content, token=token)

    await expect(page.get_by_role("row").nth(1)).to_contain_text("Stored")
    assert 0 == await bar.count()


async def test_bytes_are_counted_while_one_request_brings_them(page, gateway, seeded):
    """The bar moves within one request, before it is answered."""
    token = seeded.boxes["AM-09"].token
    content = bytes(4 * 1024 * 1024)
    recording = await gateway.recording(token=token)
    target = await gateway.target(recording, content)
    seen = asyncio.Event()

    async def halting():
        yield content[: len(content) // 2]
        await seen.wait()
        yield content[len(content) // 2 :]

    await sign_in(page, gateway, "#/recordings")
    length = {"Content-Length": str(len(content))}
    putting = asyncio.create_task(
        gateway.call("PUT", target["upload_url"], body=halting(), headers=length)
    )
    bar = page.get_by_role("progressbar")
    await expect(bar).to_have_attribute("aria-valuenow", "50")
    seen.set()

    assert 200 == (await putting).status


async def test_recordings_are_found_by_device_and_page_by_page(page, gateway, seeded):
    """Filters are in the address, so that a list can be handed on; older ones are a page away."""
    token = seeded.boxes["AM-08"].token
    for _ in range(26):
        await gateway.recording(token=token)
    await sign_in(page, gateway, "#/recordings")
    await page.get_by_role("button", name="Older").click()
    await expect(page.get_by_role("row")).to_have_count(1 + 4)
    await go(page, "#/recordings")
    await page.get_by_label("Device").select_option(label="Harbour · AM-07")
    await page.wait_for_url("**/#/recordings?device_id=*")

    await expect(page.get_by_role("row")).to_have_count(1 + 3)


async def test_a_recording_is_deleted_after_a_question(player, gateway, seeded):
    """Deleting asks first, leads back to the list, and the recording is gone."""
    await player.get_by_role("button", name="Delete this recording").click()
    await player.get_by_role("dialog").get_by_role("button", name="Delete it").click()
    await player.wait_for_url("**/#/recordings")

    await expect(player.get_by_role("row")).to_have_count(1 + 2)
    gone = await gateway.call("GET", f"/v1/recordings/{seeded.recordings[0]}")
    assert 404 == gone.status
