"""What is told to whoever watches, as frozen values: changes, and waveforms of audio. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Look:
    """The newest of what no event tells: when devices were heard, deliveries, visits of phones.

    Deliveries and visits are kept as they are told, by id.
    """

    heard: Mapping[str, datetime] = field(default_factory=dict)
    deliveries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    visits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def heard_at(self) -> datetime | None:
        """When the last of these devices was heard."""
        return max(self.heard.values(), default=None)


def told(before: Look, after: Look) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Say what is new between two looks: its kind and what is told of it."""
    for device_id, at in after.heard.items():
        if before.heard.get(device_id) != at:
            yield "device", {"device_id": device_id}
    for kind, known, now in (
        ("delivery", before.deliveries, after.deliveries),
        ("phone", before.visits, after.visits),
    ):
        for name, document in now.items():
            if known.get(name) != document:
                yield kind, document


@dataclass(frozen=True, slots=True, kw_only=True)
class Waves:
    """What decoding some bytes gave: peaks of 0 to 1 equally spaced over `duration_ms`.

    `reason` says why there are no peaks; then `duration_ms` may be known all the same.
    """

    sha256: str
    duration_ms: int | None = None
    peaks: tuple[float, ...] | None = None
    reason: str | None = None
