"""Phones, the codes that pair them, and their visits: the seam, and SQLAlchemy Core behind it."""

import dataclasses
from collections.abc import Collection
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Row, delete, insert, select, update

from gateway.errors import CodeRefused
from gateway.model_phones import Phone, PhoneCode, PhoneVisit, VisitState
from gateway.store.database import Database
from gateway.store.schema_people import phone_codes, phone_visits, phones

KEPT_VISITS = 200
"""Of one phone; older ones are forgotten when the next begins."""


class Phones(Protocol):
    """Phones that may carry GATT, and what they brought."""

    async def add_code(self, code: PhoneCode) -> None:
        """Keep a code; forgets those that are expired by then."""
        ...

    async def pair(self, code_hash: str, phone: Phone) -> Phone:
        """Use a code up for a new phone, which gets the code's name and end user.

        Args:
            code_hash: Of the code.
            phone: As it is to be; `created_at` is now.

        Raises:
            CodeRefused: No such code, or expired, or used.
        """
        ...

    async def phone(self, token_hash: str) -> Phone | None:
        """Look a phone up by its token's hash, revoked or not."""
        ...

    async def all(self) -> list[Phone]:
        """List all, oldest first, revoked ones too."""
        ...

    async def revoke(self, phone_id: str, at: datetime) -> Phone | None:
        """Revoke a phone; repeatable. None: there is none."""
        ...

    async def revoked(self, phone_ids: Collection[str]) -> set[str]:
        """Say which of these are revoked."""
        ...

    async def seen(self, phone_id: str, at: datetime) -> None:
        """Note that a phone was there."""
        ...

    async def keep_visit(self, visit: PhoneVisit) -> None:
        """Keep how a visit stands: a new one, or one that is known by its id."""
        ...

    async def visits(self, phone_id: str, limit: int) -> list[PhoneVisit]:
        """List visits of a phone, newest first."""
        ...


class SqlPhones:
    """Phones in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_code(self, code: PhoneCode) -> None:
        """See `Phones.add_code`."""
        await self._database.writing(_add_code, code)

    async def pair(self, code_hash: str, phone: Phone) -> Phone:
        """See `Phones.pair`."""
        return await self._database.writing(_pair, code_hash, phone)

    async def phone(self, token_hash: str) -> Phone | None:
        """See `Phones.phone`."""
        return await self._database.reading(_phone, token_hash)

    async def all(self) -> list[Phone]:
        """See `Phones.all`."""
        return await self._database.reading(_all)

    async def revoke(self, phone_id: str, at: datetime) -> Phone | None:
        """See `Phones.revoke`."""
        return await self._database.writing(_revoke, phone_id, at)

    async def revoked(self, phone_ids: Collection[str]) -> set[str]:
        """See `Phones.revoked`."""
        return await self._database.reading(_revoked, frozenset(phone_ids))

    async def seen(self, phone_id: str, at: datetime) -> None:
        """See `Phones.seen`."""
        await self._database.writing_of(phone_id, _seen, phone_id, at)

    async def keep_visit(self, visit: PhoneVisit) -> None:
        """See `Phones.keep_visit`."""
        await self._database.writing_of(visit.phone_id, _keep_visit, visit)

    async def visits(self, phone_id: str, limit: int) -> list[PhoneVisit]:
        """See `Phones.visits`."""
        return await self._database.reading(_visits, phone_id, limit)


def _add_code(connection: Connection, code: PhoneCode) -> None:
    connection.execute(delete(phone_codes).where(phone_codes.c.expires_at <= code.created_at))
    connection.execute(insert(phone_codes).values(**dataclasses.asdict(code)))


def _pair(connection: Connection, code_hash: str, phone: Phone) -> Phone:
    code = connection.execute(
        select(phone_codes)
        .where(phone_codes.c.code_hash == code_hash, phone_codes.c.expires_at > phone.created_at)
        .with_for_update()
    ).one_or_none()
    if code is None or code.phone_id is not None:
        raise CodeRefused("the code is wrong, used or too old")
    paired = dataclasses.replace(phone, name=code.name, end_user_id=code.end_user_id)
    connection.execute(insert(phones).values(**dataclasses.asdict(paired)))
    connection.execute(
        update(phone_codes).where(phone_codes.c.id == code.id).values(phone_id=paired.id)
    )
    return paired


def _phone(connection: Connection, token_hash: str) -> Phone | None:
    query = select(phones).where(phones.c.token_hash == token_hash)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_phone(row)


def _all(connection: Connection) -> list[Phone]:
    rows = connection.execute(select(phones).order_by(phones.c.seq)).all()
    return [_to_phone(row) for row in rows]


def _revoke(connection: Connection, phone_id: str, at: datetime) -> Phone | None:
    connection.execute(
        update(phones)
        .where(phones.c.id == phone_id, phones.c.revoked_at.is_(None))
        .values(revoked_at=at)
    )
    row = connection.execute(select(phones).where(phones.c.id == phone_id)).one_or_none()
    return None if row is None else _to_phone(row)


def _revoked(connection: Connection, phone_ids: frozenset[str]) -> set[str]:
    query = select(phones.c.id).where(phones.c.id.in_(phone_ids), phones.c.revoked_at.is_not(None))
    return set(connection.execute(query).scalars())


def _seen(connection: Connection, phone_id: str, at: datetime) -> None:
    connection.execute(update(phones).where(phones.c.id == phone_id).values(seen_at=at))


def _keep_visit(connection: Connection, visit: PhoneVisit) -> None:
    fields = dataclasses.asdict(visit)
    known = connection.execute(
        select(phone_visits.c.id).where(phone_visits.c.id == visit.id)
    ).one_or_none()
    if known is not None:
        connection.execute(
            update(phone_visits).where(phone_visits.c.id == visit.id).values(**fields)
        )
        return
    kept = (
        select(phone_visits.c.seq)
        .where(phone_visits.c.phone_id == visit.phone_id)
        .order_by(phone_visits.c.seq.desc())
        .offset(KEPT_VISITS - 1)
        .limit(1)
    )
    oldest = connection.execute(kept).scalar()
    if oldest is not None:
        connection.execute(
            delete(phone_visits).where(
                phone_visits.c.phone_id == visit.phone_id, phone_visits.c.seq <= oldest
            )
        )
    connection.execute(insert(phone_visits).values(**fields))


def _visits(connection: Connection, phone_id: str, limit: int) -> list[PhoneVisit]:
    query = (
        select(phone_visits)
        .where(phone_visits.c.phone_id == phone_id)
        .order_by(phone_visits.c.seq.desc())
        .limit(limit)
    )
    return [_to_visit(row) for row in connection.execute(query).all()]


def _to_phone(row: Row[Any]) -> Phone:
    fields = dict(row._mapping)  # noqa: SLF001 - the documented accessor
    del fields["seq"]
    return Phone(**fields)


def _to_visit(row: Row[Any]) -> PhoneVisit:
    fields = dict(row._mapping)  # noqa: SLF001 - the documented accessor
    del fields["seq"]
    return PhoneVisit(**{**fields, "state": VisitState(row.state)})
