"""A phone's channel under the agent's own suites: the link on it, and both drivers."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from device.clock import SystemClock
from device.core.link.fragments import Fragmenter, Reassembler, frame_bytes
from device.core.link.gatt_service import FROM_RECORDER, SERVICE, TO_RECORDER
from device.drivers import bota, native
from device.errors import LinkError
from device.links.ble import BleLink
from gateway.core.tunnel import Call, Characteristic, Kind, Open
from gateway.phone.channel import Channel
from gateway.phone.opening import FRAME_VALUE_BYTES
from tests.device.drivers import bota_rig, native_rig
from tests.device.drivers.conformance import DriverConformance, Held
from tests.device.links.conformance import LinkConformance, frame
from tests.gateway.phone.fake_phone import table
from tests.gateway.phone.recorders import NativeGatt

VALUE_BYTES = 100


@asynccontextmanager
async def through_a_phone(gatt, kind):
    """Give a channel whose phone does each call on `gatt`, one after the other."""
    calls: asyncio.Queue[Call] = asyncio.Queue()
    listed = table(gatt, kind)
    opened = Open(
        channel=1,
        name="FP-0001",
        kind=kind,
        characteristics=tuple(
            Characteristic(service=e["service"], uuid=e["uuid"], properties=tuple(e["properties"]))
            for e in listed
        ),
    )
    channel = Channel(opened, calls.put_nowait)

    async def phone():
        while True:
            call = await calls.get()
            uuid = listed[call.characteristic]["uuid"]
            try:
                value = b""
                match call.kind:
                    case Kind.READ:
                        value = await gatt.read(uuid)
                    case Kind.SUBSCRIBE:

                        def notified(value, at=call.characteristic):
                            channel.notified(at, value)

                        await gatt.subscribe(uuid, notified)
                    case _:
                        await gatt.write(uuid, call.value, answered=call.kind is Kind.WRITE)
            except LinkError as error:
                channel.failed(call.call, "NetworkError", str(error))
            else:
                channel.succeeded(call.call, value)

    gatt.when_lost(lambda: channel.lose("out of reach"))
    calling = asyncio.create_task(phone(), name="phone")
    try:
        yield channel
    finally:
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
        await gatt.aclose()


class _Far:
    """The recorder's end of a link."""

    def __init__(self) -> None:
        self.lost: str | None = None
        self._tell: list = []
        self._fragmenter, self._reassembler = Fragmenter(), Reassembler()
        self._frames: asyncio.Queue[bytes] = asyncio.Queue()
        self._notified = print

    def when_lost(self, tell) -> None:
        self._tell.append(tell)

    def offers(self, *characteristics: str) -> bool:
        return set(characteristics) <= {TO_RECORDER, FROM_RECORDER, SERVICE}

    async def write(self, uuid: str, value: bytes, *, answered: bool) -> None:
        del uuid, answered
        for body in self._reassembler.feed(value):
            self._frames.put_nowait(body)

    async def subscribe(self, uuid: str, notified) -> None:
        del uuid
        self._notified = notified

    async def aclose(self) -> None:
        await self.cut()

    async def send(self, body: bytes) -> None:
        for value in self._fragmenter.fragments(body, VALUE_BYTES):
            self._notified(value)
        await asyncio.sleep(0)

    async def receive(self) -> bytes:
        return await self._frames.get()

    async def damage(self) -> None:
        (value,) = self._fragmenter.fragments(frame(30, 7), VALUE_BYTES)
        self._notified(value[:-1] + bytes([value[-1] ^ 1]))

    async def cut(self) -> None:
        if self.lost is None:
            self.lost = "gone"
            for tell in self._tell:
                tell()


class TestLinkOnAChannel(LinkConformance):
    @pytest_asyncio.fixture
    async def line(self):
        far = _Far()
        async with through_a_phone(far, "native") as channel:
            most = frame_bytes(FRAME_VALUE_BYTES)
            async with await BleLink.open_on(channel, max_frame_bytes=most) as link:
                yield link, far


class TestNativeOnAChannel(DriverConformance):
    @pytest_asyncio.fixture
    async def held(self):
        store = native_rig.usual_store()
        recorder = native_rig.Recorder(store)
        running = asyncio.create_task(recorder.run(), name="recorder")
        gatt = NativeGatt(recorder.host, 244, None)
        async with through_a_phone(gatt, "native") as channel:
            link = await BleLink.open_on(channel, max_frame_bytes=frame_bytes(FRAME_VALUE_BYTES))
            driver = await native.open_on(link, SystemClock(), release="delete")
            yield Held(driver=driver, contents=native_rig.keyed(store))
            await driver.aclose()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class TestBotaOnAChannel(DriverConformance):
    @pytest_asyncio.fixture
    async def held(self, tmp_path, monkeypatch):
        bota_rig.hasten(monkeypatch)
        source = bota_rig.recorder()
        gatt = bota_rig.MemoryGatt(source, 247)
        radio = asyncio.create_task(gatt.run(), name="radio")
        async with through_a_phone(gatt, "bota") as channel:
            driver = await bota.open_on(channel, SystemClock(), release="delete", cache=tmp_path)
            name = (await driver.info()).recorder
            contents = {
                type(key)(recorder=name, recording=key.recording, generation=key.generation): media
                for key, media in bota_rig.keyed(source).items()
            }
            yield Held(driver=driver, contents=contents)
            await driver.aclose()
        await asyncio.gather(radio, return_exceptions=True)


@pytest.mark.asyncio
async def test_values_grow_with_what_was_seen():
    """No browser tells the MTU: what passed one way passes the other, up to what GATT has."""
    listed = Characteristic(service=SERVICE, uuid=FROM_RECORDER, properties=("notify",))
    channel = Channel(Open(channel=1, kind="native", characteristics=(listed,)), print)
    sizes = [channel.value_bytes(TO_RECORDER)]
    for size in (10, 244, 100, 600):
        channel.notified(0, bytes(size))
        sizes.append(channel.value_bytes(TO_RECORDER))

    assert [20, 20, 244, 244, 512] == sizes
