"""The Intake seam: how media become whole, whether this gateway carries their bytes or not."""

from collections.abc import Sequence
from typing import Protocol

from gateway.model import Medium
from gateway.objects import ObjectRef, Offer, SignedFor, UploadTarget


class Intake(Protocol):
    """All uploads of this gateway."""

    async def target(self, medium: Medium, signed: SignedFor) -> UploadTarget:
        """Sign where a medium goes up; what was begun is gone on with."""
        ...

    async def recover(self, medium: Medium) -> Medium:
        """Notice a pending medium whose object is whole already.

        Where clients reach the store, also an object that is another than the verified one.

        Raises:
            Verifying: It is there, and being read to count its digest.
        """
        ...

    async def reopen(self, medium: Medium) -> None:
        """Begin a medium anew whose object has a wrong digest; the object is put aside.

        Leaves a medium alone that was replaced since `medium` was looked up.

        Raises:
            AlreadyUploaded: The recording is complete.
            NotFound: It was deleted.
        """
        ...

    async def forget(self, media: Sequence[Medium]) -> None:
        """Stop what is under way of deleted media; repeatable."""
        ...

    async def clear(self, medium: Medium, handle: str | None) -> None:
        """Remove what is half-received of an expired medium; repeatable.

        Args:
            medium: Left alone where it was revived meanwhile.
            handle: Its upload in the object store, from before it expired.
        """
        ...

    async def tidy(self) -> None:
        """Remove what a crash left and nobody goes on with; at start-up."""
        ...

    def drain(self) -> None:
        """Ask whoever is at work to stop soon."""
        ...

    async def aclose(self) -> None:
        """Stop; idempotent."""
        ...


def ref_of(medium: Medium) -> ObjectRef:
    """Name a medium's object."""
    return ObjectRef(medium.recording_id, medium.id)


def offer_of(medium: Medium) -> Offer:
    """Say what is known of a medium before it is there."""
    return Offer(
        content_type=medium.content_type,
        size_bytes=medium.file_size_bytes,
        sha256=medium.declared_sha256,
    )
