"""The gateway's configuration: flags, then FIELDPOST_GATEWAY_*, then defaults; read once."""

import ipaddress
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from gateway.config_bounds import BoundsConfig, read_bounds
from gateway.config_database import DatabaseConfig, read_database
from gateway.config_events import EventsConfig, read_events
from gateway.config_objects import MOST_SIGNED_S, GcsConfig, ObjectsConfig, read_objects
from gateway.config_relay import RelayConfig, read_relay
from gateway.errors import ConfigInvalid

ENV_PREFIX = "FIELDPOST_GATEWAY_"
DEFAULT_DATA = "/var/lib/fieldpost-gateway"
DEFAULT_LISTEN = "127.0.0.1:8470"
_SECRET_BYTES = 32
_DAY_S = 24 * 3600
_SESSION_S = 7 * _DAY_S
"""How long a session of Google's lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """Everything `create_app` and `serve` need to know.

    `public_url` is the gateway as clients see it, without `/v1`; None takes the request's own host.
    Pages of `cors_origins` may upload from a browser; `*` stands for all.
    """

    data: Path
    secret: bytes = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 0
    public_url: str | None = None
    url_ttl_s: int = 3600
    idle_s: float = 60.0
    drain_s: float = 10.0
    max_medium_bytes: int = 16 * 1024**3
    max_sessions: int = 1024
    max_body_bytes: int = 64 * 1024
    database: DatabaseConfig = None
    objects: ObjectsConfig = None
    verify_at_once: int = 4
    sweep_every_s: int = 3600
    sweep_age_s: int = 30 * 24 * 3600
    cors_origins: frozenset[str] = frozenset()
    relay: RelayConfig | None = None
    events: EventsConfig = field(default_factory=EventsConfig)
    bounds: BoundsConfig = field(default_factory=BoundsConfig)


def read_config(
    *,
    data: Path,
    listen: str | None = None,
    public_url: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> GatewayConfig:
    """Read the configuration of `serve`; makes the signing key of a new data folder.

    Raises:
        ConfigInvalid: A value cannot be used; the sentence names it.
    """
    host, port = parse_listen(listen or environ.get(f"{ENV_PREFIX}LISTEN") or DEFAULT_LISTEN)
    objects = read_objects(environ)
    url_ttl_s = _number(environ, "URL_TTL_S", 3600, least=60)
    if objects is not None and url_ttl_s > MOST_SIGNED_S:
        raise ConfigInvalid(f"{ENV_PREFIX}URL_TTL_S: this object store signs for a week at most")
    return GatewayConfig(
        data=data,
        secret=_signing_key(data, environ),
        host=host,
        port=port,
        public_url=_public_url(public_url or environ.get(f"{ENV_PREFIX}PUBLIC_URL")),
        url_ttl_s=url_ttl_s,
        idle_s=_number(environ, "IDLE_S", 60, least=1),
        drain_s=_number(environ, "DRAIN_S", 10, least=0),
        max_medium_bytes=_number(environ, "MAX_MEDIUM_BYTES", 16 * 1024**3, least=1),
        max_sessions=_number(environ, "MAX_SESSIONS", 1024, least=1),
        database=read_database(environ),
        objects=objects,
        verify_at_once=_number(environ, "VERIFY_AT_ONCE", 4, least=1),
        sweep_every_s=_number(environ, "SWEEP_EVERY_S", 3600, least=60),
        sweep_age_s=_sweep_age_s(environ, objects, url_ttl_s),
        cors_origins=_origins(environ.get(f"{ENV_PREFIX}CORS_ORIGINS", "")),
        relay=read_relay(environ, ENV_PREFIX),
        events=read_events(environ),
        bounds=read_bounds(environ, _number),
    )


def data_folder(flag: str | None, environ: Mapping[str, str] = os.environ) -> Path:
    """Say where the data folder is: flag, environment, systemd's StateDirectory, default."""
    state = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(flag or environ.get(f"{ENV_PREFIX}DATA") or state or DEFAULT_DATA)


def make_folder(data: Path) -> None:
    """Make the data folder, for its owner only.

    Raises:
        ConfigInvalid: It cannot be made or written to.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigInvalid(f"the data folder {data} cannot be made: {error.strerror}") from error
    if not os.access(data, os.W_OK | os.X_OK):
        raise ConfigInvalid(
            f"the data folder {data} is not writable", hint="run as the gateway's own user"
        )


def parse_listen(text: str) -> tuple[str, int]:
    """Read HOST:PORT, [IPV6]:PORT; port 0 lets the kernel choose.

    Raises:
        ConfigInvalid: Any other form.
    """
    match = re.fullmatch(r"(\[(?P<six>[^\]]+)\]|(?P<host>[^:\s]+)):(?P<port>\d{1,5})", text)
    if match is None or int(match["port"]) > 65535:  # noqa: PLR2004 - the largest port
        raise ConfigInvalid(f"--listen {text!r} is not HOST:PORT", hint="--listen 127.0.0.1:8470")
    if match["six"]:
        try:
            ipaddress.IPv6Address(match["six"])
        except ValueError:
            raise ConfigInvalid(f"--listen {text!r} has no IPv6 address in brackets") from None
    return match["six"] or match["host"], int(match["port"])


def public_origin(flag: str | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """Say how clients see this gateway, without `/v1`; None where nobody has said.

    Raises:
        ConfigInvalid: It is no such address.
    """
    return _public_url(flag or environ.get(f"{ENV_PREFIX}PUBLIC_URL"))


def _public_url(text: str | None) -> str | None:
    if text is None:
        return None
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ConfigInvalid(
            f"--public-url {text!r} is not an http(s) URL without a query",
            hint="--public-url https://gateway.example.org",
        )
    return text.rstrip("/").removesuffix("/v1")


def _origins(text: str) -> frozenset[str]:
    """Read origins as browsers send them, between commas or blanks."""
    origins = frozenset(text.replace(",", " ").split())
    for origin in origins - {"*"}:
        if not re.fullmatch(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?", origin):
            raise ConfigInvalid(
                f"{ENV_PREFIX}CORS_ORIGINS: {origin!r} is not the origin of a page",
                hint="https://app.example.org, in small letters and without a path; or *",
            )
    return origins


def _sweep_age_s(environ: Mapping[str, str], objects: ObjectsConfig, url_ttl_s: int) -> int:
    """Read the age limit; whoever holds a URL that is good may still be at it without asking."""
    held_s = _SESSION_S if isinstance(objects, GcsConfig) else url_ttl_s
    least = held_s + _DAY_S
    return _number(environ, "SWEEP_AGE_S", max(30 * _DAY_S, least), least=least)


def _number(environ: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    text = environ.get(ENV_PREFIX + name)
    if text is None or not text.strip():
        return default
    if not (text.isascii() and text.isdigit()) or int(text) < least:
        raise ConfigInvalid(f"{ENV_PREFIX}{name}={text!r} is not a whole number from {least} on")
    return int(text)


def _signing_key(data: Path, environ: Mapping[str, str]) -> bytes:
    """Read the secret behind signed URLs and derived tokens; make it where there is none."""
    if named := environ.get(f"{ENV_PREFIX}SIGNING_KEY_FILE"):
        return _secret_of(Path(named))
    if credentials := environ.get("CREDENTIALS_DIRECTORY"):
        credential = Path(credentials) / "signing-key"
        if credential.exists():
            return _secret_of(credential)
    own = data / "signing-key"
    if not own.exists():
        # Linked into place whole: two programs at once agree on one key, a power cut leaves none.
        fresh = data / f".signing-key-{os.getpid()}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secrets.token_hex(_SECRET_BYTES).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, own)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return _secret_of(own)


def _secret_of(path: Path) -> bytes:
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise ConfigInvalid(f"the signing key {path} cannot be read: {error.strerror}") from error
    if len(secret) < _SECRET_BYTES:
        raise ConfigInvalid(f"the signing key {path} is shorter than {_SECRET_BYTES} bytes")
    return secret
