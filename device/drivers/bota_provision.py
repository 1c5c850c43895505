"""Put a device token into a Bota recorder over Bluetooth, and learn what came of it (§5.3)."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from device.core.bota_ble import uuids
from device.core.bota_ble.advertisement import Pairing
from device.core.bota_ble.provisioning import Result, check_result, token_chunks
from device.drivers.bota_errand import AGAIN_HINT, refusals, require
from device.drivers.bota_session import Inbox, Session
from device.errors import LinkLost, ProtocolViolation
from device.links.connection import Connection

logger = logging.getLogger(__name__)

RESULT_S = 30.0
"""The most that one of the maker's own SDKs waits."""

ENDPOINT = b"\x01"
"""Production by the maker's newest papers; today's firmware ignores it."""

ATT_HEADER_BYTES = 3

_SEE = "run the same command again: a recorder that took the token says that it has one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """A recorder that has taken its token."""

    serial: str
    clock_set: bool


async def provision(session: Session, token: str) -> Provisioned:
    """Write a token to a recorder that has none. The caller holds the session's turn.

    Safe to run again, whatever came of it: a recorder forgets a part of a token with the
    connection, and one that has a token is not written to.

    Raises:
        RecorderRefused: It has a token already, or does not take this one; `wire_code` is its
            result.
        LinkUnavailable: It wants to be paired.
        LinkLost: It went away; the sentence says how far the token had come.
        ProtocolViolation: It does not answer, or makes no sense.
    """
    connection = session.connection
    results = Inbox(connection)
    with _lost("the recorder was told no part of the token", AGAIN_HINT):
        await _prepare(session, results)
        *chunks, last = _chunks(connection, token)
    with _unlogged():
        with _lost("the recorder was told only a part of the token", AGAIN_HINT):
            for chunk in chunks:
                await _write(connection, chunk)
                await _complaint(results)
        with _lost("whether the recorder took the token is not known", _SEE):
            await _write_last(connection, last)
            await _taken(session, results)
    return Provisioned(serial=session.serial, clock_set=await _set_clock(session))


async def _prepare(session: Session, results: Inbox) -> None:
    connection = session.connection
    what = "cannot be given a token"
    require(session, uuids.DEVICE_TOKEN, what)
    require(session, uuids.PROVISIONING_RESULT, what)
    if await _pairing(session) is Pairing.PAIRED:
        check_result(bytes((Result.ALREADY_PAIRED,)))
    await connection.subscribe(uuids.PROVISIONING_RESULT, results.put)
    if connection.offers(uuids.API_ENDPOINT):
        try:
            await connection.write(uuids.API_ENDPOINT, ENDPOINT, answered=True)
        except LinkLost as error:
            if connection.lost is not None:
                raise
            logger.info("The recorder takes no endpoint", extra={"problem": str(error)})
    results.clear()  # of what was not about this token


def _chunks(connection: Connection, token: str) -> list[bytes]:
    try:
        return token_chunks(token, connection.value_bytes(uuids.DEVICE_TOKEN) + ATT_HEADER_BYTES)
    except ValueError as error:
        raise ProtocolViolation(str(error)) from error


async def _write(connection: Connection, chunk: bytes) -> None:
    with refusals(connection, "to be told a token"):
        await connection.write(uuids.DEVICE_TOKEN, chunk, answered=True)


async def _write_last(connection: Connection, chunk: bytes) -> None:
    """Write what makes the token whole; the result may come before the connection's end."""
    try:
        await _write(connection, chunk)
    except LinkLost:
        if connection.lost is None:
            raise


async def _complaint(results: Inbox) -> None:
    """See that nothing was said about a token that is not whole yet."""
    early = await results.next(0)
    if early is not None:
        check_result(early)
        raise ProtocolViolation("the recorder took the token before it was told all of it")


async def _taken(session: Session, results: Inbox) -> None:
    result = await results.next(RESULT_S)
    if result is not None:
        check_result(result)
    elif await _pairing(session) is not Pairing.PAIRED:  # the answer alone may have been lost
        raise ProtocolViolation(
            f"the recorder did not say in {RESULT_S:.0f} s whether it took the token", hint=_SEE
        )


async def _pairing(session: Session) -> Pairing | None:
    """Ask whether it has a token; None where it does not tell."""
    value = await session.text(uuids.PAIRING_STATE)
    return Pairing(value[0]) if value else None


async def _set_clock(session: Session) -> bool:
    """Set the clock, as far as that goes: the token is taken whatever comes of this."""
    try:
        return await session.set_clock()
    except LinkLost as error:
        logger.info("The recorder went before its clock was set", extra={"problem": str(error)})
        return False


@contextmanager
def _lost(how_far: str, hint: str) -> Iterator[None]:
    try:
        yield
    except LinkLost as error:
        raise LinkLost(f"{error}; {how_far}", hint=hint) from error


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep the token out of logs: bleak, when debugged, tells what it writes.

    The redactor knows a token by its beginning, and so not the later chunks of one.
    """
    library = logging.getLogger("bleak")
    before = library.level
    library.setLevel(max(logging.INFO, library.getEffectiveLevel()))
    try:
        yield
    finally:
        library.setLevel(before)
