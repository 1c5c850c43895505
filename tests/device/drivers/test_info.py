"""`info()` of the drivers: battery, storage and conditions, and figures that cannot be."""

from dataclasses import replace

import pytest

from device.core.bota_ble import uuids
from device.core.bota_ble.recorder import BotaRecorder
from device.core.bota_ble.status import Activity, encode_status, parse_status
from device.model import Condition, RecorderId, RecorderInfo
from tests.device.drivers import bota_rig, native_rig
from tests.device.drivers.native_rig import FakeBoard, Recorder, usual_store
from tests.device.drivers.test_native_faults import driving

pytestmark = pytest.mark.asyncio


class Telling(BotaRecorder):
    """Says of itself what a test wants: changes to its status, or raw bytes instead of it."""

    raw: bytes | None
    changes: dict

    def read(self, characteristic):
        told = super().read(characteristic)
        if characteristic != uuids.DEVICE_STATUS:
            return told
        if self.raw is not None:
            return self.raw
        return encode_status(replace(parse_status(told), **self.changes))


async def bota(raw: bytes | None = None, **changes) -> RecorderInfo:
    source = bota_rig.recorder()
    source.__class__ = Telling
    source.raw, source.changes = raw, changes
    async with bota_rig.driving(source) as driver:
        return await driver.info()


async def native(**counters) -> RecorderInfo:
    board = FakeBoard()
    for name, value in counters.items():
        setattr(board, name, value)
    async with driving(Recorder(usual_store(), board)) as driver:
        return await driver.info()


async def test_a_bota_recorder_tells_its_battery_and_what_waits():
    """Both come from the characteristics that every firmware has."""
    info = await bota(battery_percent=42, charging=True)

    assert (info.battery_percent, info.charging, info.pending) == (42, True, 2)
    assert info.used_percent == 0
    assert info.conditions == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"low_battery": True}, (Condition.LOW_BATTERY,)),
        ({"activity": Activity.LOW_BATTERY}, (Condition.LOW_BATTERY,)),
        ({"storage_full": True}, (Condition.STORAGE_FULL,)),
        ({"activity": Activity.STORAGE_FULL}, (Condition.STORAGE_FULL,)),
        ({"sync_active": True}, (Condition.UPLOADING,)),
        ({"activity": Activity.ERROR}, (Condition.FAULT,)),
        (
            {"activity": Activity.RECORDING, "low_battery": True},
            (Condition.RECORDING, Condition.LOW_BATTERY),
        ),
    ],
)
async def test_flags_and_state_of_a_bota_recorder_tell_its_condition(changes, told):
    """Some firmware sets the flag, some the state, and several may hold at once."""
    assert told == (await bota(**changes)).conditions


async def test_a_gauge_of_255_percent_has_no_reading():
    """No battery is told where none can be read; the rest stands."""
    info = await bota(battery_percent=255, charging=True)

    assert (info.battery_percent, info.charging) == (None, True)


@pytest.mark.parametrize("raw", [b"", bytes(13)])
async def test_a_status_cut_short_spoils_nothing_else(raw):
    """Only pulling cannot do without the status."""
    info = await bota(raw)

    assert (info.battery_percent, info.charging, info.conditions) == (None, None, ())
    assert (info.serial, info.pending) == (bota_rig.SERIAL, 2)


async def test_a_native_recorder_tells_its_battery():
    """The optional keys of WELCOME arrive."""
    info = await native(battery_percent=7, charging=False)

    assert (info.battery_percent, info.charging) == (7, False)


async def test_a_native_recorder_without_a_battery_tells_none():
    """Absent keys stay unknown; above 100 there is no reading."""
    assert (await native()).battery_percent is None
    assert (await native(battery_percent=101)).battery_percent is None
    assert (await native(battery_percent=100)).battery_percent == 100


@pytest.mark.parametrize(
    ("capacity", "used", "percent"),
    [(100, 100, 100), (1000, 999, 99), (100, 10_000, 100), (0, 5, None), (None, 5, None)],
)
async def test_storage_is_never_more_than_full(capacity, used, percent):
    """A recorder that tells more used than there is counts as full; one without a size as mute."""
    info = RecorderInfo(
        recorder=RecorderId(native_rig.RECORDER),
        driver="native",
        capacity_bytes=capacity,
        used_bytes=used,
    )

    assert percent == info.used_percent
