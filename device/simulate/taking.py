"""The part of the simulated recorder that records: a tone, for as long as it was told to."""

import array
import io
import math
import random
import time
import wave
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from device.core.link.codes import ErrorCode
from device.core.link.listing import Holding
from device.core.link.store import Stored, Take
from device.errors import RecorderRefused
from device.model import MediaKind
from device.simulate.holding import HeldMedium, HeldRecording, MemoryStore

_SAMPLES_PER_S = 8_000
_TONE_HZ = 440
_LEAST_S, _MOST_S = 1, 3600
_REMEMBERED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    recording: bytes
    began_s: float
    ends_s: float | None


class Taking:
    """See `Taker`. It outlives restarts, as the storage of a recorder does.

    `told` hears of each recording that was started or stopped, by a verb and its id.
    """

    def __init__(
        self,
        store: MemoryStore,
        *,
        seed: int,
        told: Callable[[str, bytes], None],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._told = told
        self._now_s = now_s
        self._chance = random.Random(f"{seed} takes")  # noqa: S311 - ids of a simulation
        self._going_on: _Begun | None = None
        self._did: dict[bytes, _Begun] = {}

    def ordered(self, order: bytes) -> Take | None:
        """See `Taker.ordered`."""
        did = self._did.get(order)
        return self._take(did) if did is not None else None

    def start(self, order: bytes, max_duration_s: int | None) -> Take:
        """See `Taker.start`."""
        if self._going_on is not None:
            raise RecorderRefused("it records already", wire_code=ErrorCode.ALREADY_RECORDING)
        began_s = self._now_s()
        begun = _Begun(
            recording=self._chance.randbytes(16),
            began_s=began_s,
            ends_s=None if max_duration_s is None else began_s + max_duration_s,
        )
        self._going_on = begun
        self._remember(order, begun)
        self._store.begin(
            Stored(recording=begun.recording, generation=1, media=(), state=Holding.OPEN)
        )
        self._told("recording", begun.recording)
        return self._take(begun)

    def stop(self, order: bytes) -> Take:
        """See `Taker.stop`."""
        begun = self._going_on
        if begun is None:
            raise RecorderRefused("it does not record", wire_code=ErrorCode.NOT_RECORDING)
        self._remember(order, begun)
        self.close()
        return self._take(begun)

    def left_s(self) -> float | None:
        """Say how long it is until the recording ends by itself; None: it does not."""
        if self._going_on is None or self._going_on.ends_s is None:
            return None
        return max(0.0, self._going_on.ends_s - self._now_s())

    def close(self) -> bool:
        """Close the recording as it is; say whether there was one."""
        begun, self._going_on = self._going_on, None
        if begun is None:
            return False
        self._store.finish(_held(begun, self._now_s() - begun.began_s))
        self._told("recorded", begun.recording)
        return True

    def _remember(self, order: bytes, begun: _Begun) -> None:
        self._did[order] = begun
        while len(self._did) > _REMEMBERED:
            del self._did[next(iter(self._did))]

    def _take(self, begun: _Begun) -> Take:
        return Take(
            recording=begun.recording,
            generation=1,
            going_on=begun is self._going_on,
            since_ms=int((self._now_s() - begun.began_s) * 1000),
        )


def _held(begun: _Begun, length_s: float) -> HeldRecording:
    seconds = min(max(math.ceil(length_s), _LEAST_S), _MOST_S)
    ended_at = datetime.now(UTC)
    started_at = ended_at - timedelta(seconds=length_s)
    audio = HeldMedium(
        name="audio.wav",
        kind=MediaKind.AUDIO,
        content_type="audio/wav",
        content=_tone(seconds),
        captured_at=started_at,
        t_offset_ms=0,
    )
    return HeldRecording(
        id=begun.recording,
        generation=1,
        started_at=started_at,
        ended_at=ended_at,
        media=(audio,),
    )


def _tone(seconds: int) -> bytes:
    turn = 2 * math.pi * _TONE_HZ / _SAMPLES_PER_S
    second = array.array("h", (int(9_000 * math.sin(turn * n)) for n in range(_SAMPLES_PER_S)))
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_SAMPLES_PER_S)
        sound.writeframes(second.tobytes() * seconds)
    return file.getvalue()
