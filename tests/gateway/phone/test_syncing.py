"""Phone sync end to end: a phone over a real WebSocket, recorders of both kinds, a real store."""

import asyncio

import pytest

from device.core.bota_ble import uuids
from device.dispatch import Dispatcher
from device.errors import RecorderRefused
from gateway.core.tunnel import Close, Standing, Welcome
from tests.gateway.phone.conftest import paired
from tests.gateway.phone.recorders import AUDIO, SHORT, BotaKind, NativeRecorder, switched_on

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

        assert held(recorder) == await contents(api)
        assert recorder.left == 0
        assert (recorder.serial, "All done: you can leave.") == (done.recorder, done.message)
        assert isinstance(page.told[0], Welcome)
        assert page.wrong == []


async def test_a_recorder_is_told_of_on_its_behalf(api):
    """It becomes a device of the gateway, with its battery and whose it is."""
    phone = await paired(api, end_user_id="eu_42")
    recorder = NativeRecorder()
    async with switched_on(recorder), phone.page() as page:
        await page.all_released(page.connect(recorder.gatt()), 1)
    async with asyncio.timeout(10):
        while not (device := await api.gateway.store.devices.by_serial("FP0001")).heartbeat:
            pass
        ((recording, _),) = await stored(api)

    assert (81, "1.2.3") == (device.heartbeat["battery_percent"], device.firmware_version)
    assert (device.id, "eu_42") == (recording["device_id"], recording["end_user_id"])


@pytest.mark.parametrize("kind", [NativeRecorder, BotaKind])
@pytest.mark.parametrize("cut_after", [1, 40, 120])
async def test_a_lost_recorder_goes_on_where_it_stopped(api, phone, kind, cut_after):
    """Wherever the connection ends, the next one, on a channel of its own, brings the rest."""
    recorder = kind()
    async with switched_on(recorder), phone.page() as page:
        first = recorder.gatt(cut_after)
        page.connect(first, recorder.kind)
        await page.until_so(lambda: first.lost is not None)
        channel = page.connect(recorder.gatt(), recorder.kind)
        await page.all_released(channel, len(recorder.contents))

        assert held(recorder) == await contents(api)
        assert (recorder.left, page.wrong) == (0, [])


async def test_what_came_before_a_loss_is_not_sent_again(api, phone):
    """The bytes on the gateway's disk stay: a second connection asks for the rest alone."""
    recorder = NativeRecorder({(b"A" * 16, 1): (AUDIO * 3,)})
    async with switched_on(recorder), phone.page() as page:
        first = recorder.gatt(1500)
        page.connect(first)
        await page.until_so(lambda: first.lost is not None)
        before = recorder.read_bytes
        await page.all_released(page.connect(recorder.gatt()), 1)
        after = recorder.read_bytes - before

        assert before > 2 * len(AUDIO)
        assert after < len(AUDIO) * 3 - before + 80_000


async def test_a_phone_that_vanishes_comes_back(api, phone):
    """Its tunnel ends in the middle; the next page, on any channel, goes on."""
    recorder = NativeRecorder()
    async with switched_on(recorder):
        async with phone.page() as page:
            page.connect(recorder.gatt(hold_after=300))
            await page.hear(Standing, lambda s: any(r.done_bytes for r in s.recordings))
        async with phone.page() as page:
            await page.all_released(page.connect(recorder.gatt()), 1)

        assert held(recorder) == await contents(api)


async def test_another_phone_goes_on(api, phone):
    """A recorder is nobody's: what one phone began another one ends."""
    recorder = NativeRecorder()
    other = await paired(api, "Ben's phone")
    async with switched_on(recorder):
        async with phone.page() as page:
            page.connect(recorder.gatt(hold_after=300))
            await page.hear(Standing, lambda s: any(r.done_bytes for r in s.recordings))
        async with other.page() as page:
            await page.all_released(page.connect(recorder.gatt()), 1)

        assert held(recorder) == await contents(api)


async def test_what_was_stored_meanwhile_is_released_at_the_next_visit(api, phone, monkeypatch):
    """A recorder that left before its receipt was there is told when it comes again."""
    holding = asyncio.Event()
    original = Dispatcher._upload

    async def held_up(self, entry):
        await holding.wait()
        await original(self, entry)

    monkeypatch.setattr(Dispatcher, "_upload", held_up)
    recorder = NativeRecorder()
    async with switched_on(recorder), phone.page() as page:
        gatt = recorder.gatt()
        channel = page.connect(gatt)
        await page.hear(Standing, lambda s: [r.state for r in s.recordings] == ["sending"])
        gatt.cut()
        holding.set()
        left = await page.hear(Standing, lambda s: s.channel is None and "stored" in s.message)
        kept = recorder.left
        await page.all_released(page.connect(recorder.gatt()), 1)

    assert ["stored"] == [row.state for row in left.recordings]
    assert (1, 0) == (kept, recorder.left)
    assert channel == 0


async def test_two_phones_at_one_recorder(api, phone):
    """The first one goes on, the other is told why it cannot, and when to come back."""
    recorder = NativeRecorder()
    other = await paired(api, "Ben's phone")
    async with switched_on(recorder), phone.page() as first, other.page() as second:
        gatt = recorder.gatt(hold_after=300)
        channel = first.connect(gatt)
        await first.hear(Standing, lambda s: any(r.done_bytes for r in s.recordings))
        late = second.connect(recorder.gatt())
        told = await second.hear(Close, lambda c: c.channel == late)
        gatt.go_on.set()
        await first.all_released(channel, 1)

    assert "This recorder is already being synced by another phone." == told.message
    assert told.retry_s == 10


async def test_the_same_phone_twice_at_one_recorder(api, phone):
    """The newer connection wins: the older one is most likely dead."""
    recorder = NativeRecorder()
    async with switched_on(recorder), phone.page() as page:
        older = page.connect(recorder.gatt(hold_after=300))
        await page.hear(Standing, lambda s: any(r.done_bytes for r in s.recordings))
        newer = page.connect(recorder.gatt())
        await page.hear(Close, lambda c: c.channel == older)
        await page.all_released(newer, 1)

        assert held(recorder) == await contents(api)


async def test_several_recorders_at_once(api, phone):
    """Each has its channel, and its own standing."""
    recorders = [
        NativeRecorder({(bytes([n]) * 16, 1): (SHORT,)}, serial=f"FP000{n}") for n in range(4)
    ]
    async with switched_on(*recorders), phone.page() as page:
        channels = [page.connect(each.gatt(), name=each.serial) for each in recorders]
        done = [await page.all_released(channel, 1) for channel in channels]

        assert [each.serial for each in recorders] == [each.recorder for each in done]
        assert [(SHORT,)] * 4 == await contents(api)


async def test_small_values_carry_everything(api, phone):
    """The smallest MTU works: values grow with what was seen, and never beyond it."""
    recorder = NativeRecorder({(b"A" * 16, 1): (SHORT,)}, value_bytes=20)
    async with switched_on(recorder), phone.page() as page:
        await page.all_released(page.connect(recorder.gatt()), 1)
        longest = max(len(value) for _, _, value in page.calls)

    assert (20, []) == (longest, page.wrong)


async def test_visits_are_kept(api, phone):
    """The operator sees what each phone brought, how it ended, and what the phone showed."""
    recorder = NativeRecorder()
    async with switched_on(recorder):
        async with phone.page() as page:
            gatt = recorder.gatt()
            await page.all_released(page.connect(gatt), 1)
        path = f"/v1/phones/{phone.id}/visits"
        for _ in range(200):
            (visit,) = (await api.call("GET", path)).json["data"]
            if visit["ended_at"]:
                break

    assert ("done", "FP0001") == (visit["state"], visit["recorder"])
    assert ["released"] == [row["state"] for row in visit["standing"]["recordings"]]
    assert visit["device_id"].startswith("dev_")


async def test_a_bota_recorder_that_refuses_is_told_in_words(api, phone):
    """What the recorder says is shown, and what to do."""
    recorder = BotaKind()
    recorder.source.read = refusing(recorder.source.read)
    async with switched_on(recorder), phone.page() as page:
        channel = page.connect(recorder.gatt(), "bota")
        told = await page.hear(Close, lambda c: c.channel == channel)

    assert told.message.startswith("The recorder is not understood: ")


async def test_what_is_no_recorder_is_told(api, phone):
    """A device without the service is not kept waiting."""
    recorder = NativeRecorder()
    async with switched_on(recorder), phone.page() as page:
        channel = page.connect(recorder.gatt(), "bota")
        told = await page.hear(Close, lambda c: c.channel == channel)

    assert told.message == "This is no recorder that the gateway knows: choose another device."


def refusing(read):
    def refuse(characteristic):
        if characteristic == uuids.DEVICE_KEY:
            raise RecorderRefused("not now", wire_code=1)
        return read(characteristic)

    return refuse
