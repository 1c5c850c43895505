"""Making the control socket: never instead of a living one, always instead of a dead one."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from aiohttp import web

from device.control.address import short
from device.control.server import Control

logger = logging.getLogger(__name__)

MODE = 0o660
"""Its owner and the group of its folder may ask; see docs/control.md."""
MOST_CONNECTIONS = 64
BACKLOG = 16
CLOSE_S = 2.0


@asynccontextmanager
async def serving(control: Control, place: Path) -> AsyncIterator[bool]:
    """Answer for as long as the context lasts; yields whether that is possible.

    An agent that cannot be asked still carries recordings: what fails here is logged.
    """
    runner = web.AppRunner(
        control.application(), handle_signals=False, access_log=None, shutdown_timeout=CLOSE_S
    )
    await runner.setup()
    try:
        line = await _bound(place)
    except OSError as error:
        logger.warning(
            "No control socket: commands read the spool", extra={"path": place, "reason": error}
        )
        line = None
    if line is None:
        try:
            yield False
        finally:
            await runner.cleanup()
        return
    try:
        server = runner.server
        assert server is not None  # noqa: S101 - setup made it

        def protocol() -> asyncio.Protocol:
            full = len(server.connections) >= MOST_CONNECTIONS
            return _TurnedAway() if full else server()

        listening = await asyncio.get_running_loop().create_unix_server(
            protocol, sock=line, backlog=BACKLOG
        )
        try:
            yield True
        finally:
            listening.close()
            control.hub.end()
            await runner.cleanup()
    finally:
        line.close()
        # Only what is ours: the socket of whoever came next in this folder stays.
        await asyncio.to_thread(_removed, place)


async def _bound(place: Path) -> socket.socket:
    """Bind in a thread; when cancelled meanwhile, leave nothing open behind."""
    binding = asyncio.create_task(asyncio.to_thread(bound, place), name="control socket")
    try:
        return await asyncio.shield(binding)
    except asyncio.CancelledError:
        await asyncio.wait({binding})
        if binding.exception() is None:
            binding.result().close()
            await asyncio.to_thread(_removed, place)
        raise


def bound(place: Path) -> socket.socket:
    """Bind the socket. It appears under its name with its permissions, never without.

    The spool's lock is held, so a socket in the spool is a dead agent's. In a folder that several
    agents share, one that answers stays.

    Raises:
        OSError: The folder takes no socket, or another agent listens there.
    """
    if _alive(place):
        raise FileExistsError(f"another agent listens at {place}")
    fresh = place.with_name(f"{place.name}.new")
    fresh.unlink(missing_ok=True)
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        with short(fresh) as address:
            line.bind(address)
        fresh.chmod(MODE)
        with suppress(PermissionError):  # not a member of that group: our own has to do
            os.chown(fresh, -1, place.parent.stat().st_gid)
        line.listen(BACKLOG)
        fresh.replace(place)
    except OSError:
        line.close()
        raise
    return line


def _alive(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(1.0)
        try:
            with short(place) as address:
                line.connect(address)
        except TimeoutError:
            return True
        except OSError:
            return False
    return True


def _removed(place: Path) -> None:
    with suppress(OSError):
        if not _alive(place):
            place.unlink()


class _TurnedAway(asyncio.Protocol):
    """Closes at once: there are as many connections as are taken."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
