"""The connection to one Bota recorder: who it is, what it notifies, and whose recordings are."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

from device.clock import Clock
from device.core.bota_ble import uuids
from device.core.bota_ble.codes import BUSY_S
from device.core.bota_ble.listing import ENTRY_BYTES
from device.core.bota_ble.status import (
    Activity,
    DeviceStatus,
    StorageInfo,
    parse_status,
    parse_storage,
)
from device.core.bota_ble.time_sync import encode_time
from device.errors import (
    FieldpostError,
    LinkLost,
    LinkUnavailable,
    ProtocolViolation,
    RecorderBusy,
)
from device.links import bluetooth_errors
from device.links.connection import Connection

logger = logging.getLogger(__name__)

NEEDED = (
    uuids.SERIAL,
    uuids.DEVICE_STATUS,
    uuids.STORAGE_INFO,
    uuids.RECORDING_LIST,
    uuids.RECORDING_TRANSFER,
    uuids.TRANSFER_CONTROL,
)
"""What a device must offer to be taken for such a recorder."""

PLAUSIBLE = datetime(2025, 1, 1, tzinfo=UTC)
"""Our own clock is wrong before this, and then sets nobody else's."""

MTU_S = 2.0
MTU_STEP_S = 0.1
"""On some hosts the MTU grows only after the connection is there."""

MAX_WAITING = 1 << 13
"""Notifications held for a reader that is busy: what comes beyond is lost, and replayed."""

MAX_NAME = 64


class Inbox:
    """Notifications of one characteristic that nobody has looked at yet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        connection.when_lost(self._arrived.set)

    def put(self, value: bytes) -> None:
        """Take a notification; too many are thrown away, which the protocol notices."""
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(value)
        self._arrived.set()

    def clear(self) -> None:
        """Forget what came."""
        self._waiting.clear()

    async def next(self, wait_s: float | None) -> bytes | None:
        """Return the next notification; None if none comes in time. What came before a loss counts.

        Raises:
            LinkLost: The connection is gone.
        """
        try:
            async with asyncio.timeout(wait_s):
                while not self._waiting:
                    if self._connection.lost is not None:
                        raise bluetooth_errors.gone(self._connection.lost)
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            if not self._waiting:  # it may have come in the very moment
                return None
        return self._waiting.popleft()


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """Whether a recording is being made, and which one where the recorder tells it."""

    recording: bool
    file_id: bytes | None = None


class Session:
    """An open recorder. One radio transaction at a time: callers hold `turn`."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        """Take over a connection; `open_session` makes the session usable."""
        self.connection = connection
        self.clock = clock
        self.turn = asyncio.Lock()
        self.listed = Inbox(connection)
        self.packets = Inbox(connection)
        self.statuses = Inbox(connection)
        self.serial = ""

    async def greet(self) -> None:
        """Do what the maker's own app does on connecting, and learn who this is.

        Raises:
            LinkUnavailable: It wants to be paired.
            LinkLost: It went away.
            ProtocolViolation: It is no recorder that can be told from others, or no entry of its
                listing fits through the connection.
        """
        connection = self.connection
        await self.set_clock()
        await self.identify()
        waited_s = 0.0
        while connection.value_bytes(uuids.RECORDING_LIST) < ENTRY_BYTES:
            if waited_s >= MTU_S:
                raise ProtocolViolation("the connection's MTU is below 27: no listing fits")
            await self.clock.sleep(MTU_STEP_S)
            waited_s += MTU_STEP_S
        # First all ears, then the first command: what is not subscribed is never told.
        await connection.subscribe(uuids.RECORDING_LIST, self.listed.put)
        await connection.subscribe(uuids.RECORDING_TRANSFER, self.packets.put)
        try:
            await connection.subscribe(uuids.DEVICE_STATUS, self.statuses.put)
        except LinkUnavailable as error:  # news then comes only by looking again
            logger.info("The recorder announces no changes", extra={"problem": str(error)})

    async def identify(self) -> None:
        """Learn who this is.

        Raises:
            LinkLost: It went away.
            ProtocolViolation: It is no recorder that can be told from others.
        """
        told = await self.connection.read(uuids.SERIAL)
        serial = told.rstrip(b"\0").decode(errors="replace")
        if not serial.isascii() or not serial.isalnum() or len(serial) > MAX_NAME:
            raise ProtocolViolation("the recorder has no usable serial number")
        self.serial = serial

    async def command(self, value: bytes) -> None:
        """Write to TRANSFER_CONTROL.

        Raises:
            LinkLost: It went away, or refuses.
        """
        await self.connection.write(uuids.TRANSFER_CONTROL, value, answered=True)

    async def owned(self) -> DeviceStatus:
        """Read the status anew, and see that the recordings may be taken.

        Raises:
            RecorderBusy: The recorder uploads by itself, or does not say that it does not.
            LinkLost: It went away.
        """
        try:
            status = parse_status(await self.connection.read(uuids.DEVICE_STATUS))
        except (LinkLost, ProtocolViolation) as error:
            self._require(error)
            raise RecorderBusy(
                "the recorder does not say whether it is uploading by itself", retry_after_s=BUSY_S
            ) from error
        if status.sync_active:
            raise RecorderBusy(
                "the recorder is uploading by itself, over its own network", retry_after_s=BUSY_S
            )
        return status

    async def storage(self) -> StorageInfo:
        """Read how much it holds.

        Raises:
            LinkLost: It went away.
            ProtocolViolation: It does not say.
        """
        return parse_storage(await self.connection.read(uuids.STORAGE_INFO))

    async def making(self) -> Making:
        """Tell what is being recorded, where the recordings may be taken at all.

        Raises:
            RecorderBusy: See `owned`.
            LinkLost: It went away.
        """
        status = await self.owned()
        # The state is one of many at a time: a recorder that charges may be recording as well.
        told = await self.text(uuids.RECORDING_STATUS)
        if told is not None and len(told) == LIVE_BYTES and told[0]:
            return Making(recording=True, file_id=told[ID_AT])
        return Making(recording=status.activity is Activity.RECORDING)

    async def text(self, characteristic: str) -> bytes | None:
        """Read what is good to know and not needed; None where it cannot be read.

        Raises:
            LinkLost: It went away.
        """
        if not self.connection.offers(characteristic):
            return None
        try:
            return await self.connection.read(characteristic)
        except LinkLost as error:
            self._require(error)
            return None

    async def set_clock(self) -> bool:
        """Set the recorder's clock, best effort: it has no other source and cannot be read.

        Returns:
            Whether it was set.

        Raises:
            LinkLost: It went away.
        """
        now = self.clock.now()
        if now < PLAUSIBLE or not self.connection.offers(uuids.TIME_SYNC):
            return False
        try:
            await self.connection.write(uuids.TIME_SYNC, encode_time(now))
        except LinkLost as error:
            self._require(error)
            logger.warning("The recorder's clock cannot be set", extra={"problem": str(error)})
            return False
        return True

    def _require(self, error: FieldpostError) -> None:
        """Pass a refusal of the device; raise again what is the end of the connection."""
        if self.connection.lost is not None:
            raise error


LIVE_BYTES = 18
ID_AT = slice(2, 6)
"""RECORDING_STATUS in the form that names a recording: active, by whom, id (§5.5)."""
