"""What is kept of bounds, as frozen values: quotas, what was used of them, who did what."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

ALL_DEVICES = "devices"
"""The subject of the quota that holds where a device has none of its own."""

SHELL = "cli"
RETENTION = "retention"
"""Actors without a credential: whoever used the command line, and the gateway by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How much a subject may do; 0 stands for no bound, None for what holds for all.

    `retention_days`: uploaded recordings of a device are deleted after so many.
    """

    recordings_per_day: int | None = None
    media_bytes_per_day: int | None = None
    storage_bytes: int | None = None
    retention_days: int | None = None

    def over(self, general: "Quota") -> "Quota":
        """Fill in what this does not say from another."""
        return Quota(
            **{
                each.name: getattr(general if getattr(self, each.name) is None else self, each.name)
                for each in fields(self)
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a subject used within one UTC day, and what is kept for it in all."""

    day: date
    recordings: int = 0
    media: int = 0
    media_bytes: int = 0
    storage_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Aged:
    """An uploaded recording, and since when it is."""

    seq: int
    id: str
    device_id: str | None
    uploaded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change, or one attempt that was refused. `details` hold no secret."""

    at: datetime
    actor: str
    action: str
    subject: str
    actor_name: str = ""
    details: Mapping[str, Any]
    request_id: str | None = None
    seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries to list; None means any. `before`: only those with a smaller `seq`."""

    subject: str | None = None
    actor: str | None = None
    before: int | None = None
