"""Idempotency-Keys inside a transaction: the unique constraint decides who was first."""

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import IdempotencyMismatch
from gateway.model import Intent
from gateway.store.schema import intents


async def claim(connection: AsyncConnection, intent: Intent, made_id: str) -> str | None:
    """Tie a key to what is about to be made.

    Inserts first and asks afterwards: of two equal requests at the same moment the second waits for
    the first one's commit at the unique constraint, on any database.

    Returns:
        None when the key is new: go on and make it, in this transaction. Else the id of what the
        same request made before.

    Raises:
        IdempotencyMismatch: The key is known with another fingerprint.
    """
    try:
        async with connection.begin_nested():
            await connection.execute(
                insert(intents).values(
                    owner=intent.owner,
                    operation=intent.operation,
                    key=intent.key,
                    fingerprint=intent.fingerprint,
                    made_id=made_id,
                    at=intent.at,
                )
            )
    except IntegrityError:
        row = (
            await connection.execute(
                select(intents.c.fingerprint, intents.c.made_id).where(
                    intents.c.owner == intent.owner,
                    intents.c.operation == intent.operation,
                    intents.c.key == intent.key,
                )
            )
        ).one()
        if row.fingerprint != intent.fingerprint:
            raise IdempotencyMismatch(
                "this Idempotency-Key was used for another request; a new request needs a new key"
            ) from None
        made: str = row.made_id
        return made
    return None
