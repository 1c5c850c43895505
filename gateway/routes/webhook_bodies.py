"""The JSON bodies of webhooks, deliveries and events. Fields are only ever added."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from gateway.core.addresses import MOST_URL
from gateway.model_events import Delivery, DeliveryStatus, Event, EventType, Webhook

Wanted = Literal[
    "*",
    "recording.created",
    "recording.uploaded",
    "recording.deleted",
    "device.bound",
    "device.unbound",
    "device.enrolled",
]
Url = Annotated[str, Meta(min_length=1, max_length=MOST_URL)]
Types = Annotated[list[Wanted], Meta(min_length=1, max_length=16)]
Description = Annotated[str, Meta(max_length=255)]


class WebhookCreate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Body of webhook creation; `*` stands for every type."""

    url: Url
    events: Types = field(default_factory=lambda: ["*"])
    description: Description = ""
    enabled: bool = True


class WebhookChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Body of a change; what is missing stays. To disable cancels what is pending."""

    url: Url | None = None
    events: Types | None = None
    description: Description | None = None
    enabled: bool | None = None


class WebhookView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A webhook; `secret` is in the answer that made or rotated it and nowhere else."""

    id: str
    url: str
    events: Sequence[str]
    description: str
    enabled: bool
    created_at: datetime
    disabled_at: datetime | None
    secret: str | None = None


class WebhookList(Struct, frozen=True, kw_only=True):
    """All webhooks, oldest first; there are never many."""

    data: list[WebhookView]
    has_more: bool = False


class TryView(Struct, frozen=True, kw_only=True):
    """One try: what came back, or why nothing did. Of an answer the first 500 characters."""

    at: datetime
    duration_ms: int
    status: int | None
    error: str | None
    answer: str


class DeliveryView(Struct, frozen=True, kw_only=True):
    """One event on its way to one webhook. A replay is another one, `replay_of` the first."""

    id: str
    event_id: str
    event_type: EventType
    webhook_id: str
    status: DeliveryStatus
    attempts: int
    next_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    replay_of: str | None
    history: list[TryView]


class DeliveryPage(Struct, frozen=True, kw_only=True):
    """Deliveries."""

    data: list[DeliveryView]
    has_more: bool


class EventView(Struct, frozen=True, kw_only=True):
    """An event as it was noted; what goes out of it has URLs to fetch media from as well."""

    id: str
    seq: int
    type: EventType
    created_at: datetime
    data: Mapping[str, Any]


class EventPage(Struct, frozen=True, kw_only=True):
    """Events in order; `next_after` is what to ask with next."""

    data: list[EventView]
    next_after: int
    has_more: bool


def show_webhook(webhook: Webhook, secret: str | None = None) -> WebhookView:
    """Show a webhook."""
    return WebhookView(
        id=webhook.id,
        url=webhook.url,
        events=list(webhook.events),
        description=webhook.description,
        enabled=webhook.disabled_at is None,
        created_at=webhook.created_at,
        disabled_at=webhook.disabled_at,
        secret=secret,
    )


def show_delivery(delivery: Delivery) -> DeliveryView:
    """Show a delivery."""
    return DeliveryView(
        id=delivery.id,
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        webhook_id=delivery.webhook_id,
        status=delivery.status,
        attempts=delivery.attempts,
        next_at=delivery.next_at,
        created_at=delivery.created_at,
        ended_at=delivery.ended_at,
        replay_of=delivery.replay_of,
        history=[
            TryView(
                at=tried.at,
                duration_ms=tried.duration_ms,
                status=tried.status,
                error=tried.error,
                answer=tried.answer,
            )
            for tried in delivery.history
        ],
    )


def show_event(event: Event) -> EventView:
    """Show an event that has its position."""
    return EventView(
        id=event.id,
        seq=event.position or 0,
        type=event.type,
        created_at=event.created_at,
        data=event.data,
    )
