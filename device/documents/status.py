"""The status of the agent and its spool for programs: `status --json` and GET /v1/status."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from device.config import Config
from device.core.policy import MB
from device.documents.waiting import Now, held_by_policy, waiting_objects
from device.documents.warnings import surrounding_warnings, warnings
from device.glance import Glance
from device.model import EntryId, LastSeen, Lately, State


def status_object(
    seen: Glance,
    config: Config,
    live: Mapping[str, Any] | None = None,
    *,
    sending: Collection[EntryId] = (),
) -> dict[str, Any]:
    """Describe what is carried, what waits, and why.

    Args:
        seen: The spool.
        config: What is configured now.
        live: What only the agent itself knows; None where the spool alone was read.
        sending: What goes up though no byte of it moves: all has left, and is to be answered.
    """
    now = None if live is None else _now(live["transfers"], sending)
    oldest = min((entry.begun_at for entry in seen.backlog), default=None)
    return {
        "at": seen.now,
        "source": "spool" if live is None else "agent",
        "agent": {"running": seen.pid is not None, "pid": seen.pid or None},
        "warnings": [*surrounding_warnings(seen, live or {}), *warnings(seen, config)],
        "cloud": {"api": config.cloud.api, "base_url": config.cloud.base_url},
        "cloud_images": (images := config.cloud_images)
        and {"api": images.api, "base_url": images.base_url},
        "spool": {
            "path": config.spool.path,
            "exists": seen.exists,
            "free_bytes": seen.free_bytes,
        },
        "sent_bytes_today": seen.sent_bytes,
        "data_today": _data_today(seen),
        "lately": _lately(seen.lately),
        "heartbeat": _heartbeat(seen),
        "hold": held_by_policy(seen),
        "network": None,
        "power": None,
        "clock_offset_s": None,
        "backlog": {
            "recordings": len(seen.backlog),
            "bytes": sum(entry.size_bytes for entry in seen.backlog),
            "oldest_at": oldest,
        },
        "cooldowns": seen.cooldowns,
        "configured": [recorder.url for recorder in config.recorders],
        "recorders": _recorders(seen),
        "unreached": seen.unreached,
        "notices": seen.noticed,
        "waiting": waiting_objects(seen, now),
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


def _now(transfers: Sequence[Mapping[str, Any]], sending: Collection[EntryId]) -> Now:
    ups = {EntryId(each["entry"]) for each in transfers if each["direction"] == "upload"}
    pulled = {
        (EntryId(each["entry"]), int(each["medium"])): int(each["done_bytes"])
        for each in transfers
        if each["direction"] == "pull"
    }
    return Now(going_up=ups | set(sending), pulled_bytes=pulled)


def _data_today(seen: Glance) -> dict[str, Any]:
    return {
        "day": seen.day,
        "networks": seen.spent,
        "counted_bytes": sum(each.sent_bytes for each in seen.spent if each.costs),
        "limit_bytes": seen.limit_mb * MB or None,
    }


def _heartbeat(seen: Glance) -> dict[str, Any] | None:
    if seen.heartbeat is None and seen.unheard is None:
        return None
    return {"at": seen.heartbeat and seen.heartbeat.at, "problem": seen.unheard}


def _lately(lately: Lately) -> dict[str, Any]:
    done = {"pulled": lately.pulled, "stored": lately.stored, "released": lately.released}
    return {
        "since": lately.since,
        **{
            name: {"recordings": each.recordings, "bytes": each.media_bytes}
            for name, each in done.items()
        },
        "failures": lately.failures,
    }


def _recorders(seen: Glance) -> list[dict[str, Any]]:
    """Tell all recorders that have recordings here or were ever seen, configured or not."""
    heard = {str(each.info.recorder): seen_object(each) for each in seen.last_seen}
    rows = []
    for recorder in sorted({*seen.counts, *heard}):
        states = seen.counts.get(recorder, {})
        numbers = {state.value: states.get(state, 0) for state in State}
        rows.append({"recorder": recorder, **numbers, "last_seen": heard.get(recorder)})
    return rows
