"""Recorders that want to be paired, on a real BlueZ."""

import asyncio

import pytest
from bumble.device import Device

from device.errors import LinkReason, LinkUnavailable
from tests.bluez.computer import BOTA_ADDRESS, NATIVE_ADDRESS
from tests.bluez.pulling import BOTA_URL, opened
from tests.device.drivers.bota_rig import recorder as bota
from tests.device.drivers.conformance import pull
from tests.device.drivers.native_rig import AUDIO, usual_store


async def bluetoothctl(*lines: str, until: str) -> str:
    """Type these lines, one after the other; return what it said up to `until`."""
    talk = await asyncio.create_subprocess_exec(
        "bluetoothctl", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    said = ""
    try:
        async with asyncio.timeout(30):
            while "Agent registered" not in said:
                said += (await talk.stdout.read(1024)).decode()
            for line in lines:
                talk.stdin.write(f"{line}\n".encode())
            while until not in said:
                said += (await talk.stdout.read(1024)).decode()
    except TimeoutError:
        raise AssertionError(said) from None
    finally:
        talk.stdin.write(b"exit\n")
        await talk.communicate()
    return said


@pytest.mark.asyncio
async def test_an_unpaired_computer_is_told_to_pair(computer, tmp_path):
    """A recorder that wants encryption is not opened behind the owner's back."""
    async with computer.native(usual_store(), pairing=True):
        with pytest.raises(LinkUnavailable) as caught:
            await opened(tmp_path)

    assert caught.value.reason is LinkReason.NOT_PAIRED
    assert "bluetoothctl" in caught.value.hint


async def paired(computer, recorder: Device, address: str) -> None:
    """Pair as an owner does; the recorder is free again afterwards."""
    await computer.discover(address)
    await bluetoothctl(f"pair {address}", until="Pairing successful")
    for connection in list(recorder.connections.values()):
        await connection.disconnect()


@pytest.mark.asyncio
async def test_a_paired_computer_is_let_in(computer, tmp_path):
    """After `bluetoothctl pair` the recorder is pulled from over an encrypted connection."""
    async with computer.native(usual_store(), pairing=True) as recorder:
        await paired(computer, recorder, NATIVE_ADDRESS)
        driver = await opened(tmp_path)
        recording = (await driver.recordings()).recordings[0]
        got = await pull(driver, recording, recording.media[0])
        encrypted = [each.is_encrypted for each in recorder.connections.values()]
        await driver.aclose()

    assert got == AUDIO
    assert encrypted == [True]


@pytest.mark.asyncio
async def test_a_bota_recorder_that_wants_a_bond_gets_one(computer, tmp_path):
    """Its recordings are for paired computers: first that is said, then they are listed."""
    async with computer.bota(bota(needs_bond=True)) as recorder:
        with pytest.raises(LinkUnavailable) as caught:
            await opened(tmp_path, BOTA_URL)
        await paired(computer, recorder, BOTA_ADDRESS)
        driver = await opened(tmp_path, BOTA_URL)
        listing = await driver.recordings()
        await driver.aclose()

    assert caught.value.reason is LinkReason.NOT_PAIRED
    assert len(listing.recordings) == 2
