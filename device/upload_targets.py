"""The target of one medium: asked of the cloud, and which protocol it speaks found out."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from device.clock import Clock
from device.cloud import Cloud, CloudRef
from device.config import UploadConfig
from device.core import carry
from device.core.uploads.classify import SINGLE_PUT, Stores, answered, classify, question
from device.errors import CloudUnreachable, Uncarried
from device.model import Entry, Manifest, MediaKind, SealedMedium, Target, UploadSession
from device.progress import Progress
from device.transport import Transport
from device.upload_slots import UploadSlots

if TYPE_CHECKING:
    from device.spool.spool import Spool


_ORIGIN = re.compile(r"[^:/?#]+://[^/?#]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What an upload works with."""

    spool: "Spool"
    cloud: Cloud
    transport: Transport
    clock: Clock
    stores: Stores
    settings: UploadConfig
    progress: Progress
    slots: UploadSlots
    """One is held for each medium on its way."""
    turn: int
    """Of the recording, among those that are under way."""


class Targets:
    """Of one medium; each is asked for just in time."""

    def __init__(self, way: Way, entry: Entry, manifest: Manifest, medium: SealedMedium) -> None:
        self._way = way
        self._entry = entry
        self._manifest = manifest
        self._medium = medium

    async def fresh(self, ref: CloudRef) -> UploadSession:
        """Ask for a target; the session on it has not begun.

        Raises:
            CloudUnreachable: The store does not say what it speaks.
            CloudError: Whatever else the API says.
        """
        target = await self._way.cloud.target(self._manifest, self._medium, ref)
        return await self.session_on(target)

    async def session_on(self, target: Target) -> UploadSession:
        """Find out what a target speaks that was asked for together with others.

        Raises:
            CloudUnreachable: The store does not say.
        """
        return UploadSession(target=target, protocol=await self._spoken(target))

    async def _spoken(self, target: Target) -> str:
        """Name the protocol of a target; a store that nobody knows is asked, once a day."""
        if (known := classify(target)) is not None:
            return known
        store = origin(target.url)
        stores, now_s = self._way.stores, self._way.clock.monotonic()
        if (told := stores.spoken(store, now_s)) is not None:
            return told
        path = self._way.spool.path_of(self._entry, self._medium.index)
        answer = await self._way.transport.send(question(target), path, lambda _: None)
        if (told := answered(answer)) is None:
            raise CloudUnreachable(f"the store at {store} does not answer")
        stores.learn(store, told, now_s)
        return told

    def cut_first(self, session: UploadSession) -> None:
        """See that a PUT that only starting over can repeat is of what the link can carry.

        Not where the Bota API names the protocol itself: that is our gateway, which takes no other
        medium under the same Idempotency-Key, and can offer what resumes.

        Raises:
            Uncarried: It is not.
        """
        medium, settings = self._medium, self._way.settings
        if medium.kind is not MediaKind.AUDIO:
            return
        uncut = {m.medium.index for m in self._entry.media if m.cut is None}
        bota = self._way.cloud.name.partition("+")[0] == "bota"
        gateway = bota and session.target.protocol is not None
        plain = session.protocol == SINGLE_PUT and not gateway
        if not (medium.index in uncut and plain):
            return
        if (part_s := settings.segment_s) is not None:
            reason = f"[upload] segment is {settings.segment}"
            raise Uncarried(medium.index, reason, part_s=part_s)
        fares = self._way.stores.links.fares(origin(session.target.url))
        part_bytes = carry.largest_part(medium.size_bytes, fares)
        if settings.segment == "auto" and part_bytes is not None:
            reason = carry.explain(medium.size_bytes, fares)
            raise Uncarried(medium.index, reason, part_bytes=part_bytes)


def origin(url: str) -> str:
    """Name the server of a URL."""
    found = _ORIGIN.match(url)
    return url if found is None else found[0]
