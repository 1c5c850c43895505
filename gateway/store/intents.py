"""Idempotency-Keys inside a transaction: whoever looks and finds nothing is the first."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from gateway.errors import IdempotencyMismatch
from gateway.model import Intent
from gateway.store.schema import intents

_OTHER_REQUEST = "this Idempotency-Key was used for another request; a new request needs a new key"

# Built once: see `gateway.store.media`.
_KNOWN = select(intents.c.key, intents.c.fingerprint, intents.c.made_id).where(
    intents.c.owner == bindparam("whose"),
    intents.c.operation == bindparam("what"),
    intents.c.key.in_(bindparam("keys", expanding=True)),
)
_ADD = insert(intents)


def claim(connection: Connection, intent: Intent, made_id: str) -> str | None:
    """Tie a key to what is about to be made.

    Of two equal requests at the same moment the second one is refused by the unique constraint and
    run again, if it did not wait for the first one anyway.

    Returns:
        None when the key is new: go on and make it, in this transaction. Else the id of what the
        same request made before.

    Raises:
        IdempotencyMismatch: The key is known with another fingerprint.
    """
    known = claimed(connection, [intent]).get(intent.key)
    if known is None:
        connection.execute(_ADD, _row(intent, made_id))
    return known


def claimed(connection: Connection, asked: Sequence[Intent]) -> dict[str, str]:
    """Say what requests made before: the ids by key, known keys alone.

    Args:
        connection: Where to look.
        asked: Of one owner and one operation.

    Raises:
        IdempotencyMismatch: A key is known with another fingerprint.
    """
    if not asked:
        return {}
    rows = connection.execute(
        _KNOWN,
        {
            "whose": asked[0].owner,
            "what": asked[0].operation,
            "keys": [each.key for each in asked],
        },
    ).all()
    prints = {each.key: (each.fingerprint, each.former) for each in asked}
    if any(row.fingerprint not in prints[row.key] for row in rows):
        raise IdempotencyMismatch(_OTHER_REQUEST)
    return {row.key: row.made_id for row in rows}


def claim_all(connection: Connection, made: Mapping[str, Intent]) -> None:
    """Tie keys that `claimed` does not know to what is made, by its id."""
    if made:
        connection.execute(_ADD, [_row(each, made_id) for made_id, each in made.items()])


def _row(intent: Intent, made_id: str) -> dict[str, Any]:
    return {
        "owner": intent.owner,
        "operation": intent.operation,
        "key": intent.key,
        "fingerprint": intent.fingerprint,
        "made_id": made_id,
        "at": intent.at,
    }
