"""What goes wrong on a simulated line, decided by a seed before the first byte."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """The faults of one line. Byte counts are of bytes sent by the recorder since the start.

    `flip` and `drop` are probabilities per byte and apply to both directions. After an unplug the
    port is away for `replug_after_s` and comes back as a new device behind the same path.
    """

    seed: int = 0
    flip: float = 0.0
    drop: float = 0.0
    unplug_at: tuple[int, ...] = ()
    replug_after_s: float = 1.0
    reboot_at: tuple[int, ...] = ()
    boot_garbage: bool = False


class Damage:
    """Applies flips and drops to one direction of a line.

    Positions come from geometric gaps, so the cost is per fault and not per byte, and the damage
    depends on the seed and the byte count alone, never on how the bytes were chunked.
    """

    def __init__(self, *, flip: float, drop: float, seed: str) -> None:
        chance = random.Random(seed)  # noqa: S311 - reproducible faults, not secrets
        self._bits = random.Random(f"{seed} bits")  # noqa: S311 - as above
        self._flips = _positions(flip, random.Random(chance.random()))  # noqa: S311 - as above
        self._drops = _positions(drop, random.Random(chance.random()))  # noqa: S311 - as above
        self._next_flip = next(self._flips)
        self._next_drop = next(self._drops)
        self._seen_bytes = 0

    def apply(self, chunk: bytes) -> bytes:
        """Return what is left of the next `chunk` of this direction."""
        start = self._seen_bytes
        self._seen_bytes = end = start + len(chunk)
        if end <= self._next_flip and end <= self._next_drop:
            return chunk
        damaged = bytearray(chunk)
        while self._next_flip < end:
            damaged[int(self._next_flip) - start] ^= 1 << self._bits.randrange(8)
            self._next_flip = next(self._flips)
        dropped: list[int] = []
        while self._next_drop < end:
            dropped.append(int(self._next_drop) - start)
            self._next_drop = next(self._drops)
        for index in reversed(dropped):
            del damaged[index]
        return bytes(damaged)


def _positions(probability: float, chance: random.Random) -> Iterator[float]:
    """Yield ever higher byte positions, each byte being hit with `probability`."""
    if not 0.0 <= probability < 1.0:
        raise ValueError(f"a probability per byte is from 0 to below 1, not {probability}")
    position = -1.0
    while probability:
        gap = math.log(1.0 - chance.random()) / math.log(1.0 - probability)
        position += 1.0 + math.floor(gap)
        yield position
    while True:
        yield math.inf


def boot_messages(seed: int, restarts: int) -> bytes:
    """What a microcontroller says when it starts: ROM noise at another baud rate, then text."""
    chance = random.Random(f"{seed} boot {restarts}")  # noqa: S311 - reproducible noise
    noise = chance.randbytes(chance.randrange(40, 400))
    return noise + b"\r\nrst:0x1 (POWERON),boot:0x13\r\nrecorder starting\x00\r\nready\r\n"
