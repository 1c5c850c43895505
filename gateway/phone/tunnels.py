"""Tunnels: all phones that are connected to this process, and the pipeline that they share."""

import asyncio
import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from device.bell import first_of
from device.clock import Clock
from gateway.access import new_id
from gateway.config import GatewayConfig
from gateway.core.ids import Prefix
from gateway.core.tokens import own_key
from gateway.core.tunnel import Open
from gateway.devices import DeviceDesk
from gateway.errors import GatewayError, InvalidRequest
from gateway.model_phones import Phone
from gateway.phone.ends import CROWDED, RESTARTING, TAKEN_OVER, UNPAIRED, end_with, socket
from gateway.phone.pairing import PhoneDesk
from gateway.phone.tunnel import PING_S, Tunnel
from gateway.store import Store

if TYPE_CHECKING:
    from gateway.phone.channel import Channel
    from gateway.phone.claims import Claims
    from gateway.phone.pipeline import Pipeline, Uplink
    from gateway.phone.visits import Visit

logger = logging.getLogger(__name__)

MOST_TUNNELS = 256
REVOKED_S = 1.0
RESUME_S = 60.0
DRAIN_S = 5.0
FOLDER = "phone"
_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not listened on


class Tunnels:
    """Everything of phones that lives in this process. Light until the first phone comes."""

    def __init__(
        self,
        config: GatewayConfig,
        clock: Clock,
        store: Store,
        devices: DeviceDesk,
        phones: PhoneDesk,
    ) -> None:
        self._config = config
        self._clock = clock
        self._store = store
        self._devices = devices
        self._phones = phones
        self._live: dict[str, Tunnel] = {}
        self._pipeline: asyncio.Task[Pipeline] | None = None
        self._claims: Claims | None = None
        self._watching: asyncio.Task[None] | None = None
        self._resuming: asyncio.Task[None] | None = None
        self._draining = False
        self.ping_s = PING_S
        phones.on_revoked = self._revoked

    async def carry(self, request: web.Request, phone: Phone | None) -> web.WebSocketResponse:
        """Carry a phone's tunnel until it ends; None: one that is not paired."""
        ws = socket()
        await ws.prepare(request)
        if phone is None:
            await end_with(ws, UNPAIRED)
        elif self._draining:
            await end_with(ws, RESTARTING)
        elif len(self._live) >= MOST_TUNNELS and phone.id not in self._live:
            await end_with(ws, CROWDED)
        else:
            await self._carry(ws, phone, self._own_origin(request))
        return ws

    async def resume(self, origin: str) -> None:
        """Take up what an earlier process left on its way up, once this one can be called."""
        left = await asyncio.to_thread(_left_behind, self._config.data / FOLDER)
        if left and not await self._resumed(origin):
            self._resuming = asyncio.create_task(self._resume(origin), name="phone uploads resume")

    async def _resumed(self, origin: str) -> bool:
        try:
            await self._open(origin)
        except InvalidRequest as error:
            logger.error("What phones brought cannot go on", extra={"reason": str(error)})  # noqa: TRY400 - no bug of ours
            return False
        return True

    async def _resume(self, origin: str) -> None:
        """Try until the disk is well again: it may be long until a phone comes."""
        while not self._draining:
            await self._clock.sleep(RESUME_S)
            if await self._resumed(origin):
                return

    async def drain(self) -> None:
        """Ask the phones to come back later, and stop. Idempotent."""
        self._draining = True
        if self._resuming is not None:
            self._resuming.cancel()
            await asyncio.wait([self._resuming])
        for tunnel in self._live.values():
            tunnel.end(RESTARTING)
        await first_of(self._all_over(), self._clock.sleep(DRAIN_S))
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        opening, self._pipeline = self._pipeline, None
        if opening is not None:
            await asyncio.wait([opening])
            if opening.exception() is None:
                await opening.result().aclose()

    async def _carry(self, ws: web.WebSocketResponse, phone: Phone, origin: str) -> None:
        async def new_visit(opened: Open, tunnel: Tunnel) -> "tuple[Channel, Visit]":
            return await self._visit(opened, tunnel, origin)

        tunnel = Tunnel(ws, phone, self._clock, new_visit, ping_s=self.ping_s)
        older = self._live.get(phone.id)
        self._live[phone.id] = tunnel
        if older is not None:
            older.end(TAKEN_OVER)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch(), name="revoked phones")
        with suppress(GatewayError):
            await self._phones.seen(phone)
        try:
            await tunnel.run()
        finally:
            if self._live.get(phone.id) is tunnel:
                del self._live[phone.id]
        with suppress(GatewayError):
            await self._phones.seen(phone)

    async def _visit(self, opened: Open, tunnel: Tunnel, origin: str) -> "tuple[Channel, Visit]":
        from gateway.phone.channel import Channel  # noqa: PLC0415 - heavy, and seldom needed
        from gateway.phone.claims import Claims  # noqa: PLC0415 - as above
        from gateway.phone.visits import Visit  # noqa: PLC0415 - as above

        pipeline = await self._open(origin)
        if self._claims is None:
            self._claims = Claims()
        channel = Channel(opened, tunnel.call)
        visit = Visit(
            opened=opened,
            channel=channel,
            phone=tunnel.phone,
            id=new_id(Prefix.VISIT),
            pipeline=pipeline,
            claims=self._claims,
            store=self._store,
            clock=self._clock,
            alive=tunnel.alive,
            say=tunnel.say,
        )
        return channel, visit

    async def _open(self, origin: str) -> "Pipeline":
        """Give the pipeline, opened on first need.

        Raises:
            InvalidRequest: The disk does not let it, or the process is about to stop.
        """
        from device.errors import SpoolError  # noqa: PLC0415 - as below
        from gateway.phone.pipeline import Pipeline  # noqa: PLC0415 - heavy, and seldom needed
        from gateway.phone.words import DISK  # noqa: PLC0415 - as above

        if self._draining:
            raise InvalidRequest("The gateway restarts.")
        opening = self._pipeline
        if opening is None or (opening.done() and opening.exception() is not None):
            folder = self._config.data / FOLDER
            opening = self._pipeline = asyncio.create_task(
                Pipeline.open(folder, self._uplink(origin), self._clock), name="phone pipeline"
            )
        try:
            # A phone that leaves meanwhile must not leave a thread behind that holds the spool.
            return await asyncio.shield(opening)
        except SpoolError as error:
            logger.error("The spool of phones cannot be opened", extra={"reason": str(error)})  # noqa: TRY400 - no bug of ours
            raise InvalidRequest(DISK) from error

    def _uplink(self, origin: str) -> "Uplink":
        from device.config import CloudConfig  # noqa: PLC0415 - heavy, and seldom needed
        from device.token import token_source  # noqa: PLC0415 - as above
        from gateway.phone.pipeline import Uplink  # noqa: PLC0415 - as above
        from gateway.phone.registries import OwnRegistry, UpstreamRegistry  # noqa: PLC0415 - as above

        own = OwnRegistry(self._devices, self._store, self._clock)
        relay = self._config.relay
        if relay is None:
            public = self._config.public_url
            return Uplink(
                config=CloudConfig(api="bota", base_url=f"{origin}/v1", allow_http=True),
                token=lambda: own_key(self._config.secret),
                registry=lambda _transport, _spool: own,
                nearer=(public, origin) if public else None,
            )
        config = CloudConfig(
            api=relay.api,
            base_url=relay.url,
            token_file=relay.key_file.absolute(),
            allow_http=relay.url.startswith("http://"),
        )
        token = token_source(config, {})
        return Uplink(
            config=config,
            token=token,
            registry=lambda transport, spool: UpstreamRegistry(
                config, transport, self._clock, token, own=own, spool=spool
            ),
        )

    async def _watch(self) -> None:
        """Notice what other processes, and the command line, have revoked."""
        while self._live:
            await self._clock.sleep(REVOKED_S)
            try:
                revoked = await self._store.phones.revoked(list(self._live))
            except GatewayError as error:
                logger.warning("Nobody knows who is revoked", extra={"reason": str(error)})
                continue
            for phone_id in revoked:
                self._revoked(phone_id)

    def _revoked(self, phone_id: str) -> None:
        if (tunnel := self._live.get(phone_id)) is not None:
            tunnel.end(UNPAIRED)

    def _own_origin(self, request: web.Request) -> str:
        assert request.transport is not None  # noqa: S101 - it has just carried the request
        host, port = request.transport.get_extra_info("sockname")[:2]
        return own_origin(self._config.host, (host, port))

    async def _all_over(self) -> None:
        for tunnel in list(self._live.values()):
            await tunnel.over.after(0)


def _left_behind(folder: Path) -> bool:
    """Say whether an earlier run has made a spool here: something in it may wait to go up."""
    try:
        return any(each.name.isdecimal() for each in folder.iterdir())
    except OSError:
        return False


def own_origin(listening: str, came_to: tuple[str, int]) -> str:
    """Say how this process reaches itself, which it tells its own key.

    Args:
        listening: The host that it was told to listen on.
        came_to: Address and port that a phone came to.
    """
    host, port = came_to
    if listening in _ANY:
        # One that a phone came to can be moved to another machine, the key with it.
        host = "::1" if ":" in listening else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
