"""Why each entry that is not through waits, and when it goes on: none is without a reason."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from device.documents.entries import ways
from device.errors import CloudThrottled, CloudUnreachable, CloudUnwell, NotTheCloud, TokenRefused
from device.glance import Glance
from device.model import Entry, EntryId, State, Wait

_PERCENT = 100
_ALL_WAIT = frozenset(
    error.code
    for error in (CloudThrottled, CloudUnreachable, CloudUnwell, NotTheCloud, TokenRefused)
)
"""Failures of the way to the cloud: one recording meets them, and all wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What the agent knows of this moment, and its spool does not."""

    going_up: Collection[EntryId] = ()
    pulled_bytes: Mapping[tuple[EntryId, int], int] = field(default_factory=dict)
    """Of media that are being pulled, by entry and index: the spool learns of it now and then."""


def waiting_objects(seen: Glance, now: Now | None = None) -> list[dict[str, Any]]:
    """Describe all entries that have steps before them, oldest first.

    Args:
        seen: The spool.
        now: What moves at this moment; None where nobody can tell.
    """
    shut = _shut(seen)
    return [_object(entry, _reason(entry, seen, shut, now)) for entry in seen.moving]


def waiting_object(entry: Entry, seen: Glance) -> dict[str, Any] | None:
    """Describe why one entry waits; None where it has no steps before it."""
    found = [each for each in seen.moving if each.id == entry.id]
    return _object(found[0], _reason(found[0], seen, _shut(seen), None)) if found else None


def held_by_policy(seen: Glance) -> Wait | None:
    """Say why the sending policy lets nothing leave. Of an agent that ended it is old news."""
    return seen.hold if seen.pid is not None else None


def _object(entry: Entry, wait: Wait) -> dict[str, Any]:
    return {
        "id": entry.id,
        "state": entry.state,
        "recorder": entry.recording.key.recorder,
        "size_bytes": entry.size_bytes,
        "begun_at": entry.begun_at,
        "code": wait.code or None,
        "reason": wait.reason,
        "next_at": wait.until,
        "wait": entry.wait,
        "ways": ways(entry) if entry.state is State.SEALED else [],
    }


def _reason(entry: Entry, seen: Glance, shut: Wait | None, now: Now | None) -> Wait:
    """Find what really holds an entry up: what holds all up counts before its own wait."""
    if entry.state is State.PULLING:
        return entry.wait or _nothing(_pulled(entry, seen, now or Now()))
    if entry.state is State.STORED:
        return entry.wait or _nothing("in the cloud; to be released to its recorder")
    if now is not None and entry.id in now.going_up:
        return _nothing("uploading")
    held = held_by_policy(seen) or entry.wait
    if held is not None or seen.pid is None:
        return held or _nothing("goes up when the agent runs")
    return shut or _nothing(_turn(now))


def _nothing(told: str) -> Wait:
    """Tell what comes next for an entry that nothing holds up."""
    return Wait(code="", reason=told)


def _turn(now: Now | None) -> str:
    if now is None:
        return "uploading, or next in line"
    return "next in line" if now.going_up else "goes up next"


def _pulled(entry: Entry, seen: Glance, now: Now) -> str:
    pulled = sum(
        now.pulled_bytes.get((entry.id, each.medium.index), each.pulled_bytes)
        for each in entry.media
    )
    share = _PERCENT * min(pulled, entry.size_bytes) // entry.size_bytes if entry.size_bytes else 0
    told = f"{share} % pulled"
    if seen.pid is None:
        return f"{told}; goes on when the agent runs"
    urls = {
        each.url for each in seen.last_seen if each.info.recorder == entry.recording.key.recorder
    }
    away = next((each for each in seen.unreached if each.url in urls), None)
    return f"{told}; its recorder is not readable: {away.problem}" if away else told


def _shut(seen: Glance) -> Wait | None:
    """Find what shuts the way to the cloud for everybody, to the latest time that is known."""
    waits: Iterable[Wait] = (
        *seen.cooldowns.values(),
        *(e.wait for e in seen.moving if e.wait is not None and e.wait.code in _ALL_WAIT),
    )
    until = [(wait.until, wait) for wait in waits if wait.until and wait.until > seen.now]
    if not until:
        return None
    latest, wait = max(until, key=lambda pair: pair[0])
    return Wait(code=wait.code, reason=f"waits with the others: {wait.reason}", until=latest)
