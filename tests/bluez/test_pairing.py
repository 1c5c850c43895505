"""Recorders that want to be paired, on a real BlueZ."""

import asyncio

import pytest

from device.errors import LinkReason, LinkUnavailable
from tests.bluez.computer import NATIVE_ADDRESS
from tests.bluez.pulling import opened
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


@pytest.mark.asyncio
async def test_a_paired_computer_is_let_in(computer, tmp_path):
    """After `bluetoothctl pair` the recorder is pulled from over an encrypted connection."""
    async with computer.native(usual_store(), pairing=True) as recorder:
        await computer.discover(NATIVE_ADDRESS)
        await bluetoothctl(f"pair {NATIVE_ADDRESS}", until="Pairing successful")
        for connection in list(recorder.connections.values()):
            await connection.disconnect()
        driver = await opened(tmp_path)
        recording = (await driver.recordings()).recordings[0]
        got = await pull(driver, recording, recording.media[0])
        encrypted = [each.is_encrypted for each in recorder.connections.values()]
        await driver.aclose()

    assert got == AUDIO
    assert encrypted == [True]
