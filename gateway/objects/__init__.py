"""The ObjectStore seam: where the bytes of media are kept, and how they get there."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from gateway.errors import StorageFailed, StorageFull


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """Names one object: a medium of a recording. Both are ids this gateway made, safe as paths."""

    recording_id: str
    medium_id: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds whole, counted by itself; `mark` as in `Found`."""

    size_bytes: int
    sha256: str
    mark: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a client announced of an object before it sends it; digests are lowercase hex."""

    content_type: str
    size_bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFor:
    """How long a signed URL lives, and where this gateway is.

    `base_url` is this gateway as the client sees it, with the API version; `expires` is in Unix
    seconds and `life_s` from now, both by the gateway's clock.
    """

    base_url: str
    expires: int
    life_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadTarget:
    """Where a client PUTs an object. `protocol` names what the URL speaks beyond a plain PUT.

    `headers` go out with it, exactly so. `handle` names an upload that was begun in the store: to
    be kept before anybody hears of it.
    """

    url: str
    protocol: str | None
    headers: Mapping[str, str] = field(default_factory=dict)
    handle: str | None = None


class ObjectStore(Protocol):
    """One place for objects. An object is there whole and durable, or not at all."""

    async def target(
        self, ref: ObjectRef, offer: Offer, signed: SignedFor, *, handle: str | None = None
    ) -> UploadTarget:
        """Sign where to PUT an object.

        Args:
            ref: Which object.
            offer: What is known of it.
            signed: For how long, and where this gateway is.
            handle: The upload begun before, if one was: gone on with where it can be.

        Raises:
            StorageFull, StorageFailed, Unavailable: The store does not begin an upload.
        """
        ...

    async def download_url(self, ref: ObjectRef, signed: SignedFor) -> str:
        """Sign where to GET an object."""
        ...

    async def verify(self, ref: ObjectRef) -> Stored | None:
        """Count an object's bytes and digest anew; None when it is not there.

        Raises:
            StorageFailed: It is there and cannot be read.
        """
        ...

    async def reject(self, ref: ObjectRef) -> None:
        """Put an object with a wrong digest aside, for people to look at; repeatable."""
        ...

    async def delete(self, recording_id: str, refs: Sequence[ObjectRef]) -> None:
        """Forget all objects of a recording, half-received ones too; repeatable."""
        ...

    async def ping(self) -> None:
        """Prove that an object could be written now.

        Raises:
            Unavailable: It could not.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections; idempotent, never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What a store says of an object: its size, and its digest where the store counted it.

    `mark` is another as soon as the object is: an ETag, a generation.
    """

    size_bytes: int
    sha256: str | None
    mark: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """An object in a store's list."""

    ref: ObjectRef
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Begun:
    """An upload in a store's list that has not become an object."""

    ref: ObjectRef
    handle: str
    begun_at: datetime


class DirectObjectStore(ObjectStore, Protocol):
    """A store that clients reach themselves: no byte of theirs passes through this gateway."""

    async def look(self, ref: ObjectRef) -> Found | None:
        """Ask for size and digest without reading the object; None when it is not there.

        The digest only where the store counted it itself and refuses bytes that have another.
        """
        ...

    def begins(self, offer: Offer) -> bool:
        """Say whether an object like this goes up by an upload that has a handle."""
        ...

    async def abandon(self, ref: ObjectRef, handle: str) -> None:
        """End an upload that has not become an object; repeatable."""
        ...

    def listed(self) -> AsyncIterator[Listed]:
        """List all objects, page by page."""
        ...

    async def begun(self) -> list[Begun]:
        """List uploads that have not become objects, where the store can."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPart:
    """A part that a store holds; `number` counts from 1."""

    number: int
    etag: str
    size_bytes: int


class PartedObjectStore(DirectObjectStore, Protocol):
    """A store whose large objects come in parts, each PUT to a URL of its own."""

    def part_bytes(self, size_bytes: int) -> int:
        """Give the size of the parts of an object; the same for ever."""
        ...

    async def begin(self, ref: ObjectRef, offer: Offer) -> str:
        """Begin an upload; answers its handle. Not repeatable: each call begins another."""
        ...

    async def held(self, ref: ObjectRef, handle: str, first: int) -> list[HeldPart] | None:
        """List parts that are up, some hundred from `first` on; None: the upload is no more."""
        ...

    async def part_urls(
        self, ref: ObjectRef, handle: str, sizes: Mapping[int, int], life_s: int
    ) -> list[str]:
        """Sign where to PUT parts, in the order of `sizes`.

        Args:
            ref: Which object.
            handle: Its upload.
            sizes: Bytes of each part by its number; no URL takes more or less.
            life_s: How long the URLs live.
        """
        ...

    async def complete_url(self, ref: ObjectRef, handle: str, life_s: int) -> str:
        """Sign where to POST the list of parts."""
        ...


class Part(Protocol):
    """A half-received object. Synchronous and thread-safe: called through threads only."""

    @property
    def held_bytes(self) -> int:
        """Bytes from offset 0 that are written and hashed."""
        ...

    def write(self, blocks: Sequence[bytes]) -> None:
        """Append and hash.

        Raises:
            StorageFull: No room; what was written before stays.
            StorageFailed: The disk reported an error; nothing of the part is trusted any more.
        """
        ...

    def sync(self) -> int:
        """Make all held bytes survive a power cut and say how many they are.

        Raises:
            StorageFailed: The disk reported an error; nothing of the part is trusted any more.
        """
        ...

    def restart(self) -> None:
        """Drop all bytes and begin at 0 again."""
        ...

    def sha256(self) -> str:
        """Give the digest of the held bytes."""
        ...

    def seal(self) -> Stored:
        """Turn the part into the object, durably; it cannot be written to any more.

        Raises:
            StorageFull: No room for the name; the part stays.
            StorageFailed: The disk reported an error.
        """
        ...

    def close(self) -> None:
        """Let go of the file; idempotent, never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Arrived:
    """All bytes of an object, few enough to be held in memory.

    `sha256` is what they must have, None for any; bytes of another digest are not kept. `is_new`
    spares the store a look: nothing of the object can be held.
    """

    ref: ObjectRef
    blocks: Sequence[bytes]
    sha256: str | None
    is_new: bool


Kept = Stored | StorageFull | StorageFailed | None
"""What came of `Arrived`: what was counted, or why the disk has nothing of it.

None, and nothing changed, where anything of the object is held already or somebody writes it just
now: then its bytes go through its part.
"""


class CarriedObjectStore(ObjectStore, Protocol):
    """A store whose bytes come and go through this gateway's own URLs."""

    def part(self, ref: ObjectRef) -> Part:
        """Open what is held of an object, its prefix re-hashed; synchronous, called in a thread."""
        ...

    def keep_whole(self, arrived: Sequence[Arrived]) -> list[Kept]:
        """Make objects of all their bytes at once, durably; synchronous, called in a thread.

        Returns:
            What came of each, in order.
        """
        ...

    def part_ids(self) -> set[str]:
        """Say of which media anything half-received is kept; synchronous, called in a thread."""
        ...

    def discard_part(self, medium_id: str) -> None:
        """Remove what is half-received of a medium; repeatable, synchronous."""
        ...

    def path(self, ref: ObjectRef) -> Path:
        """Say where a whole object can be read."""
        ...
