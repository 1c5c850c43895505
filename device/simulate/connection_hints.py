"""What PROTOCOL.md §14.3 has a recorder ask of its host: 2M, fast while busy, slow while idle."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bumble.core import BaseBumbleError
from bumble.device import Connection
from bumble.hci import Phy

IDLE_S = 10.0
_ASK_S = 2.0
_PDU_BYTES = 251
_PDU_1M_US = 2120
"""What 251 bytes take on 1M, the slowest PHY that is used."""
_SUPERVISION_MS = 5000
_FAST_MS = (7.5, 15.0)
_SLOW_MS = (100.0, 150.0)
_SLOW_LATENCY = 4


class ConnectionHints:
    """Asks for one connection; hosts may refuse, and controllers may not know how."""

    def __init__(self, host: Connection) -> None:
        self._host = host
        self._busy = asyncio.Event()

    def busy(self) -> None:
        """Say that something is being sent or was heard."""
        self._busy.set()

    async def run(self) -> None:
        """Ask as the session comes and goes, until cancelled."""
        async with _may_fail():
            await self._host.set_phy([Phy.LE_2M], [Phy.LE_2M])
        async with _may_fail():
            await self._host.set_data_length(_PDU_BYTES, _PDU_1M_US)
        while True:
            await self._ask(_FAST_MS, 0)
            await self._quiet()
            await self._ask(_SLOW_MS, _SLOW_LATENCY)
            await self._busy.wait()

    async def _ask(self, interval_ms: tuple[float, float], latency: int) -> None:
        channels = self._host.device.l2cap_channel_manager
        try:
            async with _may_fail():
                # By L2CAP: every host understands that, the link-layer procedure not all.
                await self._host.update_parameters(
                    *interval_ms, latency, _SUPERVISION_MS, use_l2cap=True
                )
        finally:
            # Bumble waits for an answer that a host did not give, whoever is connected then.
            channels.connection_parameters_update_response = None

    async def _quiet(self) -> None:
        """Wait until nothing went over the connection for `IDLE_S`."""
        while True:
            self._busy.clear()
            try:
                async with asyncio.timeout(IDLE_S):
                    await self._busy.wait()
            except TimeoutError:
                return
            await asyncio.sleep(IDLE_S / 10)  # and not be woken by each packet of a pull


@asynccontextmanager
async def _may_fail() -> AsyncIterator[None]:
    """Go on without what a host refuses or a controller cannot do."""
    with contextlib.suppress(BaseBumbleError, TimeoutError):
        async with asyncio.timeout(_ASK_S):
            yield
