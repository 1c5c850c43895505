"""What is told to whoever watches, as frozen values: changes, and waveforms of audio. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The latest change of each kind that is known; None: there was none yet."""

    device_at: datetime | None = None
    delivery_at: datetime | None = None
    visit_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What changed: for each, its kind and what is told of it; and what is seen by now."""

    told: tuple[tuple[str, Mapping[str, Any]], ...]
    seen: Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Waves:
    """What decoding some bytes gave: peaks of 0 to 1 equally spaced over `duration_ms`.

    `reason` says why there are no peaks; then `duration_ms` may be known all the same.
    """

    sha256: str
    duration_ms: int | None = None
    peaks: tuple[float, ...] | None = None
    reason: str | None = None
