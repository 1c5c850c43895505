"""Seams of what leaves the gateway: events, webhooks, and each delivery."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from device.bell import Bell
from gateway.model_events import (
    Backlog,
    Claimed,
    Delivery,
    DeliveryStatus,
    Event,
    Lease,
    Try,
    Webhook,
)


class Events(Protocol):
    """What happened. Events are noted by the writes that they are about, in their transaction."""

    @property
    def bell(self) -> Bell:
        """Rings when this process noted an event, or gave one its position."""
        ...

    async def fan_out(self, at: datetime, limit: int) -> int:
        """Give events their position, and make a delivery for every webhook that wants them.

        At once, whoever does it: two processes never do the same event. Answers how many.
        """
        ...

    async def after(self, position: int, limit: int) -> list[Event]:
        """List events beyond a position, in order; nothing appears before what was listed."""
        ...

    async def latest(self) -> int:
        """Give the highest position, 0 where there is none."""
        ...

    async def event(self, event_id: str) -> Event | None:
        """Look one up."""
        ...

    async def unstreamed(self, limit: int) -> list[Event]:
        """List events that the stream has not taken, in order."""
        ...

    async def streamed(self, event_ids: Sequence[str], at: datetime) -> None:
        """Note that the stream took events; repeatable."""
        ...

    async def backlog(self) -> Backlog:
        """Say what the stream has not taken."""
        ...

    async def expire(self, before: datetime, *, streaming: bool, limit: int) -> int:
        """Forget events of before that time, with their deliveries; answers how many.

        Never one with a pending delivery, nor one that a stream is still to take, nor the newest.
        """
        ...


class Webhooks(Protocol):
    """Addresses that events are sent to."""

    async def add(self, webhook: Webhook, *, limit: int) -> None:
        """Keep a new one.

        Raises:
            Conflict: There are `limit` already.
        """
        ...

    async def webhook(self, webhook_id: str) -> Webhook | None:
        """Look one up; None when there is none, or it was deleted."""
        ...

    async def all(self) -> list[Webhook]:
        """List all, oldest first."""
        ...

    async def change(self, webhook: Webhook, at: datetime) -> bool:
        """Keep its address, description, types and whether it is disabled, as they are now.

        Disabling cancels what is pending. False where it was deleted.
        """
        ...

    async def rotate(self, webhook_id: str) -> Webhook | None:
        """Count its secret on; None where it was deleted."""
        ...

    async def delete(self, webhook_id: str, at: datetime) -> bool:
        """Delete it and cancel what is pending; False when there is none."""
        ...


class Deliveries(Protocol):
    """Events on their way. Each try is claimed first, so that nobody else makes it too."""

    async def claim(
        self, lease: Lease, *, limit: int, each: int, slots: Mapping[str, int]
    ) -> list[Claimed]:
        """Take tries that are due, and those whose lease ran out.

        Args:
            lease: What they are taken under.
            limit: How many at most.
            each: How many of one webhook at most.
            slots: The same for some webhooks, 0 to leave one out.
        """
        ...

    async def ended(
        self, claimed: Claimed, tried: Try, next_at: datetime | None
    ) -> DeliveryStatus | None:
        """Note what came of a try; `next_at` None after one that failed: it is dead.

        None, and nothing changes, where the lease is somebody else's by now or the delivery was
        cancelled.
        """
        ...

    async def delivery(self, delivery_id: str) -> Delivery | None:
        """Look one up."""
        ...

    async def page(
        self, webhook_id: str | None, status: DeliveryStatus | None, limit: int, offset: int
    ) -> list[Delivery]:
        """List, newest first; None: of any webhook, of any status."""
        ...

    async def test(self, event: Event, webhook_id: str) -> Delivery:
        """Keep an event that is for one webhook alone, with its delivery."""
        ...

    async def replay(self, delivery_id: str, at: datetime) -> Delivery | None:
        """Send the event of a delivery once more, as another one; None when there is none.

        Raises:
            Conflict: It is pending still, or its webhook is disabled or deleted.
        """
        ...

    async def replay_dead(self, webhook_id: str, at: datetime, limit: int) -> list[Delivery]:
        """Replay what is dead and was not replayed yet, oldest first.

        Raises:
            Conflict: The webhook is disabled or deleted.
        """
        ...

    async def backlog(self) -> Backlog:
        """Say what is pending."""
        ...
