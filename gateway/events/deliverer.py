"""The loop that gives events their deliveries and makes the tries that are due.

Every process has one. A try is claimed in the database before it is made, for longer than it can
take: when a process dies the claim runs out, and the try is made once more. So receivers get each
event at least once, and tell a second one by its id.
"""

import asyncio
import logging
import secrets
from datetime import timedelta

from device.bell import Bell, first_of
from device.clock import Clock
from gateway.core.webhooks import next_try, signature, webhook_secret
from gateway.errors import GatewayError
from gateway.events.envelope import Envelopes
from gateway.events.lanes import EACH, Lanes
from gateway.events.sender import Sender
from gateway.metrics import Metrics
from gateway.model_events import Claimed, DeliveryStatus, Lease, Try
from gateway.store import Store

logger = logging.getLogger(__name__)

POLL_S = 2.0
"""How soon what another process noted is seen."""

TRY_S = 30.0
LEASE_S = 60.0
_FAN = 200


class Deliverer:
    """Delivers, until it is told to stop."""

    def __init__(  # noqa: PLR0913 - the composition root wires seams by keyword
        self,
        store: Store,
        envelopes: Envelopes,
        sender: Sender,
        metrics: Metrics,
        clock: Clock,
        *,
        secret: bytes,
    ) -> None:
        self._store = store
        self._envelopes = envelopes
        self._sender = sender
        self._metrics = metrics
        self._clock = clock
        self._secret = secret
        self._lanes = Lanes()
        self._freed = Bell()
        self._stopping = False

    def stop(self) -> None:
        """Begin no more tries; `run` ends when those under way have."""
        self._stopping = True
        self._freed.ring()

    async def run(self) -> None:
        """Deliver; a database that is away is tried again."""
        away = False
        async with asyncio.TaskGroup() as tries:
            while not self._stopping:
                noted, freed = self._store.events.bell.count, self._freed.count
                more = False
                try:
                    more = await self._round(tries)
                    away = False
                except GatewayError as error:
                    # Once: it is looked at every two seconds.
                    if not away:
                        logger.warning("Events wait.", extra={"reason": str(error)})
                    away = True
                except Exception:
                    logger.exception("A round of deliveries failed.")
                if not more:
                    await first_of(
                        self._store.events.bell.after(noted),
                        self._freed.after(freed),
                        self._clock.sleep(POLL_S),
                    )

    async def _round(self, tries: asyncio.TaskGroup) -> bool:
        """Fan out, and begin what is due; answers whether there is more to fan out."""
        now = self._clock.now()
        fanned = await self._store.events.fan_out(now, _FAN)
        if self._stopping or self._lanes.free <= 0:
            return False
        claimed = await self._store.deliveries.claim(
            Lease(name=secrets.token_hex(16), at=now, until=now + timedelta(seconds=LEASE_S)),
            limit=self._lanes.free,
            each=EACH,
            slots=self._lanes.slots(),
        )
        for each in claimed:
            self._lanes.begin(each.webhook.id)
            tries.create_task(self._deliver(each), name=f"deliver {each.delivery.id}")
        return fanned >= _FAN

    async def _deliver(self, claimed: Claimed) -> None:
        """Make one try and note what came of it."""
        webhook_id = claimed.webhook.id
        try:
            tried = await self._try(claimed)
            self._lanes.note(webhook_id, good=tried.good)
            again_at = next_try(claimed.delivery.attempts + 1, self._clock.now())
            status = await self._store.deliveries.ended(
                claimed, tried, None if tried.good else again_at
            )
            self._tell(claimed, tried, status)
        except GatewayError as error:
            # The lease runs out, and the try is made once more.
            logger.warning("A delivery could not be noted.", extra={"reason": str(error)})
        except Exception:
            logger.exception("A delivery failed.", extra={"delivery_id": claimed.delivery.id})
        finally:
            self._lanes.end(webhook_id)
            self._freed.ring()

    async def _try(self, claimed: Claimed) -> Try:
        at, begun_s = self._clock.now(), self._clock.monotonic()
        status, error, answer = None, None, ""
        try:
            async with asyncio.timeout(TRY_S):
                body = await self._envelopes.body(claimed.event)
                status, answer = await self._sender.post(
                    claimed.webhook.url, body, self._headers(claimed, body)
                )
        except TimeoutError:
            error = f"no answer within {TRY_S:.0f} s"
        except GatewayError as failed:
            error = str(failed)
        return Try(
            at=at,
            duration_ms=round((self._clock.monotonic() - begun_s) * 1000),
            status=status,
            error=error,
            answer=answer,
        )

    def _headers(self, claimed: Claimed, body: bytes) -> dict[str, str]:
        webhook = claimed.webhook
        secret = webhook_secret(self._secret, webhook.id, webhook.secret_generation)
        timestamp_s = int(self._clock.now().timestamp())
        return {
            "Content-Type": "application/json",
            "X-Bota-Signature": signature(secret, timestamp_s, body),
            "X-Bota-Timestamp": str(timestamp_s),
            "X-Bota-Event-Id": claimed.event.id,
        }

    def _tell(self, claimed: Claimed, tried: Try, status: DeliveryStatus | None) -> None:
        if status is None:
            return
        outcome = "failed" if status is DeliveryStatus.PENDING else status
        self._metrics.deliveries.labels(outcome).inc()
        level = logging.WARNING if status is DeliveryStatus.DEAD else logging.DEBUG
        logger.log(
            level,
            "A delivery is dead." if status is DeliveryStatus.DEAD else "A delivery was tried.",
            extra={
                "delivery_id": claimed.delivery.id,
                "webhook_id": claimed.webhook.id,
                "event_id": claimed.event.id,
                "status": tried.status,
                "reason": tried.error,
            },
        )
