"""The native driver on a real BlueZ: pulls, cuts, and what only that stack does."""

import pytest

from device.core.link.gatt_service import FROM_RECORDER, TO_RECORDER
from device.links.gatt import Place, open_gatt
from tests.bluez.computer import NATIVE_NAME
from tests.bluez.pulling import NATIVE_URL, opened, pull_through
from tests.device.drivers.conformance import digests, pull
from tests.device.drivers.native_rig import AUDIO, FakeStore, usual_store

LONG = bytes(i * i % 251 for i in range(150_000))


def one_recording() -> FakeStore:
    return FakeStore({(b"A" * 16, 1): (LONG,)})


@pytest.mark.asyncio
async def test_a_recording_comes_home_and_is_released(computer, tmp_path):
    """Found by its name, what it holds is pulled whole and then deleted from it."""
    store = usual_store()
    async with computer.native(store):
        driver = await opened(tmp_path, f"ble://{NATIVE_NAME}")
        recording = (await driver.recordings()).recordings[0]
        got = tuple([await pull(driver, recording, each) for each in recording.media])
        await driver.release(recording.key, digests(got))
        await driver.aclose()

    assert got[0] == AUDIO
    assert len(store.stored) == 1


@pytest.mark.asyncio
async def test_the_true_mtu_is_found(computer):
    """BlueZ tells 23 for the connection whatever was agreed; the characteristic knows better."""
    async with computer.native(usual_store()):
        gatt = await open_gatt(Place.parse(NATIVE_URL), TO_RECORDER, FROM_RECORDER)
        with pytest.warns(UserWarning, match="default MTU"):
            told = gatt._client.mtu_size
        true = gatt.value_bytes(FROM_RECORDER)
        await gatt.aclose()

    assert (told, true) == (23, 514)


@pytest.mark.asyncio
async def test_a_cut_loses_nothing(computer, tmp_path):
    """A connection that the distance ends in mid-pull is made again, and the pull goes on."""

    async def cut() -> None:
        computer.air.cut()

    async with computer.native(one_recording()):
        got, before, problems = await pull_through(tmp_path, cut)

    assert got == LONG
    assert 0 < before < len(LONG)
    assert len(problems) == 1


@pytest.mark.asyncio
async def test_a_restart_of_the_service_loses_nothing(computer, tmp_path):
    """After `systemctl restart bluetooth` in mid-pull the pull goes on."""
    async with computer.native(one_recording()):
        got, before, problems = await pull_through(tmp_path, computer.restart_service)

    assert got == LONG
    assert 0 < before < len(LONG)
    assert problems


@pytest.mark.asyncio
async def test_an_adapter_pulled_out_and_put_back_loses_nothing(computer, tmp_path):
    """The adapter leaves in mid-pull with its connections; with it back, the pull goes on."""

    async def replug() -> None:
        await computer.unplug()
        await computer.plug_in()

    async with computer.native(one_recording()):
        got, before, problems = await pull_through(tmp_path, replug)

    assert got == LONG
    assert 0 < before < len(LONG)
    assert problems


@pytest.mark.asyncio
async def test_an_adapter_switched_off_and_on_loses_nothing(computer, tmp_path):
    """Somebody switches Bluetooth off in mid-pull, and on again."""

    async def switch() -> None:
        await computer.power(on=False)
        await computer.power(on=True)

    async with computer.native(one_recording()):
        got, before, problems = await pull_through(tmp_path, switch)

    assert got == LONG
    assert 0 < before < len(LONG)
    assert problems
