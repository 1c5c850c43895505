"""Putting a token into a Bota recorder: taken whole, or one error that says how far it came."""

import asyncio
import logging
from contextlib import asynccontextmanager

import pytest

from device.clock import SystemClock
from device.core.bota_ble import uuids
from device.core.bota_ble.advertisement import Pairing
from device.core.bota_ble.recorder import ATT_INSUFFICIENT_AUTHENTICATION, BotaRecorder
from device.drivers import bota_provision, bota_session
from device.drivers.bota_errand import AGAIN_HINT, AGENT_HINT, errand, errand_on
from device.drivers.bota_provision import Provisioned, provision
from device.errors import (
    LinkLost,
    LinkReason,
    LinkUnavailable,
    ProtocolViolation,
    RecorderRefused,
)
from device.links import bluetooth_place
from device.links import gatt as gatts
from device.links.bluetooth_place import Place
from device.links.radio import radio_of
from tests.ble.room import URL, room
from tests.device.drivers.bota_rig import SERIAL, MemoryGatt, recorder
from tests.device.drivers.test_bota_on_ble import bota_room
from tests.fakes.bluetooth_stack import ScriptedStack
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio

TOKEN = "dtok_" + "0123456789abcdef" * 8
DEADLINE_S = 15.0


class Scripted(BotaRecorder):
    """Does something else at its n-th token chunk, counted from 0."""

    gatt: MemoryGatt
    missing: tuple[str, ...] = ()
    refused = ""
    silent = False
    at: int | None = None
    do = staticmethod(lambda _: None)

    @property
    def table(self):
        return {k: v for k, v in super().table.items() if k not in self.missing}

    def write(self, characteristic, value):
        if characteristic == self.refused:
            raise RecorderRefused("not this one", wire_code=0x0E)
        if characteristic == uuids.DEVICE_TOKEN and value[0] == self.at:
            self.do(self)
        super().write(characteristic, value)

    def _notify(self, characteristic, value, after_s=0.0):
        if not (self.silent and characteristic == uuids.PROVISIONING_RESULT):
            super()._notify(characteristic, value, after_s)


def scripted(**how) -> Scripted:
    source = Scripted(SERIAL, [])
    for name, value in how.items():
        setattr(source, name, value)
    return source


@asynccontextmanager
async def visiting(source: BotaRecorder, mtu_bytes: int = 247):
    """Connect for an errand; what `source` finds as its `gatt` can be cut."""
    gatt = MemoryGatt(source, mtu_bytes)
    source.gatt = gatt
    radio = asyncio.create_task(gatt.run(), name="radio")
    try:
        async with errand_on(gatt, SystemClock()) as session:
            yield session
    finally:
        await radio


async def given(source: BotaRecorder, mtu_bytes: int = 247, token: str = TOKEN) -> Provisioned:
    async with asyncio.timeout(DEADLINE_S), visiting(source, mtu_bytes) as session:
        return await provision(session, token)


def chunks(source: BotaRecorder) -> list[bytes]:
    return [value for uuid, value in source.writes if uuid == uuids.DEVICE_TOKEN]


@pytest.mark.parametrize(("mtu_bytes", "count"), [(23, 9), (27, 7), (247, 1), (517, 1)])
async def test_a_token_is_taken_at_any_mtu(mtu_bytes, count):
    """In as many chunks as the MTU asks for, each of them answered, the clock after them."""
    source = recorder()
    done = await given(source, mtu_bytes)

    assert done == Provisioned(serial=SERIAL, clock_set=True)
    assert (source.owner.token, source.owner.pairing) == (TOKEN, Pairing.PAIRED)
    assert len(chunks(source)) == count
    assert [uuid for uuid, _ in source.writes] == [
        uuids.API_ENDPOINT,
        *[uuids.DEVICE_TOKEN] * count,
        uuids.TIME_SYNC,
    ]


async def test_every_chunk_asks_for_an_answer():
    """A chunk that nobody answers for may be lost without a word."""
    source = scripted()
    await given(source, 23)

    asked = {answered for uuid, answered in source.gatt.answered if uuid == uuids.DEVICE_TOKEN}
    assert asked == {True}


async def test_the_result_is_listened_for_before_anything_is_written():
    """What is not subscribed to is never told."""
    source = scripted()
    subscribed = []
    source.do = lambda it: subscribed.append(set(it._subscribed))
    source.at = 0
    await given(source)

    assert subscribed == [{uuids.PROVISIONING_RESULT}]


async def test_a_recorder_that_has_a_token_is_left_alone():
    """Running it again writes nothing and says why, each time."""
    source = recorder()
    await given(source)
    before = list(source.writes)
    for _ in range(2):
        with pytest.raises(RecorderRefused, match="already has a token") as caught:
            await given(source, 247, f"{TOKEN}x")

    assert caught.value.wire_code == 4
    assert "account" in caught.value.hint
    assert (source.writes, source.owner.token) == (before, TOKEN)


@pytest.mark.parametrize(
    ("result", "says"),
    [(1, "not take"), (2, "store"), (3, "lost a part"), (4, "already"), (77, "answers")],
)
@pytest.mark.parametrize("mtu_bytes", [23, 247])
async def test_each_refusal_is_told(result, says, mtu_bytes):
    """The recorder's answer becomes a sentence, a hint, and its number."""
    with pytest.raises(RecorderRefused, match=says) as caught:
        await given(recorder(provisioning_result=result), mtu_bytes)

    assert caught.value.wire_code == result
    assert caught.value.hint


async def test_a_chunk_error_ends_it_at_once():
    """Nobody goes on telling a token of which a part is lost."""
    source = scripted(at=2, do=lambda it: it.owner.disconnected())
    with pytest.raises(RecorderRefused) as caught:
        await given(source, 23)

    assert caught.value.wire_code == 3
    assert len(chunks(source)) < 9
    source.at = None
    assert (await given(source, 23)).serial == SERIAL


async def test_a_recorder_that_finds_out_late_that_it_has_a_token():
    """Its state could not be read, so the first chunk tells."""
    source = scripted(missing=(uuids.PAIRING_STATE,))
    source.owner.pairing = Pairing.PAIRED
    with pytest.raises(RecorderRefused) as caught:
        await given(source, 23)

    assert caught.value.wire_code == 4
    assert len(chunks(source)) < 9


async def test_silence_is_told_after_its_time(monkeypatch):
    """Nothing is said, and the recorder's state is not that of one with a token."""
    monkeypatch.setattr(bota_provision, "RESULT_S", 0.02)
    source = scripted(silent=True)
    source.switches = recorder(provisioning_result=1).switches
    with pytest.raises(ProtocolViolation, match="did not say") as caught:
        await given(source)

    assert "again" in caught.value.hint


async def test_a_lost_answer_is_made_up_for_by_the_state(monkeypatch):
    """The recorder took the token, and its pairing state says so."""
    monkeypatch.setattr(bota_provision, "RESULT_S", 0.02)

    assert (await given(scripted(silent=True))).serial == SERIAL


async def test_an_empty_answer_is_no_answer():
    """A notification without a byte says neither yes nor no."""
    source = scripted(at=0, do=lambda it: it._notify(uuids.PROVISIONING_RESULT, b""))
    with pytest.raises(ProtocolViolation, match="empty"):
        await given(source)


async def test_a_yes_to_half_a_token_is_not_believed():
    """What took the token before it was told all of it, took something else."""
    source = scripted(at=1, do=lambda it: it._notify(uuids.PROVISIONING_RESULT, b"\0"))
    with pytest.raises(ProtocolViolation, match="before it was told all"):
        await given(source, 23)


@pytest.mark.parametrize(
    ("at", "says"),
    [(0, "told only a part"), (5, "told only a part"), (8, "is not known")],
)
async def test_a_loss_says_how_far_the_token_had_come(at, says):
    """And running it again succeeds: half a token is forgotten."""
    source = scripted(at=at, do=lambda it: it.gatt.cut())
    with pytest.raises(LinkLost, match=says) as caught:
        await given(source, 23)
    source.at = None

    assert "same command again" in caught.value.hint
    assert "pull" not in caught.value.hint
    if source.owner.pairing is not Pairing.PAIRED:
        assert (await given(source, 23)).serial == SERIAL


async def test_an_answer_just_before_the_end_counts():
    """The recorder says yes and leaves, without having answered the last write."""

    def leave(it: Scripted) -> None:
        it.gatt.notify(uuids.PROVISIONING_RESULT, b"\0")
        it.gatt.cut()
        raise RecorderRefused("gone", wire_code=0)

    assert (await given(scripted(at=0, do=leave))).serial == SERIAL


async def test_what_was_said_before_the_token_is_not_about_it():
    """An answer to anything else is not taken for the token's."""
    source = scripted()
    write = source.write

    def write_and_say(characteristic, value):
        write(characteristic, value)
        if characteristic == uuids.API_ENDPOINT:
            source.gatt.notify(uuids.PROVISIONING_RESULT, b"\2")

    source.write = write_and_say

    assert (await given(source)).serial == SERIAL


async def test_a_write_without_an_answer_is_no_refusal(monkeypatch):
    """A stack that hangs is told as such, with how far the token had come."""
    source = recorder()
    here = Place.parse(URL)
    async with (
        asyncio.timeout(DEADLINE_S),
        bota_room(source) as (_, radio),
        errand(here, SystemClock()) as session,
    ):
        radio.hang.add("write")
        monkeypatch.setattr(gatts, "CALL_S", 0.05)
        with pytest.raises(LinkLost, match=r"no answer in .*; whether .* is not known"):
            await provision(session, TOKEN)


async def test_a_loss_before_the_first_chunk_says_that_nothing_was_told():
    """Nothing has happened yet."""
    source = scripted()
    async with visiting(source) as session:
        source.gatt.cut()
        with pytest.raises(LinkLost, match="no part of the token") as caught:
            await provision(session, TOKEN)

    assert caught.value.hint == AGAIN_HINT


async def test_a_loss_after_the_answer_leaves_only_the_clock_unset():
    """The token is taken, whatever comes after."""
    source = scripted(at=0)
    heard = source._notify

    def last_words(characteristic, value, after_s=0.0):
        heard(characteristic, value, after_s)
        source.gatt.notify(characteristic, value)
        source.gatt.cut()

    source._notify = last_words

    assert await given(source) == Provisioned(serial=SERIAL, clock_set=False)


async def test_a_clock_that_is_wrong_sets_nobodys(monkeypatch):
    """A computer that believes it is 1970 keeps that to itself."""
    monkeypatch.setattr(bota_session, "PLAUSIBLE", FakeClock().now().replace(year=9000))

    assert not (await given(recorder())).clock_set


@pytest.mark.parametrize(
    "missing", [uuids.DEVICE_TOKEN, uuids.PROVISIONING_RESULT], ids=["token", "result"]
)
async def test_a_recorder_without_a_place_for_tokens_is_said_so(missing):
    """Other firmware may have no such thing."""
    with pytest.raises(ProtocolViolation, match="cannot be given a token"):
        await given(scripted(missing=(missing,)))


async def test_an_endpoint_that_is_refused_is_no_hindrance():
    """Today's firmware ignores it, tomorrow's may refuse it."""
    for source in (scripted(refused=uuids.API_ENDPOINT), scripted(missing=(uuids.API_ENDPOINT,))):
        assert (await given(source)).serial == SERIAL


async def test_no_chunk_is_logged_by_the_library(caplog):
    """bleak tells what it writes when debugged; later chunks do not look like a token."""
    logging.getLogger("bleak").setLevel(logging.NOTSET)
    caplog.set_level(logging.DEBUG)
    source = scripted(at=3, do=lambda _: logging.getLogger("bleak.backends.x").debug("wrote"))
    await given(source, 23)
    logging.getLogger("bleak.backends.x").debug("read")

    assert "wrote" not in caplog.messages
    assert "read" in caplog.messages
    assert not [line for line in caplog.messages if TOKEN[5:15] in line]


async def test_over_a_virtual_radio():
    """The same through bleak and a real ATT, at the smallest MTU."""
    source = recorder()
    here = Place.parse(URL)
    async with (
        asyncio.timeout(DEADLINE_S),
        bota_room(source, 23),
        errand(here, SystemClock()) as session,
    ):
        done = await provision(session, TOKEN)

    assert done == Provisioned(serial=SERIAL, clock_set=True)
    assert source.owner.token == TOKEN
    assert len(chunks(source)) == 9


async def test_a_cut_on_a_virtual_radio_is_survived():
    """The connection ends after the third chunk; the next run begins anew and is done."""
    source = scripted(at=3)
    ending: list[asyncio.Task] = []
    async with asyncio.timeout(DEADLINE_S), bota_room(source, 23) as (device, _):

        def leave(_):
            (connection,) = device.connections.values()
            ending.append(asyncio.create_task(connection.disconnect()))

        source.do = leave
        with pytest.raises(LinkLost, match="told only a part"):
            async with errand(Place.parse(URL), SystemClock()) as session:
                await provision(session, TOKEN)
        source.at = None
        async with errand(Place.parse(URL), SystemClock()) as session:
            await provision(session, TOKEN)

    assert source.owner.token == TOKEN


async def test_a_recorder_that_wants_to_be_paired_says_so():
    """A write that the recorder refuses unencrypted is not the end of the line."""
    source = scripted(at=0)

    def refuse(_):
        raise RecorderRefused("no", wire_code=ATT_INSUFFICIENT_AUTHENTICATION)

    source.do = refuse
    async with asyncio.timeout(DEADLINE_S), bota_room(source):
        with pytest.raises(LinkUnavailable) as caught:
            async with errand(Place.parse(URL), SystemClock()) as session:
                await provision(session, TOKEN)

    assert caught.value.reason is LinkReason.NOT_PAIRED


async def test_another_refusal_is_told_as_one():
    """Whatever else a recorder has against a write is quoted."""

    def refuse(_):
        raise RecorderRefused("ATT error 0x0E", wire_code=0x0E)

    with pytest.raises(ProtocolViolation, match=r"refuses to be told a token \(ATT error 0x0E\)"):
        await given(scripted(at=0, do=refuse))


async def test_one_that_is_not_found_may_be_connected(monkeypatch):
    """A recorder that the agent holds does not advertise: the hint says so, and it is kept."""
    monkeypatch.setattr(bluetooth_place, "SCAN_S", 0.05)
    stack = ScriptedStack()
    async with asyncio.timeout(DEADLINE_S), bota_room(recorder()):
        monkeypatch.setattr(radio_of(None), "_stack", stack)
        with pytest.raises(LinkUnavailable) as caught:
            async with errand(Place.parse("ble://C0:FF:EE:00:00:99"), SystemClock()):
                pass

    assert caught.value.reason is LinkReason.NOT_FOUND
    assert caught.value.hint == AGENT_HINT
    assert "stop fieldpost" in AGENT_HINT
    assert stack.asked == []


async def test_another_kind_of_recorder_is_no_bota():
    """A native recorder is not written to."""
    async with asyncio.timeout(DEADLINE_S), room():
        with pytest.raises(LinkUnavailable) as caught:
            async with errand(Place.parse(URL), SystemClock()):
                pass

    assert caught.value.reason is LinkReason.NOT_A_DEVICE
