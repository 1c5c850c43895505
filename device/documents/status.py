"""The status of the agent and its spool for programs: `status --json` and GET /v1/status."""

from collections.abc import Mapping
from typing import Any

from device.config import Config
from device.documents.entries import ways
from device.documents.warnings import warnings
from device.glance import Glance
from device.model import Entry, LastSeen, State

_PERCENT = 100


def status_object(
    seen: Glance, config: Config, live: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Describe what is carried, what waits, and why.

    Args:
        seen: The spool.
        config: What is configured now.
        live: What only the agent itself knows; None where the spool alone was read.
    """
    oldest = min((entry.begun_at for entry in seen.backlog), default=None)
    return {
        "at": seen.now,
        "source": "spool" if live is None else "agent",
        "agent": {"running": seen.pid is not None, "pid": seen.pid or None},
        "warnings": list(warnings(seen, config)),
        "cloud": {"api": config.cloud.api, "base_url": config.cloud.base_url},
        "cloud_images": (images := config.cloud_images)
        and {"api": images.api, "base_url": images.base_url},
        "spool": {
            "path": config.spool.path,
            "exists": seen.exists,
            "free_bytes": seen.free_bytes,
        },
        "sent_bytes_today": seen.sent_bytes,
        "backlog": {
            "recordings": len(seen.backlog),
            "bytes": sum(entry.size_bytes for entry in seen.backlog),
            "oldest_at": oldest,
        },
        "cooldowns": seen.cooldowns,
        "configured": [recorder.url for recorder in config.recorders],
        "recorders": _recorders(seen),
        "unreached": seen.unreached,
        "waiting": [_waiting(entry, seen) for entry in seen.moving],
        **(live or {}),
    }


def seen_object(seen: LastSeen) -> dict[str, Any]:
    """Describe the last that was heard of a recorder."""
    info = seen.info
    return {
        "at": seen.seen_at,
        "url": seen.url,
        "driver": info.driver,
        "model": info.model,
        "serial": info.serial,
        "firmware": info.firmware,
        "battery_percent": info.battery_percent,
        "charging": info.charging,
        "capacity_bytes": info.capacity_bytes,
        "used_bytes": info.used_bytes,
        "used_percent": info.used_percent,
        "waiting": info.pending,
        "dropped_recordings": info.dropped_recordings,
        "clock_offset_s": info.clock_offset_s,
        "conditions": info.conditions,
    }


def _waiting(entry: Entry, seen: Glance) -> dict[str, Any]:
    return {
        "id": entry.id,
        "state": entry.state,
        "recorder": entry.recording.key.recorder,
        "size_bytes": entry.size_bytes,
        "begun_at": entry.begun_at,
        "code": entry.wait.code if entry.wait else None,
        "reason": entry.wait.reason if entry.wait else _step(entry, seen),
        "next_at": entry.wait.until if entry.wait else None,
        "ways": ways(entry) if entry.state is State.SEALED else [],
    }


def _step(entry: Entry, seen: Glance) -> str:
    """Say what comes next for an entry that nothing holds up."""
    if entry.state is State.PULLING:
        pulled = sum(each.pulled_bytes for each in entry.media)
        share = _PERCENT * pulled // entry.size_bytes if entry.size_bytes else 0
        onwards = "; goes on when the agent runs" if seen.pid is None else ""
        return f"{share} % pulled{onwards}"
    if entry.state is State.SEALED:
        return "goes up when the agent runs" if seen.pid is None else "uploading, or next in line"
    return "in the cloud; to be released to its recorder"


def _recorders(seen: Glance) -> list[dict[str, Any]]:
    """Tell all recorders that have recordings here or were ever seen, configured or not."""
    heard = {str(each.info.recorder): seen_object(each) for each in seen.last_seen}
    rows = []
    for recorder in sorted({*seen.counts, *heard}):
        states = seen.counts.get(recorder, {})
        numbers = {state.value: states.get(state, 0) for state in State}
        rows.append({"recorder": recorder, **numbers, "last_seen": heard.get(recorder)})
    return rows
