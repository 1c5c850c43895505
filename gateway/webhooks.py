"""What can be done with webhooks: make, change, rotate, try out, look at and replay deliveries."""

import dataclasses
import logging
from collections.abc import Sequence

from device.clock import Clock
from gateway.access import new_id
from gateway.core.addresses import check_url
from gateway.core.ids import Prefix
from gateway.core.webhooks import webhook_secret
from gateway.errors import NotFound
from gateway.model_events import Delivery, Event, EventType, Webhook
from gateway.store import Store

logger = logging.getLogger(__name__)

MOST_WEBHOOKS = 100
MOST_REPLAYED = 100


class WebhookDesk:
    """The use cases of webhooks."""

    def __init__(self, store: Store, clock: Clock, *, secret: bytes, allow_http: bool) -> None:
        self._store = store
        self._clock = clock
        self._secret = secret
        self._allow_http = allow_http

    async def add(
        self, url: str, events: Sequence[str], *, description: str = "", enabled: bool = True
    ) -> tuple[Webhook, str]:
        """Make a webhook; answers it and its secret, which is not shown again.

        Raises:
            InvalidRequest: A webhook may not have this URL.
            Conflict: There are too many.
        """
        now = self._clock.now()
        webhook = Webhook(
            id=new_id(Prefix.WEBHOOK),
            url=check_url(url, allow_http=self._allow_http),
            events=tuple(dict.fromkeys(events)),
            description=description,
            created_at=now,
            disabled_at=None if enabled else now,
        )
        await self._store.webhooks.add(webhook, limit=MOST_WEBHOOKS)
        logger.info("A webhook was made.", extra={"webhook_id": webhook.id})
        return webhook, self._secret_of(webhook)

    async def find(self, webhook_id: str) -> Webhook:
        """Look one up.

        Raises:
            NotFound: There is none.
        """
        found = await self._store.webhooks.webhook(webhook_id)
        if found is None:
            raise _no_webhook()
        return found

    async def change(
        self,
        webhook_id: str,
        *,
        url: str | None,
        events: Sequence[str] | None,
        description: str | None,
        enabled: bool | None,
    ) -> Webhook:
        """Change what is not None; disabling cancels what is pending.

        Raises:
            NotFound: There is none.
            InvalidRequest: A webhook may not have this URL.
        """
        changed = await self.find(webhook_id)
        now = self._clock.now()
        if url is not None:
            checked = check_url(url, allow_http=self._allow_http)
            changed = dataclasses.replace(changed, url=checked)
        if events is not None:
            changed = dataclasses.replace(changed, events=tuple(dict.fromkeys(events)))
        if description is not None:
            changed = dataclasses.replace(changed, description=description)
        if enabled is not None:
            since = None if enabled else changed.disabled_at or now
            changed = dataclasses.replace(changed, disabled_at=since)
        if not await self._store.webhooks.change(changed, now):
            raise _no_webhook()
        logger.info("A webhook was changed.", extra={"webhook_id": webhook_id})
        return changed

    async def rotate(self, webhook_id: str) -> tuple[Webhook, str]:
        """Give a webhook another secret, which counts from the next try on.

        Raises:
            NotFound: There is none.
        """
        rotated = await self._store.webhooks.rotate(webhook_id)
        if rotated is None:
            raise _no_webhook()
        logger.info("A webhook has a new secret.", extra={"webhook_id": webhook_id})
        return rotated, self._secret_of(rotated)

    async def delete(self, webhook_id: str) -> None:
        """Delete a webhook and cancel what is pending.

        Raises:
            NotFound: There is none.
        """
        if not await self._store.webhooks.delete(webhook_id, self._clock.now()):
            raise _no_webhook()
        logger.info("A webhook was deleted.", extra={"webhook_id": webhook_id})

    async def test(self, webhook_id: str) -> Delivery:
        """Send a webhook an event that is for it alone.

        Raises:
            NotFound: There is none.
        """
        webhook = await self.find(webhook_id)
        now = self._clock.now()
        event = Event(
            id=new_id(Prefix.EVENT),
            type=EventType.WEBHOOK_TEST,
            created_at=now,
            data={"webhook_id": webhook.id},
            streamed_at=now,
        )
        return await self._store.deliveries.test(event, webhook.id)

    async def delivery(self, delivery_id: str) -> Delivery:
        """Look a delivery up.

        Raises:
            NotFound: There is none, or none any more.
        """
        found = await self._store.deliveries.delivery(delivery_id)
        if found is None:
            raise _no_delivery()
        return found

    async def replay(self, delivery_id: str) -> Delivery:
        """Send the event of a delivery once more.

        Raises:
            NotFound: There is none, or none any more.
            Conflict: It is on its way, or its webhook is disabled or deleted.
        """
        made = await self._store.deliveries.replay(delivery_id, self._clock.now())
        if made is None:
            raise _no_delivery()
        logger.info("A delivery is replayed.", extra={"delivery_id": delivery_id})
        return made

    async def replay_dead(self, webhook_id: str) -> tuple[list[Delivery], bool]:
        """Replay what is dead, oldest first; answers what was made, and whether to call again.

        Raises:
            NotFound: There is no such webhook.
            Conflict: It is disabled.
        """
        await self.find(webhook_id)
        made = await self._store.deliveries.replay_dead(
            webhook_id, self._clock.now(), MOST_REPLAYED
        )
        logger.info(
            "Dead deliveries are replayed.",
            extra={"webhook_id": webhook_id, "deliveries": len(made)},
        )
        return made, len(made) == MOST_REPLAYED

    def _secret_of(self, webhook: Webhook) -> str:
        return webhook_secret(self._secret, webhook.id, webhook.secret_generation)


def _no_webhook() -> NotFound:
    return NotFound("there is no such webhook", hint="fieldpost-gateway webhooks ls")


def _no_delivery() -> NotFound:
    return NotFound(
        "there is no such delivery, or it was so long ago that it is forgotten",
        hint="fieldpost-gateway webhooks deliveries",
    )
