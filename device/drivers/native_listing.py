"""What a recorder holds, over a session: pages joined, digests checked, manifests fetched once."""

from functools import partial

from device.core.link.answers import ManifestPage, Page
from device.core.link.catalog import Start, recording_of, sort_items
from device.core.link.listing import RecordingItem, items_digest
from device.core.link.requests import List, ReadManifest
from device.drivers.native_session import Session
from device.errors import MediumGone, ProtocolViolation
from device.model import Listing, RecorderId, Recording, Rejected

TRIES = 5
MAX_RECORDINGS = 65_536


class _Moved(ProtocolViolation):
    """The listing changed, or was damaged, while it was being read."""

    code = "listing-moved"


class Listings:
    """Reads listings; keeps the manifests it has seen by their digest."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._manifests: dict[bytes, tuple[bytes, ...]] = {}
        self.revision: int | None = None
        """Of the last whole listing."""

    async def listing(self, recorder: RecorderId, start: Start | None) -> Listing:
        """Read the whole listing, again when it changes meanwhile.

        Raises:
            LinkLost: The line is gone.
            ProtocolViolation: It never is what its digest says.
        """
        for _ in range(TRIES):
            try:
                return await self._once(recorder, start)
            except (_Moved, MediumGone):
                continue
        raise ProtocolViolation("the recorder's listing never agrees with its own digest")

    async def _once(self, recorder: RecorderId, start: Start | None) -> Listing:
        revision, encoded = await self._items()
        items, rejected = sort_items(encoded)
        found: list[Recording] = []
        refused: list[Rejected] = list(rejected)
        for item in items:
            media = self._manifests.get(item.manifest) or await self._manifest(item)
            joined = recording_of(item, media, recorder, start)
            if isinstance(joined, Recording):
                self._manifests[item.manifest] = media
                found.append(joined)
            else:
                refused.append(joined)
        held = {item.manifest for item in items}
        self._manifests = {k: v for k, v in self._manifests.items() if k in held}
        self.revision = revision
        return Listing(recordings=tuple(found), rejected=tuple(refused))

    async def _items(self) -> tuple[int, tuple[bytes, ...]]:
        encoded: list[bytes] = []
        revision: int | None = None
        while True:
            page = await self._session.ask(partial(_list, len(encoded)), Page)
            if page.total > MAX_RECORDINGS:
                raise ProtocolViolation(f"the recorder lists {page.total} recordings")
            if page.first != len(encoded) or revision not in (None, page.revision):
                raise _Moved("the listing changed while it was read")
            revision = page.revision
            encoded += page.items
            if page.end:
                if len(encoded) != page.total or page.sha256 != items_digest(encoded):
                    raise _Moved("the listing changed while it was read")
                return page.revision, tuple(encoded)
            if not page.items or len(encoded) > page.total:
                raise _Moved("the listing changed while it was read")

    async def _manifest(self, item: RecordingItem) -> tuple[bytes, ...]:
        encoded: list[bytes] = []
        while True:
            page = await self._session.ask(
                partial(_read_manifest, item, len(encoded)), ManifestPage
            )
            if page.first != len(encoded):
                raise _Moved("the listing changed while it was read")
            encoded += page.items
            if page.end:
                return tuple(encoded)
            if not page.items or len(encoded) > item.media:
                raise _Moved("the listing changed while it was read")


def _list(first: int, request: int) -> List:
    return List(request=request, first=first)


def _read_manifest(item: RecordingItem, first: int, request: int) -> ReadManifest:
    return ReadManifest(
        request=request, recording=item.recording, generation=item.generation, first=first
    )
