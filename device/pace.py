"""How much of a body to hand over at a time, by how fast the other side takes it."""

_FIRST_BYTES = 65_536
_SMALLEST_BYTES = 16_384
_SMALL_BYTES = 262_144
_PIECE_S = 0.25
_SOONEST_S = 0.0005
_WINDOW_S = 0.5


class Pace:
    """Of one connection: grows pieces on a fast link and keeps them small on a slow one.

    A piece is what a quarter of a second takes, because an early answer is read only between
    pieces. The rate is that of acknowledgements over the last half to whole second: what the
    kernel swallows at once would make every link look fast.
    """

    def __init__(self) -> None:
        self._older = self._newer = (0.0, 0)
        self.piece_bytes = _FIRST_BYTES

    def begin(self, now_s: float) -> None:
        """Start another body; what the last one taught stays."""
        self._older = self._newer = (now_s, 0)

    def heard(self, acknowledged_bytes: int, now_s: float, *, largest_bytes: int) -> bool:
        """Learn how much of the body has arrived; return whether the piece changed."""
        before = self.piece_bytes
        elapsed_s = now_s - self._older[0]
        if elapsed_s >= _SOONEST_S:
            wanted = (acknowledged_bytes - self._older[1]) / elapsed_s * _PIECE_S
            if wanted >= 2 * before:
                self.piece_bytes = min(before * 2, largest_bytes)
            elif wanted < before and elapsed_s >= _WINDOW_S:
                self.piece_bytes = max(before // 2, _SMALLEST_BYTES)
        if now_s - self._newer[0] >= _WINDOW_S:
            self._older, self._newer = self._newer, (now_s, acknowledged_bytes)
        return self.piece_bytes != before

    def over(self, size_bytes: int, now_s: float) -> None:
        """Learn from a whole body that was answered: a small one is over before any of it is heard.

        How long the other side took to answer is in its time, so only what is far too slow for
        pieces that small bodies made larger makes them smaller.
        """
        elapsed_s = max(now_s - self._older[0], _SOONEST_S)
        wanted = (size_bytes - self._older[1]) / elapsed_s * _PIECE_S
        if self.piece_bytes < _SMALL_BYTES and wanted >= 2 * self.piece_bytes:
            self.piece_bytes *= 2
        elif (
            _FIRST_BYTES < self.piece_bytes <= _SMALL_BYTES
            and elapsed_s >= _WINDOW_S
            and 4 * wanted < self.piece_bytes
        ):
            self.piece_bytes //= 2
