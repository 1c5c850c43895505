"""Where the database is, by environment: FIELDPOST_GATEWAY_DATABASE and what belongs to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gateway.errors import ConfigInvalid

_NAME = "FIELDPOST_GATEWAY_DATABASE"
_EXAMPLE = "postgresql://USER:PASSWORD@HOST/NAME"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresConfig:
    """A PostgreSQL database that processes share; the URL holds a password and is never shown."""

    url: str = field(repr=False)

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2] or "the local socket"
        return f"{unquote(parts.path.strip('/'))} at {host}"


DatabaseConfig = PostgresConfig | None
"""None: a SQLite file in the data folder."""


def read_database(environ: Mapping[str, str]) -> DatabaseConfig:
    """Read which database it is: from the variable, a named file, or systemd's credential.

    Raises:
        ConfigInvalid: It cannot be used; the sentence says why, and never what was read.
    """
    source, text = _written(environ)
    if not text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        raise _no_url(source) from None
    if parts.scheme not in {"postgresql", "postgres"} or parts.fragment:
        raise _no_url(source)
    if not parts.path.strip("/"):
        raise ConfigInvalid(f"{source} names no database", hint=_EXAMPLE)
    return PostgresConfig(url=text)


def _written(environ: Mapping[str, str]) -> tuple[str, str]:
    if text := environ.get(_NAME, "").strip():
        return _NAME, text
    if named := environ.get(f"{_NAME}_FILE"):
        return f"the file of {_NAME}_FILE", _line_of(Path(named))
    if credentials := environ.get("CREDENTIALS_DIRECTORY"):
        credential = Path(credentials) / "database"
        if credential.exists():
            return "the credential database", _line_of(credential)
    return _NAME, ""


def _line_of(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"the database's URL in {path} cannot be read") from error
    if not text:
        raise ConfigInvalid(f"{path} is empty", hint=f"write into it {_EXAMPLE}")
    return text


def _no_url(source: str) -> ConfigInvalid:
    return ConfigInvalid(f"{source} is not the URL of a PostgreSQL database", hint=_EXAMPLE)
