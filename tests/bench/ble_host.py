"""The agent's side of a virtual radio whose recorders run in another process."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from bumble.device import Device, DeviceConfiguration
from bumble.hci import Address
from bumble.transport import open_transport

from device.links import radio as radios
from tests.ble import quiet
from tests.ble.bleak_on_bumble import Radio, installed
from tests.ble.room import HOST_ADDRESS


@dataclass(kw_only=True)
class FarSide:
    """Running recorders: Bumble's name of the host's controller, and the digest of the content.

    `ended` is what they told at their end.
    """

    hci: str
    sha256: str
    ended: dict[str, int] = field(default_factory=dict)


@contextmanager
def recorders(kinds: str, size_bytes: int, seed: int, *options: str) -> Iterator[FarSide]:
    """Run recorders for the length of a block; see ble_recorders.py."""
    running = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.bench.ble_recorders"),
            *(kinds, str(size_bytes), str(seed), *options),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    try:
        far = FarSide(**json.loads(running.stdout.readline()))
        yield far
        running.terminate()
        far.ended = json.loads(running.stdout.readline())
        running.wait()
    finally:
        if running.poll() is None:
            running.kill()
        running.communicate()


@asynccontextmanager
async def host_on(hci: str) -> AsyncIterator[None]:
    """Make plain bleak use this controller, and let no failure touch the computer's own radio."""
    quiet.install()
    loop = asyncio.get_running_loop()
    radios._RADIOS.setdefault(loop, {})[None] = radios.Radio(None, None, loop.time)
    async with await open_transport(hci) as transport:
        config = DeviceConfiguration(name="host", address=Address(HOST_ADDRESS))
        central = Device.from_config_with_hci(config, transport.source, transport.sink)
        await central.power_on()
        try:
            with installed(Radio(central)):
                yield
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5.0):
                    await central.power_off()
