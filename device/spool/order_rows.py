"""Rows of orders of the cloud, each with how it ended."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

import msgspec

from device.core.orders import OPEN, HeldOrder, Order, OrderState, Outcome
from device.spool import schema
from device.spool.figures import FIRST_VERSION

MOST_ORDERS = 200
"""The last ones, by which a repeated one is known. What is still to be done is never dropped."""


def receive(connection: sqlite3.Connection, orders: Sequence[Order], at: datetime) -> int:
    """Add orders, and drop the oldest that have ended."""
    new = 0
    for each in orders:
        new += connection.execute(
            "INSERT OR IGNORE INTO received_order "
            "(id, type, params_json, state, received_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
            (
                each.id,
                each.type,
                msgspec.json.encode(each.params),
                OrderState.RECEIVED,
                at.isoformat(),
                each.expires_at and each.expires_at.isoformat(),
            ),
        ).rowcount
    if new:
        connection.execute(
            "DELETE FROM received_order WHERE state NOT IN (?, ?) AND id NOT IN "
            "(SELECT id FROM received_order ORDER BY seq DESC LIMIT ?)",
            (*sorted(OPEN), MOST_ORDERS),
        )
    return new


def held(connection: sqlite3.Connection) -> tuple[HeldOrder, ...]:
    """Load all, as they came; one that cannot be read is left out."""
    if schema.check_version(connection) < FIRST_VERSION:
        return ()
    found = connection.execute(
        "SELECT id, type, params_json, state, received_at, expires_at, result_json, reported "
        "FROM received_order ORDER BY seq"
    )
    return tuple(order for row in found if (order := _held(*row)) is not None)


def move(
    connection: sqlite3.Connection, order: str, state: OrderState, outcome: Outcome | None
) -> None:
    """Set the state of an order that has not ended."""
    connection.execute(
        "UPDATE received_order SET state = ?, result_json = ? WHERE id = ? AND state IN (?, ?)",
        (state, outcome and msgspec.json.encode(outcome), order, *sorted(OPEN)),
    )


def reported(connection: sqlite3.Connection, order: str) -> None:
    """Set that the cloud knows."""
    connection.execute("UPDATE received_order SET reported = 1 WHERE id = ?", (order,))


def _held(  # noqa: PLR0913, PLR0917 - the columns
    name: str,
    kind: str,
    params: bytes,
    state: str,
    received_at: str,
    expires_at: str | None,
    result: bytes | None,
    is_reported: int,
) -> HeldOrder | None:
    try:
        return HeldOrder(
            order=Order(
                id=name,
                type=kind,
                params=msgspec.json.decode(params, type=dict),
                expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
            ),
            state=OrderState(state),
            received_at=datetime.fromisoformat(received_at),
            outcome=msgspec.json.decode(result, type=Outcome) if result else None,
            reported=bool(is_reported),
        )
    except (msgspec.DecodeError, ValueError):
        return None
