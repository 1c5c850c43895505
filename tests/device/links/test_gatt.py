"""GATT connections: how they come about, and how nothing about them is waited on for ever."""

import asyncio

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakDBusError

from device.core.link.gatt_service import FROM_RECORDER, TO_RECORDER
from device.errors import ConfigInvalid, LinkLost, LinkReason, LinkUnavailable
from device.links import bluetooth_place
from device.links import gatt as gatts
from device.links.ble import BleLink
from device.links.bluetooth_place import Place
from device.links.gatt import open_gatt
from device.links.radio import radio_of
from tests.ble.room import NAME, RECORDER_ADDRESS, URL, Room, room
from tests.device.links.conformance import frame
from tests.fakes.bluetooth_stack import ScriptedStack

DEADLINE_S = 5.0
HERE = Place.parse(URL)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("ble://c0:ff:ee:00:00:01", Place(target="C0:FF:EE:00:00:01")),
        ("ble://AM-07", Place(target="AM-07")),
        ("ble://AM-07/?adapter=hci1", Place(target="AM-07", adapter="hci1")),
        ("ble://Anna%27s%20recorder", Place(target="Anna's recorder")),
        (
            "ble://3b0c53f1-90cb-4b04-9d32-3a2f2b1c0d0e",
            Place(target="3B0C53F1-90CB-4B04-9D32-3A2F2B1C0D0E"),
        ),
    ],
)
def test_urls_are_read(url, place):
    """A URL gives an address or a name, and the adapter if there are several."""
    assert place == Place.parse(url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("serial:///dev/ttyACM0", "begins with ble://$"),
        ("ble://", "address or name"),
        ("ble:///AM-07", "address or name"),
        ("ble://AM-07/2", "nothing else"),
        ("ble://[AM-07", "no URL that can be read"),
        ("ble://AM-07?baud=3", "unknown setting 'baud'; Bluetooth takes adapter"),
        ("ble://AM-07?adapter=/dev/x", "adapter is a name such as hci0"),
    ],
)
def test_wrong_urls_are_explained(url, said):
    """Each fault of a URL is a sentence that quotes it."""
    with pytest.raises(ConfigInvalid, match=said):
        Place.parse(url)


@pytest.mark.parametrize(
    ("url", "address", "name", "fits"),
    [
        (URL, RECORDER_ADDRESS.lower(), None, True),
        (URL, "C0:FF:EE:00:00:02", RECORDER_ADDRESS, False),
        ("ble://AM-07", "C0:FF:EE:00:00:02", "AM-07", True),
        ("ble://AM-07", "C0:FF:EE:00:00:02", "AM-08", False),
    ],
)
def test_whoever_takes_an_address_for_a_name_is_not_at_it(url, address, name, fits):
    """A device may call itself anything: a URL with an address means the address alone."""
    device = BLEDevice(address, name, None)
    seen = AdvertisementData(name, {}, {}, [], None, -50, ())

    assert Place.parse(url).fits(device, seen) is fits


@pytest.mark.asyncio
async def test_a_recorder_that_is_away_is_said_so(monkeypatch):
    """Nothing of that address or name within the scan's time is NOT_FOUND."""
    monkeypatch.setattr(bluetooth_place, "SCAN_S", 0.1)
    async with asyncio.timeout(DEADLINE_S), room():
        with pytest.raises(LinkUnavailable, match="not in reach") as caught:
            await open_gatt(Place.parse("ble://AM-99"))

    assert caught.value.reason is LinkReason.NOT_FOUND


@pytest.mark.asyncio
async def test_another_device_is_said_so():
    """A device without the service is NOT_A_DEVICE, and is left again."""
    async with asyncio.timeout(DEADLINE_S), room() as there:
        with pytest.raises(LinkUnavailable, match="does not speak") as caught:
            await open_gatt(HERE, TO_RECORDER, "00002a37-0000-1000-8000-00805f9b34fb")
        left = not there.radio.central.connections

    assert caught.value.reason is LinkReason.NOT_A_DEVICE
    assert left


@pytest.mark.asyncio
async def test_a_connect_that_hangs_is_given_up(monkeypatch):
    """A stack that never answers is NO_ANSWER after its time, and the next try may succeed."""
    monkeypatch.setattr(gatts, "CONNECT_S", 0.05)
    async with asyncio.timeout(DEADLINE_S), room() as there:
        there.radio.hang.add("connect")
        with pytest.raises(LinkUnavailable) as caught:
            await open_gatt(HERE)
        there.radio.hang.clear()
        monkeypatch.setattr(gatts, "CONNECT_S", DEADLINE_S)
        gatt = await open_gatt(HERE)
        await gatt.aclose()

    assert caught.value.reason is LinkReason.NO_ANSWER


@pytest.mark.asyncio
async def test_a_busy_stack_is_said_so():
    """BlueZ's InProgress becomes BUSY."""
    async with asyncio.timeout(DEADLINE_S), room() as there:
        there.radio.fail_next = [BleakDBusError("org.bluez.Error.InProgress", ["In Progress"])]
        with pytest.raises(LinkUnavailable) as caught:
            await BleLink.open(URL)

    assert caught.value.reason is LinkReason.BUSY


@pytest.mark.asyncio
async def test_a_stuck_stack_is_helped_between_tries(monkeypatch):
    """Each failed try takes one step of recovery, until a try succeeds."""
    stack = ScriptedStack()
    async with asyncio.timeout(DEADLINE_S), room() as there:
        monkeypatch.setattr(radio_of(None), "_stack", stack)
        stuck = BleakDBusError("org.bluez.Error.InProgress", ["In Progress"])
        there.radio.fail_next = [stuck] * 4
        for _ in range(4):
            with pytest.raises(LinkUnavailable):
                await BleLink.open(URL)
        async with await BleLink.open(URL) as link:
            await there.recorder.send(frame(10))
            got = await link.receive()

    assert frame(10) == got
    assert stack.asked == [
        f"disconnect {RECORDER_ADDRESS}",
        f"forget {RECORDER_ADDRESS}",
        "power-cycle None",
    ]


@pytest.mark.asyncio
async def test_a_scan_that_hangs_is_given_up(monkeypatch):
    """A stack that never starts to scan is NO_ANSWER after its time."""
    monkeypatch.setattr(bluetooth_place, "SCAN_S", 0.02)
    monkeypatch.setattr(bluetooth_place, "START_S", 0.02)
    async with asyncio.timeout(DEADLINE_S), room() as there:
        there.radio.hang.add("scan")
        with pytest.raises(LinkUnavailable) as caught:
            await open_gatt(HERE)
        there.radio.hang.clear()

    assert caught.value.reason is LinkReason.NO_ANSWER


@pytest.mark.asyncio
async def test_nothing_arrives_behind_the_end():
    """What a stack hands over after the connection was closed is not received."""
    async with asyncio.timeout(DEADLINE_S), room() as there:
        link = await BleLink.open(URL)
        await link.aclose()
        link._notified(next(iter(there.recorder._fragmenter.fragments(frame(10), 100))))
        with pytest.raises(LinkLost):
            await link.receive()


@pytest.mark.asyncio
@pytest.mark.parametrize("call", ["write", "read"])
async def test_a_call_that_hangs_is_given_up(monkeypatch, call):
    """A call without an answer is a loss after its time."""
    async with asyncio.timeout(DEADLINE_S), room() as there:
        gatt = await open_gatt(HERE, TO_RECORDER)
        monkeypatch.setattr(gatts, "CALL_S", 0.05)
        there.radio.hang.add(call)
        with pytest.raises(LinkLost, match="no answer"):
            await (gatt.write(TO_RECORDER, b"x") if call == "write" else gatt.read(TO_RECORDER))
        await gatt.aclose()


@pytest.mark.asyncio
async def test_a_call_that_hangs_ends_with_the_connection():
    """A cut wakes a call that the stack has forgotten, long before its deadline."""
    async with asyncio.timeout(DEADLINE_S), room() as there:
        gatt = await open_gatt(HERE, TO_RECORDER)
        there.radio.hang.add("write")
        asyncio.get_running_loop().call_soon(there.air.cut)
        with pytest.raises(LinkLost, match="connection is gone"):
            await gatt.write(TO_RECORDER, b"x")
        with pytest.raises(LinkLost, match="connection is gone"):
            await gatt.read(TO_RECORDER)
        await gatt.aclose()


@pytest.mark.asyncio
async def test_a_cut_while_subscribing_is_unavailable():
    """A recorder that goes away while it is opened was never there."""
    async with asyncio.timeout(DEADLINE_S), room() as there:
        there.radio.hang.add("subscribe")
        cutting = asyncio.ensure_future(_cut_when_hung(there))
        with pytest.raises(LinkUnavailable, match="connection is gone") as caught:
            await BleLink.open(URL)
        await cutting

    assert caught.value.reason is LinkReason.NO_ANSWER


async def _cut_when_hung(there: Room) -> None:
    await there.radio.hung.wait()
    there.air.cut()


@pytest.mark.asyncio
async def test_one_at_a_time_scans_and_connects():
    """While another recorder is being opened on the adapter, nothing is scanned."""
    async with asyncio.timeout(DEADLINE_S), room() as there, asyncio.TaskGroup() as group:
        async with radio_of(None).turn:
            opening = group.create_task(open_gatt(HERE, TO_RECORDER))
            await asyncio.sleep(0)
            scanning = bool(there.radio.scanners)
        gatt = await opening
        open_now = radio_of(None).connections
        await gatt.aclose()

    assert not scanning
    assert open_now == 1
    assert radio_of(None).connections == 0


@pytest.mark.asyncio
async def test_the_true_mtu_is_the_characteristics():
    """A connection that says 23, as on BlueZ, still carries what the characteristic says."""
    async with asyncio.timeout(DEADLINE_S), room(mtu=247):
        gatt = await open_gatt(HERE, TO_RECORDER, FROM_RECORDER)
        said, true = gatt._client.mtu_size, gatt.value_bytes(FROM_RECORDER)
        await gatt.aclose()

    assert said == 23
    assert true == 244


@pytest.mark.asyncio
async def test_an_unpaired_host_is_told_to_pair():
    """A recorder that wants encryption is NOT_PAIRED, with the way to do it."""
    async with asyncio.timeout(DEADLINE_S), room(encrypted=True):
        with pytest.raises(LinkUnavailable) as caught:
            await BleLink.open(URL)

    assert caught.value.reason is LinkReason.NOT_PAIRED
    assert "pair" in caught.value.hint


@pytest.mark.asyncio
async def test_a_subscription_that_stays_unanswered_is_told_to_pair(monkeypatch):
    """BlueZ pairs by itself, fails without an agent, and never answers; nothing is stuck."""
    async with asyncio.timeout(DEADLINE_S), room() as there:
        stack = ScriptedStack()
        monkeypatch.setattr(radio_of(None), "_stack", stack)
        monkeypatch.setattr(gatts, "CALL_S", 0.05)
        there.radio.hang.add("subscribe")
        with pytest.raises(LinkUnavailable) as caught:
            await BleLink.open(URL)

    assert caught.value.reason is LinkReason.NOT_PAIRED
    assert stack.asked == []


@pytest.mark.asyncio
async def test_a_paired_host_is_let_in():
    """After LE Secure Connections pairing, the encrypted characteristics work."""
    async with asyncio.timeout(DEADLINE_S), room(encrypted=True) as there:
        there.radio.pair_on_connect = True
        async with await BleLink.open(URL) as link:
            await there.recorder.send(frame(100))
            got = await link.receive()
            (connection,) = there.radio.central.connections.values()
            encrypted, secure = connection.is_encrypted, connection.sc

    assert frame(100) == got
    assert encrypted
    assert secure


@pytest.mark.asyncio
async def test_a_flood_that_nobody_takes_is_bounded():
    """A recorder that ignores its credit loses frames, which is told, and not our memory."""
    async with asyncio.timeout(DEADLINE_S), room() as there, await BleLink.open(URL) as link:
        for sequence in range(700):
            for value in there.recorder._fragmenter.fragments(frame(1900, sequence), 495):
                link._notified(value)
        held = sum(map(len, link._frames))
        last = link._frames[-1]

    assert held <= 1 << 20
    assert last == b""


@pytest.mark.asyncio
async def test_the_rig_is_ordinary_bleak():
    """A plain scan and client find the recorder; its first advertisement has no name."""
    names = []
    async with asyncio.timeout(DEADLINE_S), room():
        device = await BleakScanner.find_device_by_filter(
            lambda _, seen: bool(names.append(seen.local_name) or seen.local_name), timeout=3
        )
        async with BleakClient(device) as client:
            services = [service.uuid for service in client.services]

    assert names == [None, NAME]
    assert device.address == RECORDER_ADDRESS
    assert "fb3e0001-18e2-4295-845c-72917bf3d25b" in services


@pytest.mark.asyncio
@pytest.mark.parametrize("answered", [False, True])
async def test_a_write_is_answered_where_the_caller_wants_it(monkeypatch, answered):
    """A characteristic that can be written either way is written the faster one unless asked."""
    asked = []
    write = BleakClient.write_gatt_char

    async def spied(client, target, value, response):
        asked.append(response)
        await write(client, target, value, response=response)

    monkeypatch.setattr(BleakClient, "write_gatt_char", spied)
    async with asyncio.timeout(DEADLINE_S), room():
        gatt = await open_gatt(HERE, TO_RECORDER)
        await gatt.write(TO_RECORDER, b"x", answered=answered)
        await gatt.aclose()

    assert asked == [answered]


@pytest.mark.asyncio
async def test_two_recorders_are_opened_one_after_the_other(monkeypatch):
    """Scanning and connecting to one is over before the next begins, and so is a search by hand."""
    busy = most = 0

    async def scan(place):
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        for _ in range(5):
            await asyncio.sleep(0)
        busy -= 1
        raise LinkUnavailable("not there", reason=LinkReason.NOT_FOUND)

    monkeypatch.setattr(gatts, "scan", scan)
    radio_of(None)._stack = None
    urls = ("ble://A", "ble://B?adapter=hci0", "ble://C")
    opened = await asyncio.gather(
        *(open_gatt(gatts.Place.parse(url)) for url in urls), return_exceptions=True
    )

    assert most == 1
    assert [type(each) for each in opened] == [LinkUnavailable] * 3
