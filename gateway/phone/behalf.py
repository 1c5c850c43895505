"""Behalf: a cloud that is told of each recording on behalf of the device that its recorder is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from device.clock import Clock
from device.cloud import CloudRef
from device.cloud.bota import Bota
from device.config import CloudConfig
from device.model import Evidence, Manifest, Receipt, RecorderId, RecorderInfo, SealedMedium, Target
from device.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """For whom a recording is created."""

    device_id: str
    end_user_id: str = ""


class Registry(Protocol):
    """Where devices are known by serial number. Errors are `CloudError`."""

    async def named(self, recorder: RecorderId) -> Named:
        """Find the device that a recorder is, or make it. Idempotent."""
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
        self._bota = Bota(config, transport, clock, token)
        self.origin = self._bota.origin

    async def open(self, manifest: Manifest, ref: CloudRef) -> CloudRef:
        """See `Cloud.open`."""
        if ref.get("recording_id"):
            return ref
        named = await self._registry.named(manifest.key.recorder)
        config = replace(self._config, device_id=named.device_id, end_user_id=named.end_user_id)
        return await Bota(config, self._transport, self._clock, self._token).open(manifest, ref)

    async def target(self, manifest: Manifest, medium: SealedMedium, ref: CloudRef) -> Target:
        """See `Cloud.target`."""
        return self._near(await self._bota.target(manifest, medium, ref))

    def targets_at_once(self, ref: CloudRef) -> int:
        """See `Cloud.targets_at_once`."""
        return self._bota.targets_at_once(ref)

    async def targets(
        self, manifest: Manifest, media: Sequence[SealedMedium], ref: CloudRef
    ) -> list[Target]:
        """See `Cloud.targets`."""
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
        return await self._bota.complete(manifest, ref)

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

    def _near(self, target: Target) -> Target:
        if self._nearer is None:
            return target
        public, near = self._nearer
        if not target.url.startswith(f"{public}/"):
            return target
        return replace(target, url=near + target.url.removeprefix(public))
