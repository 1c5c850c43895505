"""The limit on what leaves in a second: a steady trickle, because a pause would end a PUT."""

import asyncio

_BURST_S = 0.125
_PIECE_S = 0.125


class Trickle:
    """One token bucket for every connection; those who wait go in turn, a piece each.

    S3 hangs up on a PUT that is silent for some 20 s. With pieces of an eighth of a second, even
    16 uploads at a time hear their turn within two.
    """

    def __init__(self, max_bytes_per_s: int) -> None:
        self._rate = max_bytes_per_s
        self._free_s = 0.0
        """When all that has been promised so far will have left, by the loop's clock."""

    def piece_bytes(self, wanted_bytes: int) -> int:
        """Say how much to take at a time where so much would be handed over otherwise."""
        if not self._rate:
            return wanted_bytes
        return min(wanted_bytes, max(1, int(self._rate * _PIECE_S)))

    async def take(self, size_bytes: int) -> None:
        """Wait until so many bytes may leave."""
        wait_s = self.promise(size_bytes, asyncio.get_running_loop().time())
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    def promise(self, size_bytes: int, now_s: float) -> float:
        """Book so many bytes; return the seconds until they may leave."""
        if not self._rate:
            return 0.0
        self._free_s = max(self._free_s, now_s - _BURST_S) + size_bytes / self._rate
        return self._free_s - now_s
