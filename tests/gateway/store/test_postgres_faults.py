"""Why PostgreSQL cannot be used, for whoever reads the log or /readyz at night."""

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.errors import Unavailable
from gateway.store.links import LinkLost
from gateway.store.postgres_faults import mapped


class Told(Exception):
    """An error of the driver."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("secret words of the server")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "PostgreSQL does not answer"),
        (TimeoutError(), "PostgreSQL does not answer"),
        (LinkLost("gone"), "PostgreSQL does not answer"),
        (Told("08006"), "PostgreSQL does not answer"),
        (Told("28P01"), "PostgreSQL refuses the gateway's user or password"),
        (Told("53300"), "PostgreSQL is out of connections, memory or disk"),
        (Told("25006"), "PostgreSQL takes no changes: is it a standby?"),
        (DBAPIError("", None, Told("57P03")), "PostgreSQL starts or stops"),
        (PoolTimeout(), "all connections of this gateway to PostgreSQL are busy"),
        (Told("40001"), "the database cannot be used now"),
    ],
)
def test_it_is_said_why_in_words_of_ours(error, why):
    """What the server says itself may hold values; it is the cause, and is not repeated."""
    with pytest.raises(Unavailable) as refused, mapped():
        raise error

    assert str(refused.value).startswith(why)
    assert "secret" not in str(refused.value)
