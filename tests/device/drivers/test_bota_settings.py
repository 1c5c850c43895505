"""Reading and changing a Bota recorder's settings: the named ones, seen to be kept, or an error."""

import asyncio

import pytest

from device.clock import SystemClock
from device.core.bota_ble import uuids
from device.core.bota_ble.recorder import BotaRecorder
from device.core.bota_ble.settings import DeviceSettings, Way
from device.core.bota_ble.settings_change import Form
from device.drivers.bota_errand import AGAIN_HINT, errand
from device.drivers.bota_settings import Held, change_settings, read_settings
from device.errors import LinkLost, ProtocolViolation, RecorderRefused
from device.links.bluetooth_place import Place
from tests.ble.room import URL
from tests.device.drivers.bota_rig import SERIAL, MemoryGatt, recorder
from tests.device.drivers.test_bota_on_ble import bota_room
from tests.device.drivers.test_bota_provision import visiting

pytestmark = pytest.mark.asyncio

SHORT = bytes.fromhex("0103010203121201")
DEADLINE_S = 15.0


class Stubborn(BotaRecorder):
    """Keeps, cuts or refuses as told when its settings are written."""

    gatt: MemoryGatt
    keeps: bytes | None = None
    cuts = False
    refuses = False
    missing: tuple[str, ...] = ()

    @property
    def table(self):
        return {k: v for k, v in super().table.items() if k not in self.missing}

    def write(self, characteristic, value):
        if self.refuses:
            raise RecorderRefused("ATT error 0x0E", wire_code=0x0E)
        super().write(characteristic, value)
        self.owner.settings = self.keeps if self.keeps is not None else self.owner.settings
        if self.cuts:
            self.gatt.cut()


def holding(value: bytes, **how) -> Stubborn:
    source = Stubborn(SERIAL, [])
    source.owner.settings = value
    for name, setting in how.items():
        setattr(source, name, setting)
    return source


async def changed(source: BotaRecorder, **changes):
    async with asyncio.timeout(DEADLINE_S), visiting(source) as session:
        return await change_settings(session, changes)


@pytest.mark.parametrize(
    ("value", "held"),
    [
        ("02030102031212013c830000", Held(settings=DeviceSettings(), form=Form.LONG)),
        (SHORT.hex(), Held(settings=DeviceSettings(), form=Form.SHORT)),
        ("", Held(settings=DeviceSettings(), form=Form.BLANK)),
        (
            "020103000000ff0000810000",
            Held(
                settings=DeviceSettings(
                    lte=False,
                    preference=(Way.LTE,),
                    lte_idle_s=0,
                    wifi_idle_s=-1,
                    streaming=False,
                    flush_s=0,
                    heartbeat_lte=False,
                ),
                form=Form.LONG,
            ),
        ),
    ],
)
async def test_settings_are_read_and_nothing_is_written(value, held):
    """In each form, and the recorder is left as it was, its clock too."""
    source = holding(bytes.fromhex(value))
    async with visiting(source, 23) as session:
        found = await read_settings(session)

    assert found == held
    assert source.writes == []


async def test_the_named_settings_change():
    """One write, with an answer, and what was there before is told."""
    source = holding(bytes.fromhex("02ff0102031212013c831234"))
    done = await changed(source, wifi=False, flush_s=30)

    assert source.owner.settings.hex() == "02fe0102031212011e831234"
    assert (done.before.settings.wifi, done.before.settings.flush_s) == (True, 60)
    assert (done.after.settings.wifi, done.after.settings.flush_s) == (False, 30)
    assert source.gatt.answered == [(uuids.DEVICE_SETTINGS, True)]


async def test_what_is_so_already_is_not_written():
    """Flash wears, and running it again changes nothing."""
    source = recorder()
    done = await changed(source, flush_s=60)

    assert done.after == done.before
    assert source.writes == []


async def test_an_old_recorder_stays_in_its_form():
    """Eight bytes are answered with eight."""
    source = holding(SHORT)
    await changed(source, streaming=False)

    assert source.owner.settings.hex() == "0103010203121200"


async def test_an_old_recorder_that_does_not_take_the_long_form_is_told():
    """It was asked for a setting that it cannot hold."""
    with pytest.raises(ProtocolViolation, match=r"did not keep what it was told: flush_s$"):
        await changed(holding(SHORT, keeps=SHORT), flush_s=5)


async def test_what_is_kept_otherwise_is_told():
    """Each setting that differs is named, also one that nobody asked for."""
    keeps = bytes.fromhex("02020102031212013c830000")
    source = holding(bytes.fromhex("02030102031212013c830000"), keeps=keeps)
    with pytest.raises(ProtocolViolation, match=r": wifi, streaming$"):
        await changed(source, streaming=False)


@pytest.mark.parametrize("value", ["99" * 12, "03030102031212013c830000"])
async def test_an_unknown_version_is_neither_read_nor_overwritten(value):
    """Newer settings are not ours to guess."""
    source = holding(bytes.fromhex(value))
    with pytest.raises(ProtocolViolation, match="not known here"):
        await changed(source, wifi=False)
    async with visiting(source) as session:
        with pytest.raises(ProtocolViolation, match="not known here"):
            await read_settings(session)

    assert source.writes == []


async def test_a_loss_while_writing_leaves_it_open():
    """Nobody knows whether the write arrived; running it again is safe."""
    source = holding(SHORT, cuts=True)
    with pytest.raises(LinkLost, match="may have changed or not") as caught:
        await changed(source, wifi=False)

    assert caught.value.hint == AGAIN_HINT


async def test_a_loss_while_reading_promises_no_pull():
    """The usual hint of a lost link is about pulls."""
    source = holding(SHORT)

    async def read_in_vain() -> None:
        async with visiting(source) as session:
            source.gatt.cut()
            await read_settings(session)

    with pytest.raises(LinkLost) as caught:
        await read_in_vain()

    assert caught.value.hint == AGAIN_HINT


async def test_a_refusal_is_told():
    """The recorder is there and will not."""
    with pytest.raises(ProtocolViolation, match="refuses to change its settings"):
        await changed(holding(SHORT, refuses=True), wifi=False)


async def test_a_recorder_without_settings_is_said_so():
    """Other firmware may have no such thing."""
    with pytest.raises(ProtocolViolation, match="has no settings"):
        await changed(holding(SHORT, missing=(uuids.DEVICE_SETTINGS,)), wifi=False)


async def test_over_a_virtual_radio():
    """The same through bleak and a real ATT, at the smallest MTU."""
    source = recorder()
    here = Place.parse(URL)
    async with (
        asyncio.timeout(DEADLINE_S),
        bota_room(source, 23),
        errand(here, SystemClock()) as session,
    ):
        done = await change_settings(session, {"preference": (Way.BLE,), "lte_idle_s": -1})

    assert done.after.settings.preference == (Way.BLE,)
    assert source.owner.settings.hex() == "0203020000ff12013c830000"
