"""What a simulated recorder holds, and how much of it went over the line."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from device.core.link.listing import Kind, MediumItem
from device.core.link.store import Stored
from device.model import MediaKind

_KINDS = {MediaKind.AUDIO: Kind.AUDIO, MediaKind.IMAGE: Kind.IMAGE, MediaKind.VIDEO: Kind.VIDEO}
_1970 = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldMedium:
    """One medium with its bytes. `t_offset_ms` counts from the recording's start."""

    name: str
    kind: MediaKind
    content_type: str
    content: bytes
    captured_at: datetime
    t_offset_ms: int

    @property
    def sha256(self) -> str:
        """The digest of `content`."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRecording:
    """One recording with its media, audio first."""

    id: bytes
    generation: int
    started_at: datetime
    ended_at: datetime
    media: tuple[HeldMedium, ...]


class MemoryStore:
    """Recordings in memory; tells `released` about each one that goes.

    `sent_bytes` and `reread_bytes` (by recording id) count payload that `count_sent` was told of.
    """

    def __init__(
        self, held: Sequence[HeldRecording], released: Callable[[HeldRecording], None]
    ) -> None:
        self._held = {(each.id, each.generation): (_stored(each), each) for each in held}
        self._released = released
        self._open: Stored | None = None
        self._revision = 1
        self._furthest: dict[tuple[bytes, int, int], int] = {}
        self._last_read = (b"", 0, 0), 0, 0
        self.sent_bytes = 0
        self.reread_bytes: Counter[bytes] = Counter()

    @property
    def held(self) -> list[HeldRecording]:
        """What has not been released."""
        return [held for _, held in self._held.values()]

    def count_sent(self) -> None:
        """Count what was read last as sent; what a host had asked for before counts as re-read."""
        medium, start, end = self._last_read
        furthest = self._furthest.get(medium, 0)
        self._furthest[medium] = max(furthest, end)
        self.sent_bytes += end - start
        self.reread_bytes[medium[0]] += max(0, min(end, furthest) - start)

    def revision(self) -> int:
        """See `Store.revision`."""
        return self._revision

    def recordings(self) -> Sequence[Stored]:
        """See `Store.recordings`."""
        closed = [stored for stored, _ in self._held.values()]
        return closed if self._open is None else [*closed, self._open]

    def read(self, stored: Stored, index: int, offset: int, size: int) -> bytes:
        """See `Store.read`."""
        found = self._held.get((stored.recording, stored.generation))
        if found is None:
            raise FileNotFoundError(stored.recording.hex())
        content = found[1].media[index].content[offset : offset + size]
        medium = stored.recording, stored.generation, index
        self._last_read = medium, offset, offset + len(content)
        return content

    def begin(self, stored: Stored) -> None:
        """List a recording that is being made."""
        self._open = stored
        self._revision += 1

    def finish(self, held: HeldRecording) -> None:
        """Hold what was being made as a whole recording."""
        self._open = None
        self._held[held.id, held.generation] = _stored(held), held
        self._revision += 1

    def remove(self, stored: Stored) -> None:
        """See `Store.remove`."""
        _, held = self._held.pop((stored.recording, stored.generation))
        self._revision += 1
        self._released(held)


def _stored(held: HeldRecording) -> Stored:
    return Stored(
        recording=held.id,
        generation=held.generation,
        media=tuple(
            MediumItem(
                index=index,
                kind=_KINDS[medium.kind],
                content_type=medium.content_type,
                size_bytes=len(medium.content),
                sha256=bytes.fromhex(medium.sha256),
                name=medium.name,
                captured_ms=_ms(medium.captured_at),
                t_offset_ms=medium.t_offset_ms,
            )
            for index, medium in enumerate(held.media)
        ),
        started_ms=_ms(held.started_at),
        ended_ms=_ms(held.ended_at),
        metadata={"recorder": "simulated"},
    )


def _ms(moment: datetime) -> int:
    return int((moment - _1970).total_seconds() * 1000)
