"""When a recording is complete: every medium whole, and the claimed digest one of ours."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.model import MediaStatus, MediaType, Medium


@dataclass(frozen=True, slots=True)
class NoMedia:
    """There is nothing to complete."""


@dataclass(frozen=True, slots=True)
class Pending:
    """These media are not whole."""

    media_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The claimed digest is that of no primary medium; `medium` is the one it should be."""

    medium: Medium


@dataclass(frozen=True, slots=True)
class Complete:
    """All is whole; `medium` is the one whose digest stands for the recording."""

    medium: Medium


Decision = NoMedia | Pending | Mismatch | Complete


def decide(media: Sequence[Medium], claimed_sha256: str | None) -> Decision:
    """Decide an upload-complete.

    The recording's digest is that of its first audio medium, or of its first medium where there is
    no audio. Media arrive in any order (images go first on a young link), so "first" may differ
    between client and gateway: a claim equal to the digest of another audio medium is as good,
    since each of them was checked by itself.

    Args:
        media: Oldest first.
        claimed_sha256: `content_sha256` of the request, None if it makes no claim.
    """
    if not media:
        return NoMedia()
    pending = tuple(m.id for m in media if m.status is MediaStatus.PENDING)
    if pending:
        return Pending(pending)
    candidates = [m for m in media if m.type is MediaType.AUDIO] or list(media)
    if claimed_sha256 is None:
        return Complete(candidates[0])
    for medium in candidates:
        if medium.content_sha256 == claimed_sha256:
            return Complete(medium)
    return Mismatch(candidates[0])
