"""Behalf: a cloud that is told of each recording on behalf of the device that its recorder is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from device.clock import Clock
from device.cloud import CloudRef
from device.cloud.bota import Bota
from device.config import CloudConfig
from device.errors import OverQuota, OwnerOverQuota
from device.model import (
    Evidence,
    Manifest,
    Receipt,
    RecorderId,
    RecorderInfo,
    RecordingKey,
    SealedMedium,
    Target,
)
from device.transport import Transport

FULL_S = 60.0
"""After the cloud refused what is too much for one recorder's quota it is asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """For whom a recording is created."""

    device_id: str
    end_user_id: str = ""


class Registry(Protocol):
    """Where devices are known by serial number. Errors are `CloudError`."""

    async def named(self, recording: RecordingKey) -> Named:
        """Say for whom a recording is created: the same again whenever it is asked.

        The recorder's device is made, where there is none.
        """
        ...

    async def settled(self, recording: RecordingKey) -> None:
        """Forget what was said of a recording: it is created for good. Idempotent."""
        ...

    async def heard(self, info: RecorderInfo, end_user_id: str | None) -> str | None:
        """Tell how a recorder fares that a phone has brought; answers our own id of the device."""
        ...


class Behalf:
    """See `Cloud`. Which device is meant is part of `open` alone; the rest goes by the recording.

    The request that creates a recording says nothing of the phone: whichever phone or gateway
    process sends it, it is the same request under the same Idempotency-Key.
    """

    name = "bota"

    def __init__(  # noqa: PLR0913 - each is a seam of the composition root
        self,
        config: CloudConfig,
        transport: Transport,
        clock: Clock,
        token: Callable[[], str],
        registry: Registry,
        *,
        nearer: tuple[str, str] | None = None,
    ) -> None:
        """Take over nothing.

        Args:
            config: Of the API.
            transport: Carries the calls.
            clock: Paces waits.
            token: Reads the API key; file work.
            registry: Knows devices.
            nearer: Public origin and a shorter way to it: what the gateway sends itself need not
                go out through the proxy in front of it, if it gets back in that way at all.
        """
        self._config = config
        self._transport = transport
        self._clock = clock
        self._token = token
        self._registry = registry
        self._nearer = nearer
        self._full: dict[tuple[RecorderId, str], tuple[float, str]] = {}
        """Which quotas are used up: until when nobody asks again, and the cloud's words."""
        self._bota = Bota(config, transport, clock, token)
        self.origin = self._bota.origin

    async def open(self, manifest: Manifest, ref: CloudRef) -> CloudRef:
        """See `Cloud.open`."""
        if ref.get("recording_id"):
            return ref
        with self._quota(manifest, "recordings"):
            named = await self._registry.named(manifest.key)
            config = replace(self._config, device_id=named.device_id, end_user_id=named.end_user_id)
            bota = Bota(config, self._transport, self._clock, self._token)
            return await bota.open(manifest, ref)

    async def target(self, manifest: Manifest, medium: SealedMedium, ref: CloudRef) -> Target:
        """See `Cloud.target`."""
        with self._quota(manifest, "media"):
            return self._near(await self._bota.target(manifest, medium, ref))

    def targets_at_once(self, ref: CloudRef) -> int:
        """See `Cloud.targets_at_once`."""
        return self._bota.targets_at_once(ref)

    async def targets(
        self, manifest: Manifest, media: Sequence[SealedMedium], ref: CloudRef
    ) -> list[Target]:
        """See `Cloud.targets`."""
        with self._quota(manifest, "media"):
            return [self._near(each) for each in await self._bota.targets(manifest, media, ref)]

    async def stored(
        self,
        manifest: Manifest,
        medium: SealedMedium,
        target: Target,
        evidence: Evidence,
        ref: CloudRef,
    ) -> CloudRef:
        """See `Cloud.stored`."""
        return await self._bota.stored(manifest, medium, target, evidence, ref)

    async def complete(self, manifest: Manifest, ref: CloudRef) -> Receipt:
        """See `Cloud.complete`."""
        receipt = await self._bota.complete(manifest, ref)
        await self._registry.settled(manifest.key)
        return receipt

    async def heartbeat(self, report: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """See `Cloud.heartbeat`: there is no box; recorders are told of by the registry."""
        del report
        return None

    async def answer_order(self, order: str, outcome: Mapping[str, Any]) -> None:
        """See `Cloud.answer_order`: nobody gives a recorder orders through a phone."""
        del order, outcome

    async def next_token(self) -> str | None:
        """See `Cloud.next_token`: an API key has none."""
        return None

    async def aclose(self) -> None:
        """See `Cloud.aclose`."""
        await self._bota.aclose()

    @contextmanager
    def _quota(self, manifest: Manifest, what: str) -> Iterator[None]:
        """Let a quota that is used up hold up its own recorder, not all that phones bring."""
        whose = (manifest.key.recorder, what)
        until_s, reason = self._full.get(whose, (0.0, ""))
        if self._clock.monotonic() < until_s:
            raise OwnerOverQuota(reason)
        try:
            yield
        except OverQuota as error:
            self._full[whose] = (self._clock.monotonic() + FULL_S, str(error))
            raise OwnerOverQuota(str(error)) from error
        self._full.pop(whose, None)

    def _near(self, target: Target) -> Target:
        if self._nearer is None:
            return target
        public, near = self._nearer
        if not target.url.startswith(f"{public}/"):
            return target
        return replace(target, url=near + target.url.removeprefix(public))
