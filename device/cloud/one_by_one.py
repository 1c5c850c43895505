"""For an API that hands out one upload target at a time."""

from collections.abc import Sequence

from device.cloud import Cloud, CloudRef
from device.model import Manifest, SealedMedium, Target


class OneByOne:
    """The part of `Cloud` that asks for many targets."""

    def targets_at_once(self, ref: CloudRef) -> int:
        """See `Cloud.targets_at_once`."""
        del ref
        return 1

    async def targets(
        self: Cloud, manifest: Manifest, media: Sequence[SealedMedium], ref: CloudRef
    ) -> list[Target]:
        """See `Cloud.targets`."""
        return [await self.target(manifest, medium, ref) for medium in media]
