"""What one request brings of a medium, whatever protocol it was said in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Query:
    """Only asks how much is held. `total` is the medium's size if the client knows it."""

    total: int | None

    @property
    def end(self) -> int:
        """How many bytes would be held after it, as far as it says."""
        return 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Brings the bytes `first` to `last`, both inclusive; what is held of them is left out."""

    first: int
    last: int
    total: int | None

    @property
    def size_bytes(self) -> int:
        """How many bytes the body must have."""
        return self.last - self.first + 1

    @property
    def end(self) -> int:
        """See `Query.end`."""
        return self.last + 1


@dataclass(frozen=True, slots=True)
class Whole:
    """The body is the whole medium, from byte 0; it replaces what is held."""

    size_bytes: int

    @property
    def total(self) -> int:
        """The medium's size."""
        return self.size_bytes

    @property
    def end(self) -> int:
        """See `Query.end`."""
        return self.size_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Creates an upload, maybe with its first bytes; `sha256` is announced for the whole.

    `size_bytes` of the body is None where it is not said, and then the total must be known.
    """

    total: int | None
    size_bytes: int | None = 0
    sha256: str | None = None

    @property
    def first(self) -> int:
        """Where the body begins."""
        return 0

    @property
    def end(self) -> int:
        """See `Query.end`."""
        return self.size_bytes or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Brings the bytes from `first` on, which must be exactly what is held.

    `size_bytes` as in `Begin`.
    """

    first: int
    size_bytes: int | None
    total: int | None = None

    @property
    def end(self) -> int:
        """See `Query.end`."""
        return self.first + (self.size_bytes or 0)


Brought = Query | Chunk | Whole | Begin | Append
