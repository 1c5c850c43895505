"""A room with a simulated recorder on Bluetooth and a host beside it, in one process."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bumble.device import Device

from device.links import radio as radios
from device.simulate.gatt_end import GattEnd
from tests.ble import quiet
from tests.ble.air import Air, Pace, virtual_device
from tests.ble.bleak_on_bumble import Radio, installed

RECORDER_ADDRESS = "F0:F1:F2:F3:F4:F5"
HOST_ADDRESS = "C0:C1:C2:C3:C4:C5"
URL = f"ble://{RECORDER_ADDRESS}"
NAME = "FP-0001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What tests reach for."""

    air: Air
    radio: Radio
    recorder: GattEnd
    device: Device


@asynccontextmanager
async def room(*, mtu: int = 517, pace: Pace | None = None, encrypted: bool = False):
    """Switch a recorder and a host on; both go off with the block."""
    quiet.install()
    air = Air(pace)
    device = virtual_device(air, "recorder", RECORDER_ADDRESS)
    device.gatt_server.max_mtu = mtu
    central = virtual_device(air, "host", HOST_ADDRESS)
    # No real stack is touched by a failure here.
    radios._RADIOS.setdefault(asyncio.get_running_loop(), {})[None] = radios.Radio(
        None, None, asyncio.get_running_loop().time
    )
    async with AsyncExitStack() as undo:
        recorder = GattEnd(device, NAME, pairing=encrypted)
        await central.power_on()
        undo.push_async_callback(central.power_off)
        await recorder.start()
        undo.push_async_callback(recorder.aclose)
        radio = Radio(central)
        undo.enter_context(installed(radio))
        yield Room(air=air, radio=radio, recorder=recorder, device=device)
