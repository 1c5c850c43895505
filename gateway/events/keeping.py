"""The loop that counts what waits, and forgets old events once everybody has them."""

import logging
from datetime import timedelta

from device.clock import Clock
from gateway.errors import GatewayError
from gateway.metrics import Metrics
from gateway.model_events import Backlog
from gateway.store import Store

logger = logging.getLogger(__name__)

COUNT_S = 15.0
_FORGET_S = 3600.0
_SOME = 500


class Keeper:
    """Keeps the outbox small and its length known."""

    def __init__(
        self, store: Store, metrics: Metrics, clock: Clock, *, keep_s: int, streaming: bool
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._keep = timedelta(seconds=keep_s)
        self._streaming = streaming
        self._forgot_s: float | None = None

    async def run(self) -> None:
        """Count and forget until cancelled."""
        while True:
            try:
                await self.count()
                now_s = self._clock.monotonic()
                if self._forgot_s is None or now_s - self._forgot_s >= _FORGET_S:
                    await self.forget()
                    self._forgot_s = now_s
            except GatewayError as error:
                logger.warning("Events could not be counted.", extra={"reason": str(error)})
            except Exception:
                logger.exception("Counting events failed.")
            await self._clock.sleep(COUNT_S)

    async def count(self) -> None:
        """Say in the metrics what waits."""
        self._set("webhooks", await self._store.deliveries.backlog())
        if self._streaming:
            self._set("stream", await self._store.events.backlog())

    async def forget(self) -> int:
        """Forget what is old and done; answers how many events."""
        before = self._clock.now() - self._keep
        forgotten = 0
        while some := await self._store.events.expire(
            before, streaming=self._streaming, limit=_SOME
        ):
            forgotten += some
        if forgotten:
            logger.info("Old events were forgotten.", extra={"events": forgotten})
        return forgotten

    def _set(self, way: str, backlog: Backlog) -> None:
        age_s = 0.0
        if backlog.oldest_at is not None:
            age_s = max(0.0, (self._clock.now() - backlog.oldest_at).total_seconds())
        self._metrics.events_waiting.labels(way).set(backlog.waiting)
        self._metrics.events_oldest_seconds.labels(way).set(age_s)
