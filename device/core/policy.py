"""The sending policy: may bytes leave now, and if not, why and until when. One pure function."""

from dataclasses import dataclass, field
from datetime import datetime

from device.off_peak import OffPeak, midnight
from device.settings import SendSettings
from device.surroundings import NetworkKind, NetworkState, PowerState

MB = 1_000_000
"""What data plans and `daily_data_limit_mb` mean by a megabyte."""

_CARRIES = {
    NetworkKind.WIFI: "wifi",
    NetworkKind.ETHERNET: "wifi",
    NetworkKind.CELLULAR: "cellular",
}
"""Bota's word for a network; a cable counts as Wi-Fi, since its settings know no cable."""

_SHOWN = {
    NetworkKind.WIFI: "Wi-Fi",
    NetworkKind.ETHERNET: "a cable",
    NetworkKind.CELLULAR: "a mobile network",
    NetworkKind.OTHER: "a network of unknown kind",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How things stand.

    `now` is aware and in the box's own time zone, None while nobody knows the time; `used_bytes`
    is what left today over networks that cost, with what is on its way.
    """

    network: NetworkState = field(default_factory=NetworkState)
    power: PowerState = field(default_factory=PowerState)
    now: datetime | None
    used_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes may leave; `until` is when that ends by itself, None where it does not."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing leaves. `until` None: a change of the surroundings ends it, at no known time."""

    code: str
    reason: str
    until: datetime | None = None


def costs(network: NetworkState) -> bool:
    """Say whether bytes on this network cost; where nobody can tell, they are taken to."""
    if network.metered is not None:
        return network.metered
    return network.kind not in {NetworkKind.WIFI, NetworkKind.ETHERNET}


def decide(standing: Standing, settings: SendSettings, next_bytes: int = 0) -> Send | Hold:
    """Decide whether the next request may go out.

    Args:
        standing: How things stand.
        settings: What was merged from all levels.
        next_bytes: The body of that request; 0 where only the surroundings are in question.

    A network that is down or a portal is no reason to hold: a gateway may be on this side of it,
    and a failed attempt costs next to nothing. The attempt itself says so.
    """
    held = (
        _network(standing.network, settings)
        or _battery(standing.power, settings)
        or _budget(standing, settings, next_bytes)
    )
    if held is not None:
        return held
    return _hours(standing.now, settings.off_peak)


def _network(network: NetworkState, settings: SendSettings) -> Hold | None:
    if network.roaming and not settings.allow_roaming and network.kind is NetworkKind.CELLULAR:
        return Hold(
            "roaming",
            "the mobile network is a foreign one (roaming), and allow_roaming is false",
        )
    carries = _CARRIES.get(network.kind) if network.kind is not None else None
    if network.kind is not None and carries is not None and carries not in settings.networks:
        allowed = " and ".join(sorted(settings.networks)) or "none"
        return Hold(
            "network",
            f"the box is on {_SHOWN[network.kind]}; upload_network_preference allows {allowed}",
        )
    return None


def _battery(power: PowerState, settings: SendSettings) -> Hold | None:
    if not settings.pause_on_low_battery or power.charging or power.battery_percent is None:
        return None
    least = settings.low_battery_threshold_percent
    if power.battery_percent >= least:
        return None
    return Hold(
        "low-battery",
        f"the box's battery is at {power.battery_percent} %, below {least} %, and not charging",
    )


def _budget(standing: Standing, settings: SendSettings, next_bytes: int) -> Hold | None:
    limit_bytes = settings.daily_data_limit_mb * MB
    if not limit_bytes or not costs(standing.network):
        return None
    left_bytes = limit_bytes - standing.used_bytes
    if left_bytes > 0 and next_bytes <= left_bytes:
        return None
    limit = f"daily_data_limit_mb is {settings.daily_data_limit_mb}"
    if next_bytes > limit_bytes:
        return Hold(
            "data-limit",
            f"the next piece has {_mb(next_bytes)} MB, more than a whole day may send"
            f" ({limit}); it goes over a network that does not cost, or with a smaller"
            " [upload] chunk_bytes or segment",
            _day_ends(standing.now),
        )
    used = f"today {_mb(standing.used_bytes)} MB have left over networks that cost"
    short = "" if left_bytes <= 0 else f", and the next piece needs {_mb(next_bytes)} MB"
    return Hold("data-limit", f"{used}{short} ({limit})", _day_ends(standing.now))


def _hours(now: datetime | None, hours: OffPeak | None) -> Send | Hold:
    if hours is None:
        return Send()
    if now is None:
        return Hold("clock", f"uploads are for {hours}, and the box does not know the time yet")
    is_on, changes = hours.around(now)
    if is_on:
        return Send(until=changes)
    return Hold("off-peak", f"uploads are for {hours} (off_peak_hours)", changes)


def _day_ends(now: datetime | None) -> datetime | None:
    return None if now is None else midnight(now)


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / MB:.1f}"
