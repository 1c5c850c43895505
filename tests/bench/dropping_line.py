"""One line that all connections share: it has a rate, and when it drops, it drops all of them."""

import random

from device.trickle import Trickle
from tests.fakes.chaos_proxy import ChaosProxy, Faults

MEAN_S = 2.0
RATE_BYTES_PER_S = 2_000_000


def drops(seed: int, upto_bytes: int) -> tuple[int, ...]:
    """Say after how many bytes the line drops, at random times that are `MEAN_S` apart on average.

    Time is told in bytes, so that every upload meets the same drops, however busy the machine is.
    """
    random_ = random.Random(seed)
    at, found = 0.0, []
    while at < upto_bytes:
        at += random_.expovariate(1 / (MEAN_S * RATE_BYTES_PER_S))
        found.append(int(at))
    return tuple(found)


class DroppingLine(ChaosProxy):
    """`async with DroppingLine(port, drops) as line:` leads to a port of this machine."""

    def __init__(self, port: int, at: tuple[int, ...]) -> None:
        super().__init__("127.0.0.1", port, Faults(cut_up_at=at))
        self._trickle = Trickle(RATE_BYTES_PER_S)

    async def _pace(self, size: int) -> None:
        await self._trickle.take(size)

    def _cut(self, *writers) -> None:
        before = self.cuts
        for live in list(self._live.values()) or [writers]:
            super()._cut(*live)
        self.cuts = before + 1
