"""Whether what a request brings fits what is known of its medium."""

from gateway.core.brought import Append, Begin, Brought, Chunk, Whole
from gateway.errors import (
    DigestRefused,
    InvalidContentRange,
    InvalidRequest,
    LengthMismatch,
    MediumTooLarge,
    OffsetMismatch,
)
from gateway.model import MediaStatus, Medium

_SMALL_BYTES = 1024 * 1024
"""What is held in memory of each body that is small."""


def agreed_total(medium: Medium, brought: Brought, most_bytes: int) -> int | None:
    """Say how large the medium is to be, as far as anybody knows.

    Raises:
        InvalidContentRange, LengthMismatch: The request does not fit that.
        MediumTooLarge: It is more than `most_bytes`.
    """
    told, known = brought.total, medium.file_size_bytes
    if isinstance(brought, Whole) and medium.status is MediaStatus.UPLOADED:
        # A whole body may replace one with a wrong digest, whatever size that had.
        known = None
    wrong = LengthMismatch if isinstance(brought, Begin | Append) else InvalidContentRange
    if told is not None and known is not None and told != known:
        raise wrong(f"the medium has {known} bytes, the request says {told}")
    total = told if known is None else known
    if total is not None and brought.end > total:
        raise wrong(f"the bytes end beyond the medium's {total}")
    if max(brought.end, total or 0) > most_bytes:
        raise MediumTooLarge(f"this gateway takes media up to {most_bytes} bytes")
    return total


def small_whole(medium: Medium, brought: Brought, total: int | None) -> int:
    """Say how large a body is that brings a pending medium whole and is small; 0 for any other."""
    if medium.status is not MediaStatus.PENDING:
        return 0
    match brought:
        case Chunk(first=0, size_bytes=size_bytes) | Whole(size_bytes=size_bytes):
            return size_bytes if size_bytes == total and size_bytes <= _SMALL_BYTES else 0
        case _:
            return 0


def check_digest(medium: Medium, sha256: str) -> None:
    """Refuse bytes that are not those that were declared.

    Raises:
        DigestRefused: They are others.
    """
    if medium.declared_sha256 not in (None, sha256):
        raise DigestRefused(
            "the bytes do not have the declared digest; send the medium again",
            details={"declared_sha256": medium.declared_sha256, "received_sha256": sha256},
        )


def check_announced(medium: Medium, brought: Brought) -> None:
    """Refuse a creation that announces another digest than the medium has or is to have.

    Raises:
        DigestRefused: It does.
    """
    announced = brought.sha256 if isinstance(brought, Begin) else None
    known = medium.content_sha256 or medium.declared_sha256
    if announced is not None and known not in (None, announced):
        raise DigestRefused(
            "the medium has another digest than the request announces",
            details={"content_sha256": known, "announced_sha256": announced},
        )


def check_repeats(medium: Medium, brought: Brought) -> None:
    """Refuse an append that means bytes for a medium that is whole.

    Raises:
        OffsetMismatch: It does; the empty append at the very end is the last one, repeated.
    """
    held_bytes = medium.file_size_bytes or 0
    if isinstance(brought, Append) and (brought.first != held_bytes or brought.size_bytes):
        raise OffsetMismatch(held_bytes, brought.first, complete=True)


def body_bytes(brought: Begin | Append, total: int | None) -> int:
    """Say how many bytes of a body count: where the client does not say, all up to the total.

    Raises:
        InvalidRequest: Nobody knows.
    """
    if brought.size_bytes is not None:
        return brought.size_bytes
    if total is None:
        raise InvalidRequest("the size of the body, or of the upload, is needed")
    return total - brought.first
