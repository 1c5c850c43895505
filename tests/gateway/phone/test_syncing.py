"""Phone sync end to end: a phone over a real WebSocket, recorders of both kinds, a real store."""

import pytest

from gateway.core.tunnel import Close, Standing, Welcome
from tests.gateway.phone.recorders import BotaKind, NativeRecorder, switched_on

pytestmark = pytest.mark.asyncio


async def stored(api):
    """List what the gateway keeps: each recording's media, in their order."""
    listed = (await api.call("GET", "/v1/recordings?limit=100")).json["data"]
    found = []
    for recording in listed:
        media = []
        for medium in recording["media"]:
            path = f"/v1/recordings/{recording['id']}/download-url"
            url = (await api.call("POST", path, {"media_id": medium["id"]})).json["download_url"]
            media.append((await api.call("GET", url)).body)
        found.append((recording, tuple(media)))
    return found


async def contents(api):
    """Give the media of each recording; images go up before long audio."""
    return sorted(tuple(sorted(media)) for _, media in await stored(api))


def held(recorder):
    return sorted(tuple(sorted(media)) for media in recorder.contents)


@pytest.mark.parametrize("kind", [NativeRecorder, BotaKind])
async def test_a_phone_brings_a_recorders_recordings(api, phone, kind):
    """Whole recordings reach the store, and the recorder is told on the spot."""
    recorder = kind()
    async with switched_on(recorder), phone.page() as page:
        channel = page.connect(recorder.gatt(), recorder.kind)
        done = await page.all_released(channel, len(recorder.contents))
        device = (await api.call("GET", "/v1/devices")).json

        assert held(recorder) == await contents(api)
        assert recorder.left == 0
        assert (recorder.serial, "All done: you can leave.") == (done.recorder, done.message)
        assert isinstance(page.told[0], Welcome)
        assert page.wrong == []
        assert device
