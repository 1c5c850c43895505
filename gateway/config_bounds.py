"""How much callers may do unless told otherwise, and how long what they did is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundsConfig:
    """Requests a minute of one caller, of upload URLs by themselves; 0: no limit.

    `retention_days`: uploaded recordings are deleted after so many, 0: never.
    """

    device_per_min: int = 600
    device_urls_per_min: int = 600
    key_per_min: int = 6000
    key_urls_per_min: int = 6000
    audit_days: int = 400
    retention_days: int = 0


class Number(Protocol):
    """Reads a setting that is a whole number."""

    def __call__(
        self, environ: Mapping[str, str], name: str, default: int, /, *, least: int
    ) -> int:
        """Give the number, or its default."""
        ...


def read_bounds(environ: Mapping[str, str], number: Number) -> BoundsConfig:
    """Read the settings.

    Raises:
        ConfigInvalid: One is no whole number from 0 on (from 1 on: how long the audit is kept).
    """
    plain = BoundsConfig()
    return BoundsConfig(
        device_per_min=number(environ, "RATE_DEVICE_PER_MIN", plain.device_per_min, least=0),
        device_urls_per_min=number(
            environ, "RATE_DEVICE_URLS_PER_MIN", plain.device_urls_per_min, least=0
        ),
        key_per_min=number(environ, "RATE_KEY_PER_MIN", plain.key_per_min, least=0),
        key_urls_per_min=number(environ, "RATE_KEY_URLS_PER_MIN", plain.key_urls_per_min, least=0),
        audit_days=number(environ, "AUDIT_DAYS", plain.audit_days, least=1),
        retention_days=number(environ, "RETENTION_DAYS", plain.retention_days, least=0),
    )
