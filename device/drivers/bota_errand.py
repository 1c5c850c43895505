"""A short visit to a Bota recorder for something other than its recordings."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from device.clock import Clock
from device.core.bota_ble import uuids
from device.drivers.bota_session import Session
from device.errors import LinkLost, LinkReason, LinkUnavailable, ProtocolViolation
from device.links import bluetooth_errors
from device.links.bluetooth_place import Place
from device.links.connection import Connection
from device.links.gatt import open_gatt

AGENT_HINT = (
    "bring it nearer, and end its other connection: the agent's (systemctl stop fieldpost), a"
    " phone's, or what a dead program left (bluetoothctl disconnect)"
)
OTHER_HINT = "fieldpost scan --ble shows which are: their driver is bota"
AGAIN_HINT = "bring the recorder nearer, then run the same command again"


@asynccontextmanager
async def errand(place: Place, clock: Clock) -> AsyncIterator[Session]:
    """Find the recorder, connect, and learn who it is; the connection ends with the block.

    Raises:
        LinkUnavailable: It cannot be reached, is not paired, or is no such recorder.
        LinkLost: It went away.
        ProtocolViolation: What answers is no use.
    """
    try:
        connection = await open_gatt(place, uuids.SERIAL, uuids.DEVICE_STATUS, recovers=False)
    except LinkUnavailable as error:
        match error.reason:
            case LinkReason.NOT_FOUND:
                raise LinkUnavailable(str(error), reason=error.reason, hint=AGENT_HINT) from error
            case LinkReason.NOT_A_DEVICE:
                told = f"ble://{place.target}: this is no Bota recorder"
                raise LinkUnavailable(told, reason=error.reason, hint=OTHER_HINT) from error
            case _:
                raise
    async with errand_on(connection, clock) as session:
        yield session


@asynccontextmanager
async def errand_on(connection: Connection, clock: Clock) -> AsyncIterator[Session]:
    """Do the same on an open connection."""
    try:
        session = Session(connection, clock)
        with refusals(connection, "to say who it is"):
            await session.identify()
        async with session.turn:
            yield session
    except LinkLost as error:
        if error.hint not in (LinkLost.hint, bluetooth_errors.LOST_HINT):
            raise
        raise LinkLost(str(error), hint=AGAIN_HINT) from error  # there is no pull that goes on
    finally:
        await connection.aclose()


@contextmanager
def refusals(connection: Connection, what: str) -> Iterator[None]:
    """Tell a refusal by what the recorder refuses: `LinkLost` is only for the connection's end.

    Raises:
        LinkUnavailable: It wants to be paired first.
        ProtocolViolation: It refuses for another reason.
    """
    try:
        yield
    except LinkLost as error:
        cause = error.__cause__
        if connection.lost is not None or not isinstance(cause, Exception):
            raise
        if isinstance(cause, TimeoutError):  # nobody answered: that is no refusal
            raise
        told = bluetooth_errors.unavailable(cause, "the recorder")
        if told.reason is LinkReason.NOT_PAIRED:
            raise told from error
        raise ProtocolViolation(f"the recorder refuses {what} ({cause})") from error


def require(session: Session, characteristic: str, what: str) -> None:
    """See that the recorder has a characteristic.

    Raises:
        ProtocolViolation: It has not; `what` says what cannot be done.
    """
    if not session.connection.offers(characteristic):
        raise ProtocolViolation(
            f"recorder {session.serial} {what}: its firmware has nothing for it",
            hint="update the recorder's firmware with its maker's app",
        )
