"""Bytes of a medium that arrived before the ones in front of them (PROTOCOL.md §9)."""


class Ahead:
    """Frames behind a gap, kept until the gap is filled; what does not fit is read again."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held_bytes = 0
        self._held: dict[int, bytes] = {}

    def put(self, offset: int, payload: bytes) -> None:
        """Keep a frame's payload, unless it is there already or there is no room."""
        if offset in self._held or self._held_bytes + len(payload) > self._most_bytes:
            return
        self._held[offset] = payload
        self._held_bytes += len(payload)

    def first(self) -> int | None:
        """Return the offset at which the first gap ends, None if nothing is held."""
        return min(self._held, default=None)

    def take(self, offset: int) -> bytes:
        """Return, and let go, all that continues without a gap at `offset`."""
        parts = []
        while self._held and (first := min(self._held)) <= offset:
            payload = self._held.pop(first)
            self._held_bytes -= len(payload)
            part = payload[offset - first :]
            parts.append(part)
            offset += len(part)
        return b"".join(parts)
