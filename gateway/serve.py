"""Run the gateway: lock the data folder, listen, drain on SIGTERM."""

import asyncio
import fcntl
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import web

from device.clock import SystemClock
from device.notify import notify, watchdog_s
from gateway.answering import GATEWAY
from gateway.app import create_app
from gateway.config import GatewayConfig, make_folder
from gateway.errors import ConfigInvalid, Unavailable
from gateway.readiness import Ready, fault
from gateway.watchdog import Watchdog
from gateway.wire_log import wire_logger

logger = logging.getLogger(__name__)

_READ_BYTES = 512 * 1024
_LAST_ANSWERS_S = 5.0
_BACKLOG = 256
_FIRST_LOOK_S = 10.0
_GONE = (
    (socket.TCP_KEEPIDLE, 60),
    (socket.TCP_KEEPINTVL, 15),
    (socket.TCP_KEEPCNT, 4),
    (socket.TCP_USER_TIMEOUT, 120_000),
)


async def serve(config: GatewayConfig, ready: Ready) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Args:
        config: What to serve and where.
        ready: Called once when it accepts requests: with the gateway's own URL, and with what keeps
            its object store from being used. That may pass, so it serves all the same.

    Raises:
        Unavailable: Another gateway serves this data folder.
        ConfigInvalid: The address cannot be listened on.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    make_folder(config.data)
    with alone(config.data):
        async with create_app(config) as app:
            runner = new_runner(app)
            await runner.setup()
            try:
                sock = _listening(config)
                site = web.SockSite(runner, sock, backlog=_BACKLOG)
                await site.start()
                url = _own_url(sock)
                wrong = await fault(app[GATEWAY].objects, _FIRST_LOOK_S)
                ready(url, wrong)
                _tell(url, wrong)
                await app[GATEWAY].tunnels.resume(url)
                async with _watched(sock):
                    await stop.wait()
                notify("STOPPING=1")
                logger.info("The gateway drains.")
                await _drain(app, site, config.drain_s)
            finally:
                await runner.cleanup()
    logger.info("The gateway stopped.")


def _tell(url: str, wrong: str | None) -> None:
    if wrong is None:
        notify("READY=1")
        logger.info("The gateway is ready.", extra={"url": url})
        return
    # Ready for systemd: it would else be started anew until it gives up.
    notify(f"READY=1\nSTATUS=not ready: {wrong}")
    logger.error(
        "The gateway serves, but its object store cannot be used.",
        extra={"url": url, "reason": wrong},
    )


def new_runner(app: web.Application) -> web.AppRunner:
    """Set up how requests are read and how the last ones end."""
    return web.AppRunner(
        app,
        access_log=None,
        logger=wire_logger(),
        read_bufsize=_READ_BYTES,
        # Media are kept as they were sent, and a bomb stays small.
        auto_decompress=False,
        shutdown_timeout=_LAST_ANSWERS_S,
    )


@asynccontextmanager
async def _watched(sock: socket.socket) -> AsyncIterator[None]:
    """Feed the watchdog, if there is one, until the gateway drains: nobody waits for it then."""
    limit_s = watchdog_s()
    if limit_s is None:
        yield
        return
    host, port = sock.getsockname()[:2]
    watchdog = Watchdog(SystemClock(), address=(host, port), limit_s=limit_s)
    feeding = asyncio.create_task(watchdog.run(), name="watchdog")
    try:
        yield
    finally:
        feeding.cancel()
        await asyncio.wait([feeding])


async def _drain(app: web.Application, site: web.SockSite, drain_s: float) -> None:
    """Take no more connections, let requests finish, then ask the long ones to come back."""
    gateway = app[GATEWAY]
    gateway.draining = True
    await site.stop()
    await gateway.tunnels.drain()
    try:
        async with asyncio.timeout(drain_s):
            await gateway.metrics.idle()
    except TimeoutError:
        gateway.intake.drain()
        try:
            async with asyncio.timeout(_LAST_ANSWERS_S):
                await gateway.metrics.idle()
        except TimeoutError:
            logger.warning("Some requests did not end in time and are cut.")


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Hold the data folder: two gateways on one folder would write over each other's parts.

    Raises:
        Unavailable: Another gateway serves it.
    """
    fd = os.open(data / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable(
                f"another gateway serves {data}", hint="stop it, or give this one its own --data"
            ) from None
        yield
    finally:
        os.close(fd)


def _listening(config: GatewayConfig) -> socket.socket:
    try:
        sock = socket.create_server(
            (config.host, config.port),
            family=socket.AF_INET6 if ":" in config.host else socket.AF_INET,
            backlog=_BACKLOG,
        )
    except OSError as error:
        raise ConfigInvalid(
            f"cannot listen on {config.host} port {config.port}: "
            f"{os.strerror(error.errno) if error.errno else error}",
            hint="another program has it, or the address is not this machine's: see --listen",
        ) from error
    # Recorders vanish without a word (out of reach, out of power). Accepted connections inherit
    # this; the kernel's own two hours would fill the table of open files.
    for option, value in _GONE:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
    return sock


def _own_url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
