"""What the gateway keeps of phones, as frozen values: phones, their codes, their visits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A paired phone; only the hash of its token is kept. `end_user_id`: whose recordings."""

    id: str
    name: str
    token_hash: str
    created_at: datetime
    end_user_id: str | None = None
    seen_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneCode:
    """A one-time code that pairs a phone; only the hash of its text is kept."""

    id: str
    code_hash: str
    name: str
    created_at: datetime
    expires_at: datetime
    end_user_id: str | None = None


class VisitState(StrEnum):
    """How a visit goes, or ended."""

    SYNCING = "syncing"
    DONE = "done"
    """Nothing was left to do when it ended."""
    PROBLEM = "problem"
    CUT = "cut"
    """The connection went away in the middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneVisit:
    """One recorder that a phone brought; `standing` is what the phone was shown last."""

    id: str
    phone_id: str
    state: VisitState
    began_at: datetime
    heard_at: datetime
    device_id: str | None = None
    recorder: str | None = None
    standing: Mapping[str, Any] = field(default_factory=dict)
    ended_at: datetime | None = None
