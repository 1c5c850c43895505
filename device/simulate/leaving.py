"""How a simulated recorder leaves the air, and gives its controller back, in bounded time."""

import asyncio
import contextlib

from bumble.core import BaseBumbleError
from bumble.device import Device
from bumble.transport.common import Transport

LEAVE_S = 1.0
CLOSE_S = 0.5
"""Together below what a service manager or a person waits for; a controller that is gone answers
nothing."""


async def leave(device: Device) -> None:
    """Stop advertising, disconnect whoever is there, power off. Never raises."""
    with contextlib.suppress(BaseBumbleError, OSError):
        async with asyncio.timeout(LEAVE_S):
            await device.stop_advertising()
            for connection in list(device.connections.values()):
                await connection.disconnect()
            await device.power_off()


async def close(transport: Transport) -> None:
    """Give the controller back. Never raises."""
    with contextlib.suppress(BaseBumbleError, OSError):
        async with asyncio.timeout(CLOSE_S):
            await transport.close()
