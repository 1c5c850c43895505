"""The loop that puts events into a stream of NATS JetStream, in order, one process at a time.

An event is acknowledged by the server before that is noted; one that is sent twice has the same
`Nats-Msg-Id`, which the server drops. A server that is away is waited for.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from device.bell import first_of
from device.clock import Clock
from gateway.config_events import EventsConfig
from gateway.errors import ConfigInvalid, GatewayError, Unavailable
from gateway.events.envelope import Envelopes
from gateway.metrics import Metrics
from gateway.model_events import Event
from gateway.store import Store

if TYPE_CHECKING:
    from nats.aio.client import Client

logger = logging.getLogger(__name__)

POLL_S = 2.0
_LEASE = "events-stream"
_LEASE_S = 30.0
_BATCH_S = 20.0
_CALL_S = 5.0
_BATCH = 100
_FIRST_WAIT_S = 1.0
_MOST_WAIT_S = 60.0
_SAME_S = 3600.0
"""How long the server knows an event's id again."""


class Stream:
    """Publishes, until cancelled."""

    def __init__(  # noqa: PLR0913 - the composition root wires seams by keyword
        self,
        store: Store,
        envelopes: Envelopes,
        metrics: Metrics,
        clock: Clock,
        *,
        config: EventsConfig,
        process_id: str,
    ) -> None:
        try:
            import nats  # noqa: F401, PLC0415 - only where it is used
        except ImportError:
            raise ConfigInvalid(
                "FIELDPOST_GATEWAY_NATS_URL needs a package that is not installed",
                hint="pip install 'fieldpost[gateway,nats]'",
            ) from None
        self._store = store
        self._envelopes = envelopes
        self._metrics = metrics
        self._clock = clock
        self._config = config
        self._process_id = process_id
        self._client: Client | None = None
        self._complaint: Exception | None = None
        self._wait_s = 0.0

    async def run(self) -> None:
        """Publish; a server or a database that is away is tried again, less and less often."""
        try:
            while True:
                noted = self._store.events.bell.count
                more = False
                try:
                    more = await self._turn()
                    self._well()
                except GatewayError as error:
                    await self._unwell(str(error))
                    continue
                except Exception:
                    logger.exception("A turn of the stream failed.")
                    await self._unwell("it failed")
                    continue
                if not more:
                    await first_of(self._store.events.bell.after(noted), self._clock.sleep(POLL_S))
        finally:
            await self._disconnect()

    async def _turn(self) -> bool:
        """Publish some events, if it is this process's turn; answers whether there are more."""
        if not await self._store.events.unstreamed(1):
            return False
        if not await self._store.leases.hold(_LEASE, self._process_id, _LEASE_S):
            await self._disconnect()
            return False
        # Looked up again: whoever had the lease until now may have published them.
        waiting = await self._store.events.unstreamed(_BATCH)
        acknowledged: list[str] = []
        try:
            async with asyncio.timeout(_BATCH_S):
                client = await self._connected()
                for event in waiting:
                    await self._publish(client, event)
                    acknowledged.append(event.id)
        except TimeoutError:
            await self._disconnect()
            raise Unavailable("the NATS server is too slow") from None
        finally:
            if acknowledged:
                await self._store.events.streamed(acknowledged, self._clock.now())
                self._metrics.streamed.inc(len(acknowledged))
        return len(waiting) == _BATCH

    async def _publish(self, client: "Client", event: Event) -> None:
        from nats.errors import Error  # noqa: PLC0415 - only where it is used

        body = await self._envelopes.body(event)
        try:
            await client.jetstream().publish(
                f"fieldpost.{event.type}",
                body,
                timeout=_CALL_S,
                stream=self._config.nats_stream,
                headers={"Nats-Msg-Id": event.id},
            )
        except (Error, OSError, TimeoutError) as error:
            await self._disconnect()
            raise Unavailable(f"the NATS server did not take an event: {_told(error)}") from error

    async def _connected(self) -> "Client":
        """Connect and see to it that there is a stream; one that is there stays as it is."""
        import nats  # noqa: PLC0415 - only where it is used
        from nats.errors import Error  # noqa: PLC0415 - as above
        from nats.js.api import StreamConfig  # noqa: PLC0415 - as above
        from nats.js.errors import NotFoundError  # noqa: PLC0415 - as above

        if self._client is not None and self._client.is_connected:
            return self._client
        await self._disconnect()
        self._complaint = None
        creds = self._config.nats_creds
        name = self._config.nats_stream
        try:
            self._client = await nats.connect(
                self._config.nats_url or "",
                name="fieldpost-gateway",
                user_credentials=None if creds is None else str(creds),
                connect_timeout=int(_CALL_S),
                allow_reconnect=False,
                # It counts attempts of the first connection too, and none means for ever.
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                error_cb=self._heard,
            )
            manager = self._client.jsm(timeout=_CALL_S)
            try:
                await manager.stream_info(name)
            except NotFoundError:
                await manager.add_stream(
                    StreamConfig(name=name, subjects=["fieldpost.>"], duplicate_window=_SAME_S)
                )
        except (Error, OSError, TimeoutError) as error:
            await self._disconnect()
            raise Unavailable(f"the NATS server cannot be used: {self._why(error)}") from error
        return self._client

    def _why(self, error: Exception) -> str:
        """Say why; where it could not connect, it told before and says no more at the end."""
        return _told(error if self._complaint is None else self._complaint)

    async def _heard(self, error: Exception) -> None:
        """Take what the client would log."""
        self._complaint = error

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            try:
                async with asyncio.timeout(_CALL_S):
                    await client.close()
            except Exception as error:  # noqa: BLE001 - it is let go of, whatever it says
                logger.debug("The stream closed badly.", extra={"reason": str(error)})

    def _well(self) -> None:
        if self._wait_s:
            logger.info("The stream takes events again.")
        self._wait_s = 0.0
        self._metrics.stream_up.set(1)

    async def _unwell(self, reason: str) -> None:
        if not self._wait_s:
            logger.error("The stream takes no events; they wait.", extra={"reason": reason})
        self._metrics.stream_up.set(0)
        self._wait_s = min(self._wait_s * 2 or _FIRST_WAIT_S, _MOST_WAIT_S)
        await self._clock.sleep(self._wait_s)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
