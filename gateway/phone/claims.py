"""Claims: which visit each recorder is at."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from device.bell import Bell, first_of
from device.clock import Clock
from device.errors import RecorderBusy
from device.model import RecorderId
from gateway.model_phones import Phone
from gateway.phone import words
from gateway.phone.channel import Channel

GIVE_WAY_S = 5.0


class Claimant(Protocol):
    """A visit, as far as a claim goes."""

    phone: Phone
    channel: Channel
    clock: Clock
    over: Bell

    @property
    def alive(self) -> Callable[[], bool]:
        """Whether its phone was heard of lately."""
        ...


@dataclass(kw_only=True)
class Claims:
    """Lets one visit at a time be at a recorder: two would pull the same bytes twice."""

    _at: dict[RecorderId, Claimant] = field(default_factory=dict)

    async def take(self, recorder: RecorderId, visit: Claimant) -> None:
        """Take a recorder; a visit of the same phone, or of one that is gone, gives way.

        Raises:
            RecorderBusy: Another phone is at it.
        """
        other = self._at.get(recorder)
        if other is not None and other is not visit:
            if other.phone.id != visit.phone.id and other.alive():
                raise RecorderBusy(words.TAKEN, retry_after_s=words.TAKEN_S)
            other.channel.lose("the recorder was connected anew")
            await first_of(other.over.after(0), visit.clock.sleep(GIVE_WAY_S))
        if self._at.get(recorder, visit) is not visit:  # somebody was quicker, or it hangs
            raise RecorderBusy(words.TAKEN, retry_after_s=words.TAKEN_S)
        self._at[recorder] = visit

    def free(self, recorder: RecorderId) -> bool:
        """Say whether nobody is at a recorder."""
        return recorder not in self._at

    def give(self, recorder: RecorderId, visit: Claimant) -> None:
        """Give a recorder back; repeatable."""
        if self._at.get(recorder) is visit:
            del self._at[recorder]
