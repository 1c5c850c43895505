"""The ObjectStore seam: where the bytes of media are kept, and how they get there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """Names one object: a medium of a recording. Both are ids this gateway made, safe as paths."""

    recording_id: str
    medium_id: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds whole, counted by itself."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """Where a client PUTs an object. `protocol` names what the URL speaks beyond a plain PUT."""

    url: str
    protocol: str | None


class ObjectStore(Protocol):
    """One place for objects. An object is there whole and durable, or not at all."""

    def target(self, ref: ObjectRef, *, base_url: str, expires: int) -> UploadTarget:
        """Sign where to PUT an object.

        Args:
            ref: Which object.
            base_url: This gateway as the client sees it, with the API version; for stores whose
                bytes come through the gateway.
            expires: Unix seconds.
        """
        ...

    def download_url(self, ref: ObjectRef, *, base_url: str, expires: int) -> str:
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


class CarriedObjectStore(ObjectStore, Protocol):
    """A store whose bytes come and go through this gateway's own URLs."""

    def part(self, ref: ObjectRef) -> Part:
        """Open what is held of an object, its prefix re-hashed; synchronous, called in a thread."""
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
