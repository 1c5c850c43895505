"""One-time codes over SQLAlchemy Core (see `gateway.store.life.Enrolments`)."""

import dataclasses

from sqlalchemy import Connection, delete, func, insert, select, update

from gateway.errors import CodeRefused
from gateway.model import DeviceToken, EnrolCode
from gateway.model_events import EventType
from gateway.store import event_data
from gateway.store.database import Database
from gateway.store.devices import known_device
from gateway.store.events import SqlEvents, note_event
from gateway.store.schema import device_tokens, enrol_codes


class SqlEnrolments:
    """One-time codes in a database."""

    def __init__(self, database: Database, events: SqlEvents) -> None:
        self._database = database
        self._bell = events.bell

    async def add(self, code: EnrolCode) -> None:
        """See `Enrolments.add`."""
        await self._database.writing(_add, code)

    async def redeem(self, code_hash: str, token: DeviceToken) -> DeviceToken:
        """See `Enrolments.redeem`."""
        enrolled = await self._database.writing(_redeem, code_hash, token)
        self._bell.ring()
        return enrolled


def _add(connection: Connection, code: EnrolCode) -> None:
    connection.execute(delete(enrol_codes).where(enrol_codes.c.expires_at <= code.created_at))
    connection.execute(insert(enrol_codes).values(**dataclasses.asdict(code)))


def _redeem(connection: Connection, code_hash: str, token: DeviceToken) -> DeviceToken:
    code = connection.execute(
        select(enrol_codes)
        .where(enrol_codes.c.code_hash == code_hash, enrol_codes.c.expires_at > token.created_at)
        .with_for_update()
    ).one_or_none()
    if code is None:
        raise _refused()
    if code.token_id is not None:
        known = connection.execute(
            select(device_tokens).where(device_tokens.c.id == code.token_id)
        ).one()
        # One that ended since would be handed out as if it opened something.
        if known.token_hash != token.token_hash or known.revoked_at is not None:
            raise _refused()
        return DeviceToken(**known._mapping)  # noqa: SLF001 - the documented accessor
    highest = select(func.coalesce(func.max(device_tokens.c.enrolment), 0)).where(
        device_tokens.c.device_id == code.device_id
    )
    enrolled = dataclasses.replace(
        token,
        device_id=code.device_id,
        enrolment=connection.execute(highest).scalar_one() + 1,
    )
    connection.execute(insert(device_tokens).values(**dataclasses.asdict(enrolled)))
    connection.execute(
        update(enrol_codes).where(enrol_codes.c.id == code.id).values(token_id=enrolled.id)
    )
    device = known_device(connection, code.device_id)
    note_event(
        connection,
        EventType.DEVICE_ENROLLED,
        data=event_data.device(device, device.end_user_id, token.created_at),
        at=token.created_at,
        device_id=device.id,
    )
    return enrolled


def _refused() -> CodeRefused:
    return CodeRefused("the code is wrong, used or too old")
