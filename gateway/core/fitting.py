"""Whether what a request brings fits what is known of its medium."""

from gateway.core.brought import Append, Begin, Brought, Whole
from gateway.errors import (
    DigestRefused,
    InvalidContentRange,
    InvalidRequest,
    LengthMismatch,
    MediumTooLarge,
    OffsetMismatch,
)
from gateway.model import MediaStatus, Medium


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
