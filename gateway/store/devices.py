"""Devices and their tokens over SQLAlchemy Core (see `gateway.store.callers.Devices`)."""

import dataclasses
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from gateway.errors import DeviceAlreadyBound, NotFound, Unauthorized
from gateway.model import Device, DeviceToken, Intent
from gateway.model_events import EventType
from gateway.store import Made, event_data
from gateway.store.database import Database
from gateway.store.events import SqlEvents, note_event
from gateway.store.intents import claim
from gateway.store.remembered import Remembered
from gateway.store.schema import device_tokens, devices, enrol_codes

# Asked for all day long: to build a statement takes longer than to run it.
_DEVICE = select(devices).where(devices.c.id == bindparam("wanted"))
_TOKEN = select(device_tokens).where(device_tokens.c.token_hash == bindparam("wanted"))


class SqlDevices:
    """Devices and tokens in a database."""

    def __init__(self, database: Database, events: SqlEvents) -> None:
        self._database = database
        self._bell = events.bell
        self._remembered: Remembered[DeviceToken] = Remembered()

    async def create(self, device: Device) -> Made[Device]:
        """See `Devices.create`."""
        return await self._database.writing_of(device.serial_number, _create, device)

    async def device(self, device_id: str) -> Device | None:
        """See `Devices.device`."""
        return await self._database.asking(_device, device_id)

    async def by_serial(self, serial_number: str) -> Device | None:
        """See `Devices.by_serial`."""
        return await self._database.asking(_by_serial, serial_number)

    async def all(self) -> list[Device]:
        """See `Devices.all`."""
        return await self._database.reading(_all)

    async def page(self, limit: int, offset: int) -> list[Device]:
        """See `Devices.page`."""
        return await self._database.reading(_page, limit, offset)

    async def bind(
        self, device_id: str, end_user_id: str, token: DeviceToken, intent: Intent | None
    ) -> Made[Device]:
        """See `Devices.bind`."""
        with self._remembered.changing():
            made = await self._database.writing_of(
                device_id, _bind, device_id, end_user_id, token, intent
            )
        self._bell.ring()
        return made

    async def unbind(self, device_id: str, at: datetime) -> Device:
        """See `Devices.unbind`."""
        with self._remembered.changing():
            freed = await self._database.writing_of(device_id, _unbind, device_id, at)
        self._bell.ring()
        return freed

    async def token(self, token_hash: str) -> DeviceToken | None:
        """See `Devices.token`."""
        return await self._remembered.get(
            token_hash, lambda: self._database.asking(_token, token_hash)
        )

    async def issue(self, token: DeviceToken) -> None:
        """See `Devices.issue`."""
        with self._remembered.changing():
            await self._database.writing_of(token.device_id, _only_token, token)

    async def succeed(self, parent: DeviceToken, token: DeviceToken) -> None:
        """See `Devices.succeed`."""
        with self._remembered.changing():
            await self._database.writing_of(parent.device_id, _succeed, parent, token)

    async def used(self, token: DeviceToken, at: datetime) -> None:
        """See `Devices.used`."""
        with self._remembered.changing():
            await self._database.writing_of(token.device_id, _used, token, at)

    async def revoke(self, device_id: str, at: datetime) -> int:
        """See `Devices.revoke`."""
        with self._remembered.changing():
            return await self._database.writing_of(device_id, _revoke, device_id, at)


def _create(connection: Connection, device: Device) -> Made[Device]:
    known = _by_serial(connection, device.serial_number)
    if known is not None:
        return Made(known, replayed=True)
    connection.execute(insert(devices).values(**dataclasses.asdict(device)))
    return Made(device, replayed=False)


def _by_serial(connection: Connection, serial_number: str) -> Device | None:
    query = select(devices).where(devices.c.serial_number == serial_number)
    row = connection.execute(query).one_or_none()
    return None if row is None else to_device(row)


def _all(connection: Connection) -> list[Device]:
    rows = connection.execute(select(devices).order_by(devices.c.seq)).all()
    return [to_device(row) for row in rows]


def _page(connection: Connection, limit: int, offset: int) -> list[Device]:
    query = select(devices).order_by(devices.c.seq).limit(limit).offset(offset)
    return [to_device(row) for row in connection.execute(query).all()]


def _bind(
    connection: Connection,
    device_id: str,
    end_user_id: str,
    token: DeviceToken,
    intent: Intent | None,
) -> Made[Device]:
    if intent is not None and claim(connection, intent, token.id):
        return Made(known_device(connection, device_id), replayed=True)
    bound = connection.execute(
        update(devices)
        .where(devices.c.id == device_id, devices.c.end_user_id.is_(None))
        .values(
            end_user_id=end_user_id,
            binding_generation=devices.c.binding_generation + 1,
            updated_at=token.created_at,
        )
    )
    if bound.rowcount == 0:
        raise DeviceAlreadyBound("the device is bound; unbind it first")
    _only_token(connection, token)
    device = known_device(connection, device_id)
    note_event(
        connection,
        EventType.DEVICE_BOUND,
        data=event_data.device(device, end_user_id, token.created_at),
        at=token.created_at,
        device_id=device_id,
    )
    return Made(device, replayed=False)


def _unbind(connection: Connection, device_id: str, at: datetime) -> Device:
    bound = known_device(connection, device_id)
    freed = connection.execute(
        update(devices)
        .where(devices.c.id == device_id, devices.c.end_user_id.is_not(None))
        .values(end_user_id=None, updated_at=at)
    )
    if freed.rowcount:
        _revoke(connection, device_id, at)
        note_event(
            connection,
            EventType.DEVICE_UNBOUND,
            data=event_data.device(bound, bound.end_user_id, at),
            at=at,
            device_id=device_id,
        )
    return known_device(connection, device_id)


def _token(connection: Connection, token_hash: str) -> DeviceToken | None:
    row = connection.execute(_TOKEN, {"wanted": token_hash}).one_or_none()
    return None if row is None else DeviceToken(**row._mapping)  # noqa: SLF001 - documented


def _succeed(connection: Connection, parent: DeviceToken, token: DeviceToken) -> None:
    good = connection.execute(
        update(device_tokens)
        .where(device_tokens.c.id == parent.id, device_tokens.c.revoked_at.is_(None))
        .values(replaced_at=func.coalesce(device_tokens.c.replaced_at, token.created_at))
    )
    if good.rowcount == 0:
        # Revoked since it was looked at: its successor would outlive the revocation.
        raise Unauthorized("the credential is not valid")
    known = select(device_tokens.c.id).where(device_tokens.c.parent_id == parent.id)
    if connection.execute(known).first() is None:
        connection.execute(insert(device_tokens).values(**dataclasses.asdict(token)))
    else:
        # Its text is derived from the gateway's secret: after that was exchanged, the text that
        # goes out now is the one that must be let in.
        connection.execute(
            update(device_tokens)
            .where(
                device_tokens.c.parent_id == parent.id,
                device_tokens.c.first_used_at.is_(None),
            )
            .values(token_hash=token.token_hash)
        )


def _used(connection: Connection, token: DeviceToken, at: datetime) -> None:
    connection.execute(
        update(device_tokens)
        .where(device_tokens.c.id == token.id, device_tokens.c.first_used_at.is_(None))
        .values(first_used_at=at)
    )
    if token.parent_id is not None:
        connection.execute(
            update(device_tokens)
            .where(device_tokens.c.id == token.parent_id, device_tokens.c.revoked_at.is_(None))
            .values(revoked_at=at)
        )
    # Whoever was enrolled has its token now: what the device had until then ends.
    connection.execute(
        update(device_tokens)
        .where(
            device_tokens.c.device_id == token.device_id,
            device_tokens.c.enrolment < token.enrolment,
            device_tokens.c.revoked_at.is_(None),
        )
        .values(revoked_at=at)
    )


def _only_token(connection: Connection, token: DeviceToken) -> None:
    _revoke(connection, token.device_id, token.created_at)
    connection.execute(insert(device_tokens).values(**dataclasses.asdict(token)))


def _revoke(connection: Connection, device_id: str, at: datetime) -> int:
    # Together: a code from before must not bring a token afterwards.
    connection.execute(delete(enrol_codes).where(enrol_codes.c.device_id == device_id))
    done = connection.execute(
        update(device_tokens)
        .where(device_tokens.c.device_id == device_id, device_tokens.c.revoked_at.is_(None))
        .values(revoked_at=at)
    )
    return done.rowcount


def _device(connection: Connection, device_id: str) -> Device | None:
    row = connection.execute(_DEVICE, {"wanted": device_id}).one_or_none()
    return None if row is None else to_device(row)


def known_device(connection: Connection, device_id: str) -> Device:
    """Look a device up that must be there.

    Raises:
        NotFound: It is not.
    """
    device = _device(connection, device_id)
    if device is None:
        raise NotFound("there is no such device")
    return device


def to_device(row: Row[Any]) -> Device:
    """Read a row of `devices`."""
    values = dict(row._mapping)  # noqa: SLF001 - the documented accessor
    del values["seq"]
    return Device(**values)
