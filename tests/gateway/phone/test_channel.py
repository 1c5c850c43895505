"""What browsers keep from pages, and what a channel gives drivers instead."""

import asyncio
import hashlib

import pytest

from device.core.bota_ble import uuids
from device.drivers.bota_session import NEEDED
from device.errors import ProtocolViolation
from gateway.core.tunnel import Characteristic, Open
from gateway.phone.channel import Channel

pytestmark = pytest.mark.asyncio

KEY = bytes(range(64))


def opened(*uuids_listed: str) -> Open:
    listed = tuple(
        Characteristic(service=uuids.service_of(each), uuid=each, properties=("read",))
        for each in uuids_listed
    )
    return Open(channel=1, name="Bota Pin", kind="bota", characteristics=listed)


async def serial(*listed: str, answer: bytes) -> tuple[str, bytes]:
    """Read the serial number; answers what the phone was asked for, and what the driver got."""
    asked = []
    channel = Channel(opened(*listed), asked.append)
    reading = asyncio.ensure_future(channel.read(uuids.SERIAL))
    await asyncio.sleep(0)
    channel.succeeded(asked[0].call, answer)
    return listed[asked[0].characteristic], await reading


async def test_a_hidden_serial_number_is_told_by_the_key():
    """The same key gives the same name, whoever reads it, and the driver's needs are met."""
    listed = (*(each for each in NEEDED if each != uuids.SERIAL), uuids.DEVICE_KEY)
    source, name = await serial(*listed, answer=KEY)

    assert Channel(opened(*listed), print).offers(*NEEDED)
    assert source == uuids.DEVICE_KEY
    assert name == b"PK" + hashlib.sha256(KEY).hexdigest()[:24].upper().encode()


async def test_a_serial_number_that_is_there_is_read():
    """A browser that shows it is believed."""
    read = await serial(uuids.SERIAL, uuids.DEVICE_KEY, answer=b"AB12")

    assert read == (uuids.SERIAL, b"AB12")


async def test_a_recorder_without_a_key_is_nobody():
    """It is not synced under a name that another one might have."""
    listed = tuple(each for each in NEEDED if each != uuids.SERIAL)

    assert not Channel(opened(*listed), print).offers(*NEEDED)
    with pytest.raises(ProtocolViolation, match="cannot be told from others"):
        await serial(uuids.DEVICE_KEY, answer=bytes(32))
