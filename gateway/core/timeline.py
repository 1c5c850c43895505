"""Where the media of a recording lie in time: audio, its parts, and images. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.model import MediaType, Medium, Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Media in the order of time, each with its offset from the recording's begin.

    An image's offset is None where nobody knows when it was taken, or when the recording began; it
    is negative for one that was taken before.
    """

    audio: tuple[tuple[Medium, float], ...]
    others: tuple[tuple[Medium, float | None], ...]
    duration_s: float | None


def timeline(recording: Recording, durations_s: Mapping[str, float]) -> Timeline:
    """Lay the media of a recording out.

    Args:
        recording: With its media.
        durations_s: How long audio plays, by medium, as far as it is known.
    """
    sounds = [medium for medium in recording.media if medium.type is MediaType.AUDIO]
    others = [medium for medium in recording.media if medium.type is not MediaType.AUDIO]
    begin = recording.started_at
    if begin is None:
        begin = min((each.captured_at for each in sounds if each.captured_at), default=None)
    audio = _audio(sounds, begin, durations_s)
    placed = [(medium, _offset_s(medium, begin)) for medium in others]
    ends = [at + durations_s[medium.id] for medium, at in audio if medium.id in durations_s]
    return Timeline(
        audio=tuple(audio),
        others=tuple(sorted(placed, key=lambda each: (each[1] is None, each[1] or 0.0))),
        duration_s=max(ends) if ends else _told_s(recording),
    )


def _audio(
    sounds: list[Medium], begin: datetime | None, durations_s: Mapping[str, float]
) -> list[tuple[Medium, float]]:
    """Place audio: parts say when they begin; what says nothing follows what came before."""
    placed: list[tuple[Medium, float]] = []
    end_s = 0.0
    for medium in sounds:
        told_s = _offset_s(medium, begin)
        at_s = end_s if told_s is None else max(0.0, told_s)
        placed.append((medium, at_s))
        end_s = at_s + durations_s.get(medium.id, 0.0)
    return sorted(placed, key=lambda each: each[1])


def _offset_s(medium: Medium, begin: datetime | None) -> float | None:
    if medium.captured_at is None or begin is None:
        return None
    return (medium.captured_at - begin).total_seconds()


def _told_s(recording: Recording) -> float | None:
    if recording.started_at is None or recording.ended_at is None:
        return None
    told_s = (recording.ended_at - recording.started_at).total_seconds()
    return told_s if told_s > 0 else None
