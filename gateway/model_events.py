"""What leaves the gateway, as frozen values: events, who wants them, each delivery."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    """What can happen; the first three in the words of the Bota API."""

    RECORDING_CREATED = "recording.created"
    RECORDING_UPLOADED = "recording.uploaded"
    RECORDING_DELETED = "recording.deleted"
    DEVICE_BOUND = "device.bound"
    DEVICE_UNBOUND = "device.unbound"
    DEVICE_ENROLLED = "device.enrolled"
    WEBHOOK_TEST = "webhook.test"


EVERYTHING = "*"
"""Stands for all types in what a webhook wants."""


class DeliveryStatus(StrEnum):
    """Where a delivery stands; the last three are its ends."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, kept in the same transaction as itself.

    `position` counts events without gaps that fill later: whoever has seen one has seen all before
    it. None until it is given, within moments. `origin` is this gateway as the client saw it that
    made the event.
    """

    id: str
    type: EventType
    created_at: datetime
    data: Mapping[str, Any]
    recording_id: str | None = None
    device_id: str | None = None
    origin: str | None = None
    position: int | None = None
    streamed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address that events are sent to; `events` are types, or `*`."""

    id: str
    url: str
    events: tuple[str, ...]
    created_at: datetime
    description: str = ""
    secret_generation: int = 1
    disabled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One request to a webhook. `status` is None where no answer came; then `error` says why."""

    at: datetime
    duration_ms: int
    status: int | None = None
    error: str | None = None
    answer: str = ""

    @property
    def good(self) -> bool:
        """Whether the webhook took it."""
        return self.error is None and self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - the range of success


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one webhook; a replay is another delivery of the same event."""

    id: str
    event_id: str
    event_type: EventType
    webhook_id: str
    status: DeliveryStatus
    created_at: datetime
    attempts: int = 0
    next_at: datetime | None = None
    ended_at: datetime | None = None
    replay_of: str | None = None
    history: tuple[Try, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What tries are claimed under: a fresh name, now, and until when they are one's own."""

    name: str
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A try that is this process's own until its lease runs out; `lease` names it."""

    delivery: Delivery
    event: Event
    webhook: Webhook
    lease: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits, and since when the oldest of it does."""

    waiting: int
    oldest_at: datetime | None
