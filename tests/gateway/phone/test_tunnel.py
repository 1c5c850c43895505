"""One tunnel: who is let in, what ends it, and with which code the page is told."""

import asyncio
import sys

import aiohttp
import pytest

from gateway.core.tunnel import MAX_FRAME_BYTES, Call, Error, Kind, Refused, Standing, Welcome
from gateway.phone import tunnels
from tests.gateway.phone.conftest import paired
from tests.gateway.phone.recorders import NativeRecorder, switched_on

pytestmark = pytest.mark.asyncio


async def test_a_page_that_is_not_paired_is_told(api, phone):
    """It sees why, and can ask for a code."""
    async with phone.page(cookie="ptok_wrong") as page:
        code = await page.over()
    (told,) = page.told

    assert (4401, Error(code=4401, message=told.message)) == (code, told)


async def test_another_sites_page_gets_no_tunnel(api, phone):
    """The cookie of the phone is not enough."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with phone.page(origin="https://elsewhere.example"):
            pass

    assert 403 == refused.value.status


async def test_what_is_no_websocket_is_refused(api):
    """A plain request is answered, not kept."""
    answer = await api.call("GET", "/phone/tunnel", headers={"Origin": api.url})

    assert (400, "invalid_request") == (answer.status, answer.code)


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ('{"type":"hello","version":2}', 4426),
        ('{"type":"bye"}', 4400),
        ('{"type":"greetings"}', 4400),
        ("hello", 4400),
    ],
)
async def test_the_first_word_decides(api, phone, first, code):
    """A page of another release is told to load anew."""
    async with phone.page(hello=False) as page:
        await page.say(first)

        assert code == await page.over()
        assert [code] == [each.code for each in page.told]


@pytest.mark.parametrize("frame", ["{", '{"type":"hello","version":1}', b"\x99", b"\x81\x00"])
async def test_a_frame_that_cannot_be_read_ends_it(api, phone, frame):
    """Whatever follows could not be trusted."""
    async with phone.page() as page:
        await page.hear(Welcome)
        page.send(frame)

        assert 4400 == await page.over()


async def test_frames_have_a_limit(api, phone):
    """A frame beyond 64 KiB ends the tunnel before it is held."""
    async with phone.page() as page:
        await page.hear(Welcome)
        page.send(bytes(MAX_FRAME_BYTES + 2))

        assert 1009 == await page.over()


async def test_frames_of_channels_that_are_not_open_are_left_out(api, phone):
    """What was on its way when a channel ended does no harm."""
    async with phone.page() as page:
        await page.hear(Welcome)
        for frame in (b"\x81\0\7\0\0\0\1", b"\x84\0\7\0x", '{"type":"lost","channel":7}'):
            page.send(frame)
        page.send('{"type":"failed","channel":7,"call":1}')
        page.send('{"type":"bye"}')

        assert 1000 == await page.over()


async def test_a_channel_is_used_once(api, phone):
    """A number that comes again could be meant for either."""
    recorder = NativeRecorder({})
    async with switched_on(recorder), phone.page() as page:
        channel = page.connect(recorder.gatt())
        await page.hear(Standing)
        page.lost(channel, "gone")
        page._next = channel
        page.connect(recorder.gatt())
        told = await page.hear(Refused)

    assert channel == told.channel


async def test_channels_have_a_limit(api, phone):
    """The ninth recorder at once is refused in plain words; the eight go on."""
    recorders = [NativeRecorder({}, serial=f"FP00{n}") for n in range(9)]
    async with switched_on(*recorders), phone.page() as page:
        channels = [page.connect(each.gatt()) for each in recorders]
        told = await page.hear(Refused)
        for channel in channels[:8]:
            await page.hear(Standing, lambda s, at=channel: s.channel == at)

    assert (channels[8], "Too many recorders at once: finish some first.") == (
        told.channel,
        told.message,
    )


async def test_a_newer_page_takes_over(api, phone):
    """Of two pages of one phone the older one is told that it is."""
    async with phone.page() as older:
        await older.hear(Welcome)
        async with phone.page() as newer:
            code = await older.over()
            await newer.hear(Welcome)

    assert 4409 == code


async def test_a_revoked_phone_is_cut_off(api, phone):
    """Its tunnel ends at once."""
    async with phone.page() as page:
        await page.hear(Welcome)
        await api.call("DELETE", f"/v1/phones/{phone.id}")

        assert 4401 == await page.over()


async def test_a_phone_that_others_revoked_is_cut_off(api, phone, monkeypatch):
    """What another process or the command line does is noticed soon."""
    monkeypatch.setattr(tunnels, "REVOKED_S", 0.01)
    async with phone.page() as page:
        await page.hear(Welcome)
        await api.gateway.store.phones.revoke(phone.id, api.gateway.clock.now())

        assert 4401 == await page.over()


async def test_a_silent_phone_is_dead_after_two_pings(api, phone):
    """Nobody waits for one that does not answer."""
    api.gateway.tunnels.ping_s = 0.02
    ws = await phone.session.ws_connect(
        f"{phone.url}/phone/tunnel",
        headers={"Origin": phone.url, "Cookie": f"fieldpost_phone={phone.cookie}"},
        autoping=False,
    )
    await ws.send_str('{"type":"hello","version":1}')
    kinds = [(await ws.receive()).type for _ in range(4)]
    await ws.close()

    assert sorted([*[aiohttp.WSMsgType.PING] * 2, aiohttp.WSMsgType.TEXT]) == sorted(kinds[:3])
    assert kinds[3] in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


async def test_a_restart_asks_to_come_back(api, phone):
    """A phone is told that it is no fault of its own."""
    recorder = NativeRecorder()
    async with switched_on(recorder), phone.page() as page:
        page.connect(recorder.gatt(hold_after=300))
        await page.hear(Standing, lambda s: any(r.done_bytes for r in s.recordings))
        await api.gateway.tunnels.drain()
        code = await page.over()
        async with phone.page() as late:
            refused = await late.over()

    assert (1012, 1012) == (code, refused)


async def test_a_gateway_carries_so_many_phones(api, phone, monkeypatch):
    """The one too many is asked to come later; who is there stays."""
    monkeypatch.setattr(tunnels, "MOST_TUNNELS", 1)
    other = await paired(api, "Ben's phone")
    async with phone.page() as page:
        await page.hear(Welcome)
        async with other.page() as late:
            refused = await late.over()
        async with phone.page() as newer:
            await newer.hear(Welcome)

    assert 1013 == refused


async def test_a_phone_that_does_not_read_is_given_up(api, phone):
    """What waits for it is bounded."""
    recorder = NativeRecorder({})
    async with switched_on(recorder), phone.page() as page:
        page.connect(recorder.gatt())
        await page.hear(Standing)
        (tunnel,) = api.gateway.tunnels._live.values()
        for n in range(1000, 1300):
            tunnel.call(Call(kind=Kind.READ, channel=0, call=n, characteristic=0))

        assert 4408 == await page.over()


async def test_a_phone_is_seen(api, phone):
    """The operator can tell when a phone was there last."""
    async with phone.page() as page:
        await page.hear(Welcome)
        (listed,) = (await api.call("GET", "/v1/phones")).json["data"]

    assert listed["seen_at"] is not None


async def test_a_gateway_without_phones_is_light():
    """What phones need is loaded when the first one comes."""
    script = (
        "import sys, gateway.app; heavy = ('device.visit', 'device.dispatch', 'device.spool.spool',"
        " 'bleak', 'serial', 'cbor2'); print([name for name in heavy if name in sys.modules])"
    )
    asked = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await asked.communicate()

    assert b"[]" == told.strip()
