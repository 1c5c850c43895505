"""Feed systemd's watchdog while this gateway answers, which it finds out by asking itself.

An event loop that turns proves little: the socket may be gone, or every worker thread be stuck in a
disk that no longer answers. What others depend on and are not cured by a restart (a bucket that is
away) has no part in it: `/readyz` tells that.
"""

import asyncio
import logging
from collections.abc import Callable

from device.clock import Clock
from device.notify import notify

logger = logging.getLogger(__name__)

_PER_LIMIT = 4
"""Looks in the time within which one must go well: one that fails is not yet the end."""


class Watchdog:
    """Looks again and again, and tells systemd when all went well."""

    def __init__(
        self,
        clock: Clock,
        *,
        address: tuple[str, int],
        limit_s: float,
        tell: Callable[[str], bool] = notify,
    ) -> None:
        """Look after the gateway that listens at `address`.

        Args:
            clock: For the pauses between looks.
            address: Host and port; a host that stands for all of this machine's addresses will do.
            limit_s: Within which systemd wants to hear from us.
            tell: Hands a state over to systemd.
        """
        self._clock = clock
        self._address = address
        self._every_s = limit_s / _PER_LIMIT
        self._tell = tell

    async def run(self) -> None:
        """Feed until cancelled."""
        while True:
            if await self.all_well():
                self._tell("WATCHDOG=1")
            await self._clock.sleep(self._every_s)

    async def all_well(self) -> bool:
        """Ask once: a worker thread to do nothing, and ourselves, as a client, whether we live."""
        try:
            async with asyncio.timeout(self._every_s):
                await asyncio.to_thread(_nothing)
                status = await _ask(*self._address)
        except (OSError, TimeoutError) as error:
            logger.warning("The gateway does not answer itself.", extra={"reason": repr(error)})
            return False
        return status.startswith(b"HTTP/1.1 200 ")


def _nothing() -> None:
    pass


async def _ask(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"GET /livez HTTP/1.1\r\nHost: watchdog\r\nConnection: close\r\n\r\n")
        return await reader.readline()
    finally:
        writer.close()
