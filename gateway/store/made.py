"""What a create that may be repeated answers with."""

from dataclasses import dataclass
from typing import Generic, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Made(Generic[_T]):
    """What a create answers with; `replayed` when the same request made it before."""

    value: _T
    replayed: bool
