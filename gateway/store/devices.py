"""Devices and their tokens over SQLAlchemy Core (see `gateway.store.Devices`)."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import DeviceAlreadyBound, NotFound, Unauthorized
from gateway.model import Device, DeviceToken, Intent
from gateway.store import Made
from gateway.store.database import Database
from gateway.store.intents import claim
from gateway.store.schema import device_tokens, devices


class SqlDevices:
    """Devices and tokens in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, device: Device) -> Made[Device]:
        """See `Devices.create`."""
        async with self._database.writing() as connection:
            try:
                async with connection.begin_nested():
                    await connection.execute(insert(devices).values(**dataclasses.asdict(device)))
            except IntegrityError:
                known = (
                    await connection.execute(
                        select(devices).where(devices.c.serial_number == device.serial_number)
                    )
                ).one()
                return Made(_to_device(known), replayed=True)
        return Made(device, replayed=False)

    async def device(self, device_id: str) -> Device | None:
        """See `Devices.device`."""
        async with self._database.reading() as connection:
            return await _device(connection, device_id)

    async def by_serial(self, serial_number: str) -> Device | None:
        """See `Devices.by_serial`."""
        query = select(devices).where(devices.c.serial_number == serial_number)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _to_device(row)

    async def all(self) -> list[Device]:
        """See `Devices.all`."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(devices).order_by(devices.c.seq))).all()
        return [_to_device(row) for row in rows]

    async def bind(
        self, device_id: str, end_user_id: str, token: DeviceToken, intent: Intent | None
    ) -> Made[Device]:
        """See `Devices.bind`."""
        async with self._database.writing() as connection:
            if intent is not None and await claim(connection, intent, token.id):
                return Made(await _known_device(connection, device_id), replayed=True)
            bound = await connection.execute(
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
            await _only_token(connection, token)
            return Made(await _known_device(connection, device_id), replayed=False)

    async def unbind(self, device_id: str, at: datetime) -> Device:
        """See `Devices.unbind`."""
        async with self._database.writing() as connection:
            freed = await connection.execute(
                update(devices)
                .where(devices.c.id == device_id, devices.c.end_user_id.is_not(None))
                .values(end_user_id=None, updated_at=at)
            )
            if freed.rowcount:
                await _revoke(connection, device_id, at)
            return await _known_device(connection, device_id)

    async def heartbeat(self, device_id: str, report: Mapping[str, Any], at: datetime) -> None:
        """See `Devices.heartbeat`."""
        values: dict[str, Any] = {"heartbeat": dict(report), "last_heartbeat_at": at}
        if (firmware := report.get("firmware_version")) is not None:
            values["firmware_version"] = firmware
        async with self._database.writing() as connection:
            await connection.execute(
                update(devices).where(devices.c.id == device_id).values(**values)
            )

    async def token(self, token_hash: str) -> DeviceToken | None:
        """See `Devices.token`."""
        query = select(device_tokens).where(device_tokens.c.token_hash == token_hash)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else DeviceToken(**row._mapping)  # noqa: SLF001 - documented

    async def issue(self, token: DeviceToken) -> None:
        """See `Devices.issue`."""
        async with self._database.writing() as connection:
            await _only_token(connection, token)

    async def succeed(self, parent: DeviceToken, token: DeviceToken) -> None:
        """See `Devices.succeed`."""
        async with self._database.writing() as connection:
            good = await connection.execute(
                update(device_tokens)
                .where(device_tokens.c.id == parent.id, device_tokens.c.revoked_at.is_(None))
                .values(replaced_at=func.coalesce(device_tokens.c.replaced_at, token.created_at))
            )
            if good.rowcount == 0:
                # Revoked since it was looked at: its successor would outlive the revocation.
                raise Unauthorized("the credential is not valid")
            try:
                async with connection.begin_nested():
                    await connection.execute(
                        insert(device_tokens).values(**dataclasses.asdict(token))
                    )
            except IntegrityError:
                # The successor is known. Its text is derived from the gateway's secret: after that
                # was exchanged, the text that goes out now is the one that must be let in.
                await connection.execute(
                    update(device_tokens)
                    .where(
                        device_tokens.c.parent_id == parent.id,
                        device_tokens.c.first_used_at.is_(None),
                    )
                    .values(token_hash=token.token_hash)
                )

    async def used(self, token: DeviceToken, at: datetime) -> None:
        """See `Devices.used`."""
        async with self._database.writing() as connection:
            await connection.execute(
                update(device_tokens)
                .where(device_tokens.c.id == token.id, device_tokens.c.first_used_at.is_(None))
                .values(first_used_at=at)
            )
            if token.parent_id is not None:
                await connection.execute(
                    update(device_tokens)
                    .where(
                        device_tokens.c.id == token.parent_id, device_tokens.c.revoked_at.is_(None)
                    )
                    .values(revoked_at=at)
                )

    async def revoke(self, device_id: str, at: datetime) -> int:
        """See `Devices.revoke`."""
        async with self._database.writing() as connection:
            return await _revoke(connection, device_id, at)


async def _only_token(connection: AsyncConnection, token: DeviceToken) -> None:
    await _revoke(connection, token.device_id, token.created_at)
    await connection.execute(insert(device_tokens).values(**dataclasses.asdict(token)))


async def _revoke(connection: AsyncConnection, device_id: str, at: datetime) -> int:
    done = await connection.execute(
        update(device_tokens)
        .where(device_tokens.c.device_id == device_id, device_tokens.c.revoked_at.is_(None))
        .values(revoked_at=at)
    )
    return done.rowcount


async def _device(connection: AsyncConnection, device_id: str) -> Device | None:
    row = (await connection.execute(select(devices).where(devices.c.id == device_id))).one_or_none()
    return None if row is None else _to_device(row)


async def _known_device(connection: AsyncConnection, device_id: str) -> Device:
    device = await _device(connection, device_id)
    if device is None:
        raise NotFound("there is no such device")
    return device


def _to_device(row: Row[Any]) -> Device:
    values = dict(row._mapping)  # noqa: SLF001 - the documented accessor
    del values["seq"]
    return Device(**values)
