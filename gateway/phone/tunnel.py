"""Tunnel: one WebSocket of one phone: its first word, its channels, its end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from aiohttp import WSMsgType, web

from device.bell import Bell, first_of
from device.clock import Clock
from gateway.core.tunnel import (
    VERSION,
    Bye,
    Call,
    Close,
    Failed,
    Hello,
    Lost,
    Notified,
    Open,
    Refused,
    Spoken,
    Standing,
    Succeeded,
    Told,
    Welcome,
    encode_call,
    encode_text,
    parse_binary,
    parse_text,
)
from gateway.errors import InvalidRequest
from gateway.model_phones import Phone
from gateway.phone.ends import CLOGGED, GARBLED, NORMAL, OUTDATED, SEND_S, end_with

if TYPE_CHECKING:
    from gateway.phone.channel import Channel
    from gateway.phone.visits import Visit

logger = logging.getLogger(__name__)

PING_S = 20.0
UNANSWERED = 2
MOST_CHANNELS = 8
MOST_VISITS = 32
"""Of one tunnel, those included whose recorder has left and whose recordings still go up."""
MOST_WAITING = 256
HELLO_S = 15.0

_MANY = "Too many recorders at once: finish some first."
_TWICE = "The page used a channel twice: load it anew."

NewVisit = Callable[[Open, "Tunnel"], Awaitable["tuple[Channel, Visit]"]]


class Tunnel:
    """A phone's tunnel. `end` may be called at any time, any number of times."""

    def __init__(
        self,
        ws: web.WebSocketResponse,
        phone: Phone,
        clock: Clock,
        new_visit: NewVisit,
        *,
        ping_s: float = PING_S,
    ) -> None:
        """Take over a prepared WebSocket; `new_visit` may fail as the disk does."""
        self.phone = phone
        self.over = Bell()
        self._ws = ws
        self._clock = clock
        self._new_visit = new_visit
        self._ping_s = ping_s
        self._waiting: asyncio.Queue[Call | Told | _Key] = asyncio.Queue(MOST_WAITING)
        self._standings: dict[_Key, Standing] = {}
        self._channels: dict[int, Channel | None] = {}
        """Those that are open; None while a visit is being made."""
        self._used: set[int] = set()
        self._visits: set[asyncio.Task[None]] = set()
        self._unanswered = 0
        self._ending = Bell()
        self._code: int | None = None

    def alive(self) -> bool:
        """Say whether the phone was heard of lately."""
        return self._code is None and self._unanswered < UNANSWERED

    def end(self, code: int) -> None:
        """End it; the first reason counts."""
        if self._code is None:
            self._code = code
            self._ending.ring()

    async def run(self) -> None:
        """Carry until either side ends it."""
        try:
            if await self._greeted():
                await self._carry()
        finally:
            self.end(NORMAL)
            await end_with(self._ws, self._code or NORMAL)
            self.over.ring()

    def call(self, call: Call) -> None:
        """Queue a call; a phone that does not take them loses the tunnel."""
        self._queue(call)

    def say(self, told: Standing | Close) -> None:
        """Say something of a channel; of one that is not open any more it is left out."""
        if self._code is not None:
            return
        match told:
            case Close():
                if self._channels.pop(told.channel, None) is not None:
                    self._queue(told)
            case Standing():
                if told.channel is not None and told.channel not in self._channels:
                    return
                key = _Key(told.channel, told.recorder)
                waits = key in self._standings
                self._standings[key] = told
                if not waits:
                    self._queue(key)
            case _:
                assert_never(told)

    async def _greeted(self) -> bool:
        try:
            async with asyncio.timeout(HELLO_S):
                first = await self._ws.receive()
                if first.type is not WSMsgType.TEXT:
                    return False
                said = parse_text(first.data)
                if not isinstance(said, Hello):
                    self.end(GARBLED)
                elif said.version != VERSION:
                    self.end(OUTDATED)
                elif self._code is None:
                    welcome = Welcome(ping_s=self._ping_s, phone=self.phone.name)
                    await self._ws.send_str(encode_text(welcome))
        except InvalidRequest:
            self.end(GARBLED)
        except (ConnectionError, TimeoutError):
            return False
        return self._code is None

    async def _carry(self) -> None:
        async with asyncio.TaskGroup() as group:
            try:
                await first_of(
                    self._read(group), self._write(), self._ping(), self._ending.after(0)
                )
            finally:
                self.end(NORMAL)
                for channel in self._channels.values():
                    if channel is not None:
                        channel.lose("the phone is gone")
                for task in self._visits:
                    task.cancel()

    async def _read(self, group: asyncio.TaskGroup) -> None:
        while True:
            got = await self._ws.receive()  # for ever: pings find out who is gone
            self._unanswered = 0
            try:
                match got.type:
                    case WSMsgType.TEXT:
                        self._said(parse_text(got.data), group)
                    case WSMsgType.BINARY:
                        self._carried(parse_binary(got.data))
                    case WSMsgType.PING:
                        await self._sent(self._ws.pong(got.data))
                    case WSMsgType.PONG:
                        pass
                    case _:
                        return
            except InvalidRequest as error:
                logger.info(
                    "A phone's frame cannot be read",
                    extra={"phone_id": self.phone.id, "reason": str(error)},
                )
                self.end(GARBLED)
                return

    def _said(self, said: Spoken, group: asyncio.TaskGroup) -> None:
        match said:
            case Open():
                self._open(said, group)
            case Lost():
                channel = self._channels.pop(said.channel, None)
                if channel is not None:
                    channel.lose(said.reason or "out of reach")
            case Failed():
                channel = self._channels.get(said.channel)
                if channel is not None:
                    channel.failed(said.call, said.error, said.message)
            case Bye():
                self.end(NORMAL)
            case Hello():
                raise InvalidRequest("a second hello")
            case _:
                assert_never(said)

    def _carried(self, frame: Succeeded | Notified) -> None:
        channel = self._channels.get(frame.channel)
        if channel is None:
            return
        match frame:
            case Succeeded():
                channel.succeeded(frame.call, frame.value)
            case Notified():
                channel.notified(frame.characteristic, frame.value)
            case _:
                assert_never(frame)

    def _open(self, opened: Open, group: asyncio.TaskGroup) -> None:
        if opened.channel in self._used:
            self._queue(Refused(channel=opened.channel, message=_TWICE))
            return
        self._used.add(opened.channel)
        if len(self._channels) >= MOST_CHANNELS or len(self._visits) >= MOST_VISITS:
            self._queue(Refused(channel=opened.channel, message=_MANY))
            return
        self._channels[opened.channel] = None
        task = group.create_task(self._visit(opened), name=f"visit {self.phone.id}")
        self._visits.add(task)
        task.add_done_callback(self._visits.discard)

    async def _visit(self, opened: Open) -> None:
        try:
            channel, visit = await self._new_visit(opened, self)
        except InvalidRequest as error:
            self._channels.pop(opened.channel, None)  # it may be lost meanwhile
            self._queue(Refused(channel=opened.channel, message=str(error)))
            return
        if opened.channel not in self._channels:  # lost meanwhile
            channel.lose("out of reach")
        else:
            self._channels[opened.channel] = channel
        try:
            await visit.run()
        finally:
            self._channels.pop(opened.channel, None)
            visit.close()

    async def _write(self) -> None:
        while True:
            next_ = await self._waiting.get()
            match next_:
                case Call():
                    sending = self._ws.send_bytes(encode_call(next_))
                case _Key():
                    sending = self._ws.send_str(encode_text(self._standings.pop(next_)))
                case _:
                    sending = self._ws.send_str(encode_text(next_))
            if not await self._sent(sending):
                return

    async def _ping(self) -> None:
        while self._unanswered < UNANSWERED:
            self._unanswered += 1
            if not await self._sent(self._ws.ping()):
                return
            await self._clock.sleep(self._ping_s)
        logger.info("A phone does not answer any more", extra={"phone_id": self.phone.id})

    async def _sent(self, sending: Awaitable[None]) -> bool:
        try:
            async with asyncio.timeout(SEND_S):
                await sending
        except ConnectionError:
            return False
        except TimeoutError:
            self.end(CLOGGED)
            return False
        return True

    def _queue(self, what: "Call | Told | _Key") -> None:
        try:
            self._waiting.put_nowait(what)
        except asyncio.QueueFull:
            self.end(CLOGGED)


@dataclass(frozen=True, slots=True)
class _Key:
    """Which standing: of which channel and recorder."""

    channel: int | None
    recorder: str
