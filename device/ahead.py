"""Targets of many media, asked for together where the cloud can, and kept in one commit."""

import asyncio
from collections import deque
from collections.abc import Iterable

from device.cloud import CloudRef
from device.errors import FieldpostError
from device.mailbox import mailbox
from device.model import Entry, Manifest, SealedMedium, UploadSession
from device.upload_targets import Targets, Way


class Ahead:
    """Of one entry: a medium whose target nobody asked for yet makes the next ones asked for too.

    Only where one call serves many. Elsewhere a medium asks by itself, just before it goes, for a
    URL may live for a minute only, and each may be a medium in the cloud for good.
    """

    def __init__(
        self, way: Way, entry: Entry, manifest: Manifest, media: Iterable[SealedMedium]
    ) -> None:
        """Take the media in the order in which they go."""
        begun = {m.medium.index for m in entry.outgoing if m.session is not None}
        self._way = way
        self._entry = entry
        self._manifest = manifest
        self._left = deque(medium for medium in media if medium.index not in begun)
        self._unasked = {medium.index for medium in self._left}
        self._fresh: dict[int, UploadSession] = {}
        self._asking = asyncio.Lock()
        self._failed: FieldpostError | None = None
        """Said once: whoever waits for the same answer does not ask again."""

    async def session(self, medium: SealedMedium, ref: CloudRef) -> UploadSession | None:
        """Return a fresh session that is on the disk; None for a medium to see to that itself.

        Raises:
            CloudError: Whatever the API says.
        """
        most = self._way.cloud.targets_at_once(ref)
        if most < 2 or medium.index not in self._unasked:  # noqa: PLR2004 - many
            return None
        async with self._asking:
            if self._failed is not None:
                raise self._failed
            if medium.index not in self._fresh:
                await self._ask(most, ref)
        return self._fresh.pop(medium.index)

    async def _ask(self, most: int, ref: CloudRef) -> None:
        media = [self._left.popleft() for _ in range(min(most, len(self._left)))]
        sessions: dict[int, UploadSession] = {}
        try:
            targets = await self._way.cloud.targets(self._manifest, media, ref)
            for medium, target in zip(media, targets, strict=True):
                asked = Targets(self._way, self._entry, self._manifest, medium)
                sessions[medium.index] = await asked.session_on(target)
            await mailbox().future_of(self._way.spool.save_sessions(self._entry.id, sessions))
        except FieldpostError as error:
            self._failed = error
            raise
        self._fresh |= sessions
