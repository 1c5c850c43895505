"""Where events go, by environment: which webhooks are allowed, and a stream of NATS."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import ConfigInvalid

_PREFIX = "FIELDPOST_GATEWAY_"
_DAY_S = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsConfig:
    """How events leave.

    Without `nats_url`, which may hold a password, there is no stream. Events and their deliveries
    are kept for `keep_s` at least.
    """

    allow_http: bool = False
    nats_url: str | None = field(default=None, repr=False)
    nats_stream: str = "FIELDPOST"
    nats_creds: Path | None = None
    keep_s: int = 30 * _DAY_S


def read_events(environ: Mapping[str, str]) -> EventsConfig:
    """Read it.

    Raises:
        ConfigInvalid: A value cannot be used; the sentence names it.
    """
    allow = environ.get(f"{_PREFIX}WEBHOOKS_ALLOW_HTTP", "").strip().lower()
    if allow not in {"", "0", "1", "false", "true", "no", "yes"}:
        raise ConfigInvalid(f"{_PREFIX}WEBHOOKS_ALLOW_HTTP={allow!r} is neither yes nor no")
    url = environ.get(f"{_PREFIX}NATS_URL", "").strip() or None
    if url is not None and not re.fullmatch(r"(nats|tls|ws|wss)://[^\s/]+/?", url):
        raise ConfigInvalid(
            f"{_PREFIX}NATS_URL is no address of a NATS server", hint="nats://nats.example.org:4222"
        )
    stream = environ.get(f"{_PREFIX}NATS_STREAM", "").strip() or "FIELDPOST"
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", stream):
        raise ConfigInvalid(f"{_PREFIX}NATS_STREAM={stream!r} is not the name of a stream")
    creds = environ.get(f"{_PREFIX}NATS_CREDS_FILE", "").strip()
    if creds and not Path(creds).is_file():
        raise ConfigInvalid(f"{_PREFIX}NATS_CREDS_FILE={creds!r} is no file")
    days = environ.get(f"{_PREFIX}EVENTS_KEEP_DAYS", "").strip() or "30"
    if not re.fullmatch(r"[0-9]{1,4}", days) or int(days) < 1:
        raise ConfigInvalid(f"{_PREFIX}EVENTS_KEEP_DAYS={days!r} is not a number of days")
    return EventsConfig(
        allow_http=allow in {"1", "true", "yes"},
        nats_url=url,
        nats_stream=stream,
        nats_creds=Path(creds) if creds else None,
        keep_s=int(days) * _DAY_S,
    )
