"""What the gateway counts: closed label sets only, never ids."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0)


class Metrics:
    """One registry per application, so that tests may have many."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "fieldpost_gateway_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "fieldpost_gateway_request_seconds",
            "Time from a request's header to the end of its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.received_bytes = Counter(
            "fieldpost_gateway_received_bytes",
            "Bytes of media received, repeated ones left out.",
            registry=self.registry,
        )
        self.completed = Counter(
            "fieldpost_gateway_recordings_completed",
            "Recordings that became uploaded.",
            registry=self.registry,
        )
        self.verified = Counter(
            "fieldpost_gateway_media_verified",
            "Media in a store that clients reach themselves, by how their digest was learned.",
            ["how"],
            registry=self.registry,
        )
        self.verified_bytes = Counter(
            "fieldpost_gateway_verified_bytes",
            "Bytes read back from the object store to count a digest.",
            registry=self.registry,
        )
        self.swept = Counter(
            "fieldpost_gateway_swept",
            "What the sweeper gave up or removed.",
            ["what"],
            registry=self.registry,
        )
        self.deliveries = Counter(
            "fieldpost_gateway_deliveries",
            "Tries to deliver an event to a webhook, by what came of them.",
            ["outcome"],
            registry=self.registry,
        )
        self.streamed = Counter(
            "fieldpost_gateway_events_streamed",
            "Events that the stream took.",
            registry=self.registry,
        )
        self.stream_up = Gauge(
            "fieldpost_gateway_stream_up",
            "Whether the stream took what was last sent to it; 0 also where there is none.",
            registry=self.registry,
        )
        self.events_waiting = Gauge(
            "fieldpost_gateway_events_waiting",
            "Deliveries that are pending, and events that the stream has not taken.",
            ["way"],
            registry=self.registry,
        )
        self.events_oldest_seconds = Gauge(
            "fieldpost_gateway_events_oldest_seconds",
            "How long the oldest of those waits.",
            ["way"],
            registry=self.registry,
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        gauge = Gauge(
            "fieldpost_gateway_requests_in_flight",
            "Requests being answered.",
            registry=self.registry,
        )
        gauge.set_function(lambda: self._in_flight)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request that was answered."""
        known = self._children.get((method, route, status))
        if known is None:
            # Kept: to find them by their labels costs more than to count.
            known = (
                self.requests.labels(method, route, str(status)),
                self.request_seconds.labels(route),
            )
            self._children[method, route, status] = known
        requests, request_seconds = known
        requests.inc()
        request_seconds.observe(seconds)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Count one request while it is being answered."""
        self._in_flight += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    async def idle(self) -> None:
        """Wait until no request is being answered."""
        await self._idle.wait()
