"""Hand out the parts documents of multipart uploads, a few presigned URLs at a time."""

import logging
from dataclasses import dataclass

from device.clock import Clock
from gateway.errors import NotFound, UploadGone
from gateway.intake import offer_of, ref_of
from gateway.model import MediaStatus, Medium
from gateway.objects import HeldPart, PartedObjectStore
from gateway.store import Store

logger = logging.getLogger(__name__)

_URLS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PartList:
    """What a client needs to go on: URLs by part number, and the parts that are up."""

    part_bytes: int
    urls: dict[int, str]
    complete_url: str
    held: list[HeldPart]


class PartLists:
    """The multipart uploads of an object store; each is begun when its first list is asked for."""

    def __init__(
        self, store: Store, objects: PartedObjectStore, clock: Clock, *, url_ttl_s: int
    ) -> None:
        self._store = store
        self._objects = objects
        self._clock = clock
        self._url_ttl_s = url_ttl_s

    async def list(self, medium_id: str, first: int) -> PartList:
        """Say what is held from part `first` on, and where the next parts go.

        Raises:
            NotFound: No such medium, or it has no parts.
            UploadGone: Completed, or given up: a fresh target begins anew.
            StorageFull, StorageFailed, Unavailable: The store.
        """
        medium = await self._store.recordings.medium(medium_id)
        if medium is None or medium.file_size_bytes is None:
            raise NotFound("there is no such upload session")
        if medium.status is MediaStatus.UPLOADED:
            raise UploadGone("the medium is uploaded")
        await self._store.recordings.touch_medium(medium.id, self._clock.now())
        handle = await self._handle(medium, first)
        ref = ref_of(medium)
        held = await self._objects.held(ref, handle, first)
        if held is None:
            # Completed by the client most often; upload-complete finds the object then.
            await self._store.uploads.drop(medium.id, handle)
            raise UploadGone("the upload was completed or given up")
        part_bytes = self._objects.part_bytes(medium.file_size_bytes)
        sizes = _sizes(medium.file_size_bytes, part_bytes, _first_missing(held, first))
        urls = await self._objects.part_urls(ref, handle, sizes, self._url_ttl_s)
        return PartList(
            part_bytes=part_bytes,
            urls=dict(zip(sizes, urls, strict=True)),
            complete_url=await self._objects.complete_url(ref, handle, self._url_ttl_s),
            held=held,
        )

    async def _handle(self, medium: Medium, first: int) -> str:
        """Give the upload's handle; the first list begins it."""
        known = await self._store.uploads.handle(medium.id)
        if known is not None:
            return known
        if first > 1:
            # The parts that the client counts on were another upload's.
            raise UploadGone("the upload was completed or given up")
        ref = ref_of(medium)
        begun = await self._objects.begin(ref, offer_of(medium))
        kept = await self._store.uploads.keep(medium.id, begun)
        if kept != begun:
            await self._objects.abandon(ref, begun)
        return kept


def _first_missing(held: list[HeldPart], first: int) -> int:
    """Skip the parts that are up without a gap."""
    numbers = {part.number for part in held}
    while first in numbers:
        first += 1
    return first


def _sizes(total_bytes: int, part_bytes: int, first: int) -> dict[int, int]:
    """Say which parts are handed out from `first` on, and how many bytes each holds."""
    count = max(1, -(-total_bytes // part_bytes))
    return {
        number: min(part_bytes, total_bytes - (number - 1) * part_bytes)
        for number in range(first, count + 1)[:_URLS]
    }
