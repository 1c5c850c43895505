"""What PostgreSQL says in the gateway's words, told apart by the five letters of SQLSTATE."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.config_database import PostgresConfig
from gateway.errors import ConfigInvalid, DatabaseDamaged, InvalidRequest, Unavailable
from gateway.store.links import ENDED, LinkLost

_MET = {"40001", "40P01", "23505"}
"""Serialization failure, deadlock; and a row that another made since it was looked for."""

_REFUSED = "28"
_NO_DATABASE = "3D"
_AWAY = ("08", "53", "57", "58", "25006", "25P03", "40", "55P03", _REFUSED, _NO_DATABASE)
"""Connections lost or too many, a server that starts, stops or was demoted, waits too long."""

_DAMAGED = "XX"
_TOO_MUCH = {"22001", "22003", "22021", "22P05"}
"""Text too long, a number too large, text with a zero character."""


def met_another(error: BaseException) -> bool:
    """Say whether work failed because another's was committed meanwhile."""
    return _state(error) in _MET


def connection_was_lost(error: BaseException) -> bool:
    """Say whether a connection turned out to be gone."""
    return (
        isinstance(error, LinkLost)
        or _state(error) in ENDED
        or (isinstance(error, DBAPIError) and error.connection_invalidated)
    )


def is_at_fault(error: BaseException) -> bool:
    """Say whether the database cannot be used at all, whatever is asked of it."""
    return (
        isinstance(error, OSError | TimeoutError | PoolTimeout)
        or connection_was_lost(error)
        or _state(error).startswith(_AWAY)
    )


@contextmanager
def mapped() -> Iterator[None]:
    """Say in the gateway's words that the database cannot be used."""
    try:
        yield
    except Exception as error:
        if is_at_fault(error):
            raise Unavailable(_why(error)) from error
        if _state(error).startswith(_DAMAGED):
            raise DatabaseDamaged(
                "PostgreSQL reports damage", hint="see the log of PostgreSQL"
            ) from error
        if _state(error) in _TOO_MUCH:
            raise InvalidRequest("a text or a number is too large to be kept") from error
        raise


@contextmanager
def starting(config: PostgresConfig) -> Iterator[None]:
    """Say in words for whoever starts the gateway why there is no way to the database."""
    try:
        yield
    except Exception as error:
        state = _state(error)
        if state.startswith(_REFUSED):
            raise ConfigInvalid(
                f"PostgreSQL refuses the gateway: user or password of database {config}",
                hint="check the URL, and the server's pg_hba.conf",
            ) from error
        if state.startswith(_NO_DATABASE):
            raise ConfigInvalid(
                f"PostgreSQL has no database {config}", hint="createdb; the gateway fills it"
            ) from error
        if isinstance(error, ValueError):
            # The driver's own word for a URL that it cannot read; it may repeat the password.
            raise ConfigInvalid(
                "the URL of the PostgreSQL database cannot be used",
                hint="postgresql://USER:PASSWORD@HOST/NAME, with no other options than libpq's",
            ) from None
        if is_at_fault(error):
            raise Unavailable(
                f"PostgreSQL does not answer: database {config}",
                hint="is the server running, and reachable from here?",
            ) from error
        raise


_WHY = {
    "3D": "PostgreSQL has no such database any more",
    "28": "PostgreSQL refuses the gateway's user or password",
    "53": "PostgreSQL is out of connections, memory or disk",
    "57": "PostgreSQL starts or stops, or its administrator ended the connection",
    "58": "PostgreSQL cannot read or write its files",
    "25006": "PostgreSQL takes no changes: is it a standby?",
}
"""By the begin of SQLSTATE: for whoever looks at the log or at /readyz. No name, no value."""


def _why(error: BaseException) -> str:
    state = _state(error)
    for begin, words in _WHY.items():
        if state.startswith(begin):
            return words
    if isinstance(error, PoolTimeout):
        return "all connections of this gateway to PostgreSQL are busy"
    if isinstance(error, OSError) or connection_was_lost(error) or state.startswith("08"):
        return "PostgreSQL does not answer"
    return "the database cannot be used now"


def _state(error: BaseException) -> str:
    """Give the SQLSTATE of an error; empty where there is none."""
    orig = error.orig if isinstance(error, DBAPIError) else error
    return getattr(orig, "sqlstate", None) or ""
