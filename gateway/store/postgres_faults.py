"""What PostgreSQL says in the gateway's words, told by the standard's five letters."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.errors import DatabaseDamaged, InvalidRequest, Unavailable

_MET = {"40001", "40P01", "23505"}
"""Serialization failure, deadlock; and a row that another made since it was looked for."""

_AWAY = ("08", "53", "57", "58", "25006", "25P03", "28", "3D", "40", "55P03")
_DAMAGED = "XX"
_TOO_MUCH = {"22001", "22003", "22021", "22P05"}
"""Text too long, a number too large, text with a zero character."""


def state_of(error: BaseException) -> str:
    """Give the SQLSTATE of an error; empty where there is none."""
    orig = error.orig if isinstance(error, DBAPIError) else error
    return getattr(orig, "sqlstate", None) or ""


def met_another(error: BaseException) -> bool:
    """Say whether work failed because another's was committed meanwhile."""
    return state_of(error) in _MET


def connection_was_lost(error: BaseException) -> bool:
    """Say whether a connection turned out to be gone."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def is_at_fault(error: BaseException) -> bool:
    """Say whether the database cannot be used at all, whatever is asked of it."""
    return isinstance(error, OSError | TimeoutError | PoolTimeout) or (
        isinstance(error, DBAPIError)
        and (error.connection_invalidated or state_of(error).startswith(_AWAY))
    )


@contextmanager
def mapped() -> Iterator[None]:
    """Say that the database cannot be used in the gateway's words."""
    try:
        yield
    except Exception as error:
        if is_at_fault(error):
            raise Unavailable("the database cannot be used now") from error
        state = state_of(error)
        if state.startswith(_DAMAGED):
            raise DatabaseDamaged("PostgreSQL reports damage") from error
        if state in _TOO_MUCH:
            raise InvalidRequest("a text or a number is too large to be kept") from error
        raise
