"""How a box fares, in the words that `status` and `top` share: network, power, data, last day."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from device.core.policy import MB
from device.documents.warnings import WRONG_CLOCK_S
from device.words import clock, count, relative, size

_KINDS = {"wifi": "Wi-Fi", "ethernet": "cable", "other": "another network"}
_UNKNOWN = "a network of unknown kind"
_REACHES = {
    "limited": "no way to the internet",
    "portal": "somebody must sign in (portal)",
    "none": "no way out",
}

_Document = Mapping[str, Any]


def headline(status: _Document) -> str | None:
    """Say first of all whether anything is wrong; None where warnings say it."""
    backlog = status["backlog"]
    waits = count(backlog["recordings"], "recording waits", "recordings wait")
    if not status["agent"]["running"]:
        if backlog["recordings"]:
            return f"[!!] the agent is not running, and {waits}: systemctl start fieldpost"
        return None if status["warnings"] else "[ok] nothing waits; the agent is not running"
    if status["warnings"]:
        return None
    moves = ", ".join(moving(status))
    if not backlog["recordings"]:
        return f"[ok] nothing is wrong; {moves or 'nothing waits'}"
    told = [each for each in (waits, size(backlog["bytes"]), moves) if each]
    return f"[ok] nothing is wrong; {', '.join(told)}"


def moving(status: _Document) -> Iterator[str]:
    """Count what moves, which the agent alone knows."""
    ways = [
        each["direction"]
        for each in status.get("transfers", ())
        if each["done_bytes"] != each["total_bytes"]  # it is done, and shown for a moment
    ]
    for way, said in (("upload", "going up"), ("pull", "being pulled")):
        if way in ways:
            yield f"{ways.count(way)} {said}"


def network(status: _Document) -> str | None:
    """Tell the way out; None where no agent told."""
    now = status.get("network")
    if now is None:
        return None
    if now["kind"] is None:
        return "none"
    told = [_KINDS.get(now["kind"], now["kind"])]
    if now["radio"]:
        told[0] += f" ({now['radio']})"
    if now["signal_dbm"] is not None:
        told.append(f"{now['signal_dbm']} dBm")
    told += [word for word in ("roaming", "metered") if now[word]]
    if now["connectivity"] in _REACHES:
        told.append(_REACHES[now["connectivity"]])
    if now["interface"]:
        told.append(now["interface"])
    return ", ".join(told)


def power(status: _Document) -> str | None:
    """Tell the box's battery; None where it has none or no agent told."""
    now = status.get("power")
    if now is None or now["battery_percent"] is None:
        return None
    return f"battery {now['battery_percent']} %{', charging' if now['charging'] else ''}"


def box_clock(status: _Document) -> str | None:
    """Tell how wrong the box's clock is, where that matters."""
    offset_s = status.get("clock_offset_s")
    if offset_s is None or abs(offset_s) <= WRONG_CLOCK_S:
        return None
    return f"{clock(offset_s)} of the cloud's"


def heartbeat(status: _Document, now: datetime) -> str | None:
    """Tell when the cloud last heard of this box, or why it does not."""
    last = status.get("heartbeat")
    if last is None:
        return None
    at = datetime.fromisoformat(last["at"]) if last["at"] else None
    when = f"taken by the cloud {relative(min(at, now), now)}" if at is not None else ""
    if last["problem"] is None:
        return when
    return f"not heard by the cloud: {last['problem']}{f'; last {when}' if when else ''}"


def data_today(status: _Document) -> str:
    """Tell what left today by network: `today 41.0 MiB over 4g (limit 500 MB)`."""
    data = status["data_today"]
    paid = [_over(each) for each in data["networks"] if each["costs"]]
    free = [_over(each) for each in data["networks"] if not each["costs"]]
    used = "" if paid or not free else ", none of it used"
    limit = f" (limit {data['limit_bytes'] // MB} MB{used})" if data["limit_bytes"] else ""
    if paid:
        paid[-1] += limit
        limit = ""
    return f"today {', '.join([*paid, *free]) or 'nothing yet'}{limit}"


def _over(spent: _Document) -> str:
    kind = spent["kind"]
    name = _UNKNOWN if kind == "unknown" else _KINDS.get(kind, kind)
    metered = " (metered)" if spent["costs"] and kind in {"wifi", "ethernet"} else ""
    return f"{size(spent['sent_bytes'])} over {name}{metered}"


def last_day(status: _Document) -> str:
    """Tell what the last 24 hours brought."""
    lately = status["lately"]
    told = [
        f"{each['recordings']} {name} ({size(each['bytes'])})"
        for name in ("pulled", "stored", "released")
        if (each := lately[name])["recordings"]
    ]
    if lately["failures"]:
        told.append(count(lately["failures"], "failed attempt"))
    return ", ".join(told) or "nothing"
