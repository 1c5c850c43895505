"""The Cloud seam: one API that hands out upload targets and acknowledges what is stored."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from device.model import EntryId, Evidence, Manifest, Receipt, SealedMedium, Target

CloudRef = Mapping[str, str]
"""The cloud's own names for a recording, persisted by the spool and opaque to everybody else."""

MediaPath = Callable[[EntryId, int], Path]
"""Says where a sealed medium lies, for an API that is told what is in it. Does file work."""


class Cloud(Protocol):
    """One upload API. Errors are `CloudError`; calls have their own deadlines and no retries."""

    name: str
    origin: str
    """scheme://host[:port] of the API: what cool-downs are kept for."""

    async def open(self, manifest: Manifest, ref: CloudRef) -> CloudRef:
        """Create the recording in the cloud, or find the one an earlier call created.

        Idempotent by the manifest's key. `ref` is what an earlier call returned, or empty. The
        caller persists the result before going on.
        """
        ...

    async def target(self, manifest: Manifest, medium: SealedMedium, ref: CloudRef) -> Target:
        """Ask where one medium goes, just before it goes.

        Repeating it makes no second medium where the API allows.
        """
        ...

    def targets_at_once(self, ref: CloudRef) -> int:
        """Say for how many media of a recording one call of `targets` asks; 1: use `target`."""
        ...

    async def targets(
        self, manifest: Manifest, media: Sequence[SealedMedium], ref: CloudRef
    ) -> list[Target]:
        """Ask where several media go, in their order: at most `targets_at_once`, or none gets one.

        See `target`, which the API takes for the same.
        """
        ...

    async def stored(
        self,
        manifest: Manifest,
        medium: SealedMedium,
        target: Target,
        evidence: Evidence,
        ref: CloudRef,
    ) -> CloudRef:
        """Tell the API that one medium is up, where it wants to know.

        Returns `ref`, with what was acknowledged written into it where `complete` rests on that;
        the caller persists it before the next call, so that no medium is announced twice.
        Idempotent where the API is.
        """
        ...

    async def complete(self, manifest: Manifest, ref: CloudRef) -> Receipt:
        """Say that every medium is up; return only on a shape-checked acknowledgement. Idempotent.

        Raises:
            MediaMissing: The cloud lacks media; they are sent again.
        """
        ...

    async def heartbeat(self, report: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Say how this box fares; return what the cloud answers, as it came.

        None: this API wants to hear of no box. The caller reads the answer leniently, and decides
        when the next one goes. May be repeated at any time.
        """
        ...

    async def answer_order(self, order: str, outcome: Mapping[str, Any]) -> None:
        """Say how an order of a heartbeat's answer ended. Idempotent.

        Returns as well where the API has no such call: it learns of it by later heartbeats.

        Raises:
            CloudRejected: It does not want to hear that, ever.
        """
        ...

    async def next_token(self) -> str | None:
        """Exchange the token in use for another one; None: this API has no such call.

        Our gateway answers a repetition with the same one, and takes the old one until the new
        one was used. Bota's old one dies at once: with the answer, the way in is lost.
        """
        ...

    async def aclose(self) -> None:
        """Close connections. Idempotent, never raises."""
        ...


BUILTIN = {
    "bota": "device.cloud.bota:open_bota",
    "siro": "device.cloud.siro:open_siro",
    "sivi": "device.cloud.sivi:open_sivi",
    "cryomix": "device.cloud.cryomix:open_cryomix",
    "swayzio": "device.cloud.swayzio:open_swayzio",
}
"""API name → `(CloudConfig, Transport, Clock, token source, MediaPath) -> Cloud`."""
