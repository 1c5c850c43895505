"""Channel: the GATT connection of one recorder, through a phone; what drivers call a connection."""

import asyncio
import hashlib
import itertools
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from device.core.bota_ble import uuids
from device.errors import LinkLost, LinkReason, LinkUnavailable, ProtocolViolation
from device.links import bluetooth_errors
from gateway.core.tunnel import MAX_VALUE_BYTES, MIN_VALUE_BYTES, Call, Kind, Open

if TYPE_CHECKING:
    from collections.abc import Iterator

CALL_S = 15.0
"""For one call, the phone's own network included."""

BOTA_VALUE_BYTES = 24
"""What a Bota recorder needs, and asks its hosts for by itself: a listing is read by it, and where
the connection carries less, its entries come cut short and are refused."""

_KEY_BYTES = 64
_DIGEST_HEX = 24
_SILENT = "the phone does not answer"


class Channel:
    """See `device.drivers.bota_session.Connection`. Every call ends with it, or at its deadline."""

    def __init__(self, opened: Open, send: Callable[[Call], None]) -> None:
        """Take over what a phone opened; `send` queues a call for it and never blocks."""
        self._loop = asyncio.get_running_loop()
        self._number = opened.channel
        self._where = opened.name or "the recorder"
        self._send = send
        self._indexes: dict[str, int] = {}
        self._quick: set[int] = set()
        for at, each in enumerate(opened.characteristics):
            if self._indexes.setdefault(each.uuid, at) == at and (
                "write-without-response" in each.properties
            ):
                self._quick.add(at)
        self._value_bytes = BOTA_VALUE_BYTES if opened.kind == "bota" else MIN_VALUE_BYTES
        self._calls = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._heard: dict[int, Callable[[bytes], None]] = {}
        self._on_lost: list[Callable[[], None]] = []
        self._lost: str | None = None

    @property
    def lost(self) -> str | None:
        """See `Connection.lost`."""
        return self._lost

    def when_lost(self, tell: Callable[[], None]) -> None:
        """See `Connection.when_lost`."""
        if self._lost is not None:
            tell()
        else:
            self._on_lost.append(tell)

    def offers(self, *characteristics: str) -> bool:
        """See `Connection.offers`."""
        return all(self._source(each) in self._indexes for each in characteristics)

    def value_bytes(self, characteristic: str) -> int:
        """See `Connection.value_bytes`: no browser tells, so it is what was seen to pass."""
        del characteristic
        return self._value_bytes

    async def read(self, characteristic: str) -> bytes:
        """See `Connection.read`.

        Raises:
            ProtocolViolation: The serial number stands for a key that the recorder does not have.
        """
        source = self._source(characteristic)
        value = await self._call(Kind.READ, self._at(source))
        return value if source == characteristic else _serial_of(value)

    async def write(self, characteristic: str, value: bytes, *, answered: bool = False) -> None:
        """See `Connection.write`."""
        at = self._at(characteristic)
        quick = not answered and at in self._quick
        await self._call(Kind.SEND if quick else Kind.WRITE, at, value)

    async def subscribe(self, characteristic: str, notified: Callable[[bytes], None]) -> None:
        """See `Connection.subscribe`.

        Raises:
            LinkUnavailable: The recorder refuses; it wants to be paired, most likely.
            LinkLost: The connection is gone, or the phone does not answer.
        """
        at = self._at(characteristic)
        self._heard[at] = notified
        try:
            await self._call(Kind.SUBSCRIBE, at)
        except LinkLost as error:
            cause = error.__cause__
            if self._lost is not None or cause is None:
                raise
            raise LinkUnavailable(
                f"{self._where} refuses to tell news ({cause})",
                reason=LinkReason.NOT_PAIRED,
                hint="pair the recorder with the phone in the phone's Bluetooth settings",
            ) from error

    async def aclose(self) -> None:
        """See `Connection.aclose`. The phone is told by whoever opened the channel."""
        self.lose("closed here")

    def succeeded(self, call: int, value: bytes) -> None:
        """Take the phone's answer to a call; one that nobody waits for is too late."""
        future = self._waiting.get(call)
        if future is not None and not future.done():
            future.set_result(value)

    def failed(self, call: int, error: str, message: str) -> None:
        """Take it that a call failed, in the browser's words."""
        future = self._waiting.get(call)
        if future is None or future.done():
            return
        cause = OSError(f"{message or error}")
        told = LinkLost(f"{self._where}: {message or error}", hint=bluetooth_errors.LOST_HINT)
        told.__cause__ = cause
        future.set_exception(told)

    def notified(self, at: int, value: bytes) -> None:
        """Take a notification."""
        if self._lost is not None:
            return
        self._value_bytes = max(self._value_bytes, min(len(value), MAX_VALUE_BYTES))
        if (heard := self._heard.get(at)) is not None:
            heard(value)

    def lose(self, why: str) -> None:
        """End the connection; the first reason counts."""
        if self._lost is not None:
            return
        self._lost = f"{self._where}: the Bluetooth connection is gone ({why})"
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(bluetooth_errors.gone(self._lost))
        for tell in self._on_lost:
            tell()
        self._on_lost.clear()

    def _source(self, characteristic: str) -> str:
        """Say what is read for it: browsers keep a serial number from pages, and not the key."""
        hidden = characteristic == uuids.SERIAL and characteristic not in self._indexes
        return uuids.DEVICE_KEY if hidden else characteristic

    def _at(self, characteristic: str) -> int:
        if self._lost is not None:
            raise bluetooth_errors.gone(self._lost)
        at = self._indexes.get(characteristic)
        if at is None:
            raise bluetooth_errors.gone(f"{self._where} has no {characteristic}")
        return at

    async def _call(self, kind: Kind, at: int, value: bytes = b"") -> bytes:
        with self._answer() as (call, future):
            self._send(
                Call(kind=kind, channel=self._number, call=call, characteristic=at, value=value)
            )
            try:
                async with asyncio.timeout(CALL_S):
                    return await future
            except TimeoutError as error:
                self.lose(_SILENT)
                raise bluetooth_errors.gone(self._lost or _SILENT) from error

    @contextmanager
    def _answer(self) -> "Iterator[tuple[int, asyncio.Future[bytes]]]":
        call = next(self._calls)
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting[call] = future
        try:
            yield call, future
        finally:
            del self._waiting[call]
            if future.done() and not future.cancelled():
                future.exception()  # nobody may have waited long enough to fetch it


def _serial_of(key: bytes) -> bytes:
    """Make what tells a recorder from others of its public key: the same through every phone."""
    if len(key) != _KEY_BYTES:
        raise ProtocolViolation("through a phone the recorder cannot be told from others")
    return b"PK" + hashlib.sha256(key).hexdigest()[:_DIGEST_HEX].upper().encode()
