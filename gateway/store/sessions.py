"""Sessions of the console over SQLAlchemy Core (see `gateway.store.callers.Sessions`)."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from gateway.model import WebSession
from gateway.store.database import Database
from gateway.store.keys import to_key
from gateway.store.schema import api_keys
from gateway.store.schema_people import web_sessions


class SqlSessions:
    """Sessions in a database; nothing is remembered: a revoked key ends them at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, session: WebSession) -> None:
        """See `Sessions.add`."""
        await self._database.writing(_add, session)

    async def session(self, session_hash: str, now: datetime) -> WebSession | None:
        """See `Sessions.session`."""
        return await self._database.reading(_session, session_hash, now)

    async def prolong(self, session_hash: str, seen_at: datetime, expires_at: datetime) -> None:
        """See `Sessions.prolong`."""
        await self._database.writing_of(session_hash, _prolong, session_hash, seen_at, expires_at)

    async def end(self, session_hash: str) -> None:
        """See `Sessions.end`."""
        await self._database.writing(_end, session_hash)


def _add(connection: Connection, session: WebSession) -> None:
    # Nobody comes back to those that are over: the next who signs in sweeps them out.
    connection.execute(delete(web_sessions).where(web_sessions.c.expires_at <= session.created_at))
    connection.execute(
        insert(web_sessions).values(
            session_hash=session.session_hash,
            key_id=session.key.id,
            created_at=session.created_at,
            seen_at=session.seen_at,
            expires_at=session.expires_at,
        )
    )


def _session(connection: Connection, session_hash: str, now: datetime) -> WebSession | None:
    kept = connection.execute(
        select(web_sessions).where(
            web_sessions.c.session_hash == session_hash, web_sessions.c.expires_at > now
        )
    ).one_or_none()
    if kept is None:
        return None
    key = connection.execute(
        select(api_keys).where(api_keys.c.id == kept.key_id, api_keys.c.revoked_at.is_(None))
    ).one_or_none()
    if key is None:
        return None
    return WebSession(
        session_hash=session_hash,
        key=to_key(key),
        created_at=kept.created_at,
        seen_at=kept.seen_at,
        expires_at=kept.expires_at,
    )


def _prolong(
    connection: Connection, session_hash: str, seen_at: datetime, expires_at: datetime
) -> None:
    # Never back: of two requests at once the later one counts.
    connection.execute(
        update(web_sessions)
        .where(web_sessions.c.session_hash == session_hash, web_sessions.c.seen_at < seen_at)
        .values(seen_at=seen_at, expires_at=expires_at)
    )


def _end(connection: Connection, session_hash: str) -> None:
    connection.execute(delete(web_sessions).where(web_sessions.c.session_hash == session_hash))
