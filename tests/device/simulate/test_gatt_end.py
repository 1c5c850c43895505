"""The native recorder on Bluetooth as a peripheral: what it asks of hosts, and whom it lets in."""

import asyncio

import pytest
from bleak import BleakClient, BleakScanner
from bumble.pairing import PairingConfig

from device.errors import LinkReason, LinkUnavailable
from device.links.ble import BleLink
from device.simulate import connection_hints
from tests.ble.air import controller_of
from tests.ble.room import RECORDER_ADDRESS, URL, room
from tests.device.links.conformance import frame

DEADLINE_S = 10.0
FAST = (12, 0)  # 15 ms, no latency
SLOW = (120, 4)

pytestmark = pytest.mark.asyncio


async def has(condition) -> None:
    while not condition():  # noqa: ASYNC110 - what it waits for happens in Bumble
        await asyncio.sleep(0)


async def exchanged(link, there) -> bytes:
    await there.recorder.send(frame(100))
    return await link.receive()


async def test_a_session_is_asked_to_be_fast():
    """2M in both directions, whole link-layer packets, and 15 ms, as PROTOCOL.md has it."""
    async with asyncio.timeout(DEADLINE_S), room() as there, await BleLink.open(URL):
        recorder = controller_of(there.device)
        await has(lambda: recorder.intervals)

    assert recorder.phys == [(0b10, 0b10)]
    assert recorder.data_lengths == [251]
    assert recorder.intervals == [FAST]


async def test_an_idle_session_is_asked_to_be_slow_until_it_wakes(monkeypatch):
    """What nobody uses costs the recorder's battery little, and the next frame makes it fast."""
    monkeypatch.setattr(connection_hints, "IDLE_S", 0.01)
    async with asyncio.timeout(DEADLINE_S), room() as there, await BleLink.open(URL) as link:
        recorder = controller_of(there.device)
        await has(lambda: len(recorder.intervals) > 1)
        idle = list(recorder.intervals)
        await exchanged(link, there)
        await has(lambda: len(recorder.intervals) > 2)

    assert idle == [FAST, SLOW]
    assert recorder.intervals[2] == FAST


async def test_a_host_that_does_not_answer_hints_is_served(monkeypatch):
    """Hints are no conditions, and one host's silence is not the next one's."""
    monkeypatch.setattr(connection_hints, "_ASK_S", 0.01)
    async with asyncio.timeout(DEADLINE_S), room() as there:
        channels = there.radio.central.l2cap_channel_manager
        answering = channels.on_l2cap_connection_parameter_update_request
        asked = []
        channels.on_l2cap_connection_parameter_update_request = lambda *what: asked.append(what)
        async with await BleLink.open(URL) as link:
            await has(lambda: asked)
            got = await exchanged(link, there)
        channels.on_l2cap_connection_parameter_update_request = answering
        async with await BleLink.open(URL):
            await has(lambda: controller_of(there.device).intervals)

    assert frame(100) == got


async def paired(there) -> None:
    """Do what `bluetoothctl pair` does."""
    device = await BleakScanner.find_device_by_address(RECORDER_ADDRESS)
    async with BleakClient(device) as client:
        await client.pair()
    await has(lambda: not there.device.connections)


async def test_who_paired_is_let_in_again_and_again():
    """One pairing is enough: later connections are encrypted with the bond."""
    pairings = []
    async with asyncio.timeout(DEADLINE_S), room(encrypted=True) as there:
        there.device.on("pairing_start", pairings.append)
        with pytest.raises(LinkUnavailable) as caught:
            await BleLink.open(URL)
        await paired(there)
        got = []
        for _ in range(2):
            async with await BleLink.open(URL) as link:
                got.append(await exchanged(link, there))
            await has(lambda: not there.device.connections)

    assert caught.value.reason is LinkReason.NOT_PAIRED
    assert got == [frame(100)] * 2
    assert len(pairings) == 1


async def test_keys_that_an_eavesdropper_can_work_out_are_refused():
    """A host that knows legacy pairing alone does not become one of the recorder's."""
    async with asyncio.timeout(DEADLINE_S), room(encrypted=True) as there:
        there.radio.central.pairing_config_factory = lambda _: PairingConfig(sc=False, mitm=False)
        with pytest.raises(Exception, match="AUTHENTICATION_REQUIREMENTS"):
            await paired(there)
        bonds = await there.device.keystore.get_all()

    assert bonds == []


async def test_nobody_writes_before_it_paired():
    """The way to the recorder is as closed as the way from it."""
    async with asyncio.timeout(DEADLINE_S), room(encrypted=True) as there:
        (to,) = (
            each
            for each in there.device.gatt_server.attributes
            if str(each.type).lower().startswith("fb3e0002")
        )
        device = await BleakScanner.find_device_by_address(RECORDER_ADDRESS)
        async with BleakClient(device) as client:
            with pytest.raises(Exception, match=r"(?i)insufficient encryption"):
                await client.write_gatt_char(to.handle, b"\xc0", response=True)
