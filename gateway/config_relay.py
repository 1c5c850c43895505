"""Where recordings that phones bring are relayed to, instead of being kept: read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gateway.errors import ConfigInvalid

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayConfig:
    """An API upstream. `key_file` holds an API key of it, which may act for any device."""

    url: str
    key_file: Path
    api: str = "bota"


def read_relay(environ: Mapping[str, str], prefix: str) -> RelayConfig | None:
    """Read the relay; None: recordings are kept here.

    Raises:
        ConfigInvalid: A value cannot be used; the sentence names it.
    """
    url = environ.get(f"{prefix}RELAY_URL", "").rstrip("/")
    if not url:
        return None
    parts = urlsplit(url)
    near = parts.hostname in _LOOPBACK
    if not parts.hostname or parts.scheme not in ({"http", "https"} if near else {"https"}):
        raise ConfigInvalid(
            f"{prefix}RELAY_URL={url!r} does not begin with https://: a key travels to it",
            hint="https://api.bota.dev/v1",
        )
    api = environ.get(f"{prefix}RELAY_API") or "bota"
    if api != "bota":
        raise ConfigInvalid(f"{prefix}RELAY_API={api!r} is not bota, the one API with devices")
    key_file = environ.get(f"{prefix}RELAY_KEY_FILE")
    if not key_file:
        raise ConfigInvalid(
            f"{prefix}RELAY_KEY_FILE is missing: name the file that holds the API key (sk_…)"
        )
    return RelayConfig(url=url, key_file=Path(key_file), api=api)
