"""The recorder's listing and manifests as pages that fit the session's frames."""

from collections.abc import Sequence
from dataclasses import replace

from device.core.link.answers import MAX_PAGE, ManifestPage, Page
from device.core.link.listing import MediumItem, RecordingItem, encode_item, items_digest
from device.core.link.messages import MIN_FRAME_BYTES
from device.core.link.store import Store, Stored

PAGE_OVERHEAD_BYTES = 96
"""More than a page takes besides its items: every field at its longest, and the type byte."""

ITEM_OVERHEAD_BYTES = 3


class Shelf:
    """Pages of a store's listing; encodes each revision once."""

    def __init__(self, store: Store, max_frame_bytes: int) -> None:
        self._store = store
        self._room = max_frame_bytes - PAGE_OVERHEAD_BYTES
        self._revision: int | None = None
        self._items: tuple[bytes, ...] = ()

    def page(self, request: int, first: int) -> Page:
        """Return the page of the listing that begins at item `first`."""
        if (revision := self._store.revision()) != self._revision:
            self._items = tuple(self._recording(stored) for stored in self._store.recordings())
            self._revision = revision
        items = self._fit(self._items[first:])
        end = first + len(items) >= len(self._items)
        return Page(
            request=request,
            revision=revision,
            total=len(self._items),
            first=first,
            items=items,
            end=end,
            sha256=items_digest(self._items) if end else None,
        )

    def manifest(self, request: int, stored: Stored, first: int) -> ManifestPage:
        """Return the page of a manifest that begins at medium `first`."""
        items = self._fit([self._medium(item) for item in stored.media[first:]])
        return ManifestPage(
            request=request,
            total=len(stored.media),
            first=first,
            items=items,
            end=first + len(items) >= len(stored.media),
        )

    def find(self, recording: bytes, generation: int) -> Stored | None:
        """Return what the store has under this key."""
        return next(
            (
                stored
                for stored in self._store.recordings()
                if (stored.recording, stored.generation) == (recording, generation)
            ),
            None,
        )

    def _fit(self, items: Sequence[bytes]) -> tuple[bytes, ...]:
        fitting: list[bytes] = []
        room = self._room
        for item in items[:MAX_PAGE]:
            room -= len(item) + ITEM_OVERHEAD_BYTES
            if room < 0:
                break
            fitting.append(item)
        return tuple(fitting)

    def _recording(self, stored: Stored) -> bytes:
        item = RecordingItem(
            recording=stored.recording,
            generation=stored.generation,
            state=stored.state,
            media=len(stored.media),
            size_bytes=sum(medium.size_bytes for medium in stored.media),
            manifest=items_digest(self._medium(medium) for medium in stored.media),
            timebase=stored.timebase,
            started_ms=stored.started_ms,
            ended_ms=stored.ended_ms,
            boot=stored.boot,
            metadata=stored.metadata,
        )
        encoded = encode_item(item)
        return encoded if self._fits(encoded) else encode_item(replace(item, metadata=None))

    def _medium(self, item: MediumItem) -> bytes:
        # Measured against the smallest frame there is: a manifest is the same in every session.
        encoded = encode_item(item)
        fits = len(encoded) + ITEM_OVERHEAD_BYTES <= MIN_FRAME_BYTES - PAGE_OVERHEAD_BYTES
        return encoded if fits else encode_item(replace(item, name=None))

    def _fits(self, encoded: bytes) -> bool:
        # Labels are a courtesy: an item that a page cannot hold goes without them.
        return len(encoded) + ITEM_OVERHEAD_BYTES <= self._room
