"""The heartbeat: what a box says of itself, and what its cloud answers (bota-cloud-api §4.3). Pure.

Bota publishes the request and of the answer no more than `{"status": "ok"}`, although orders come
with it: each part is therefore read by itself, and what is unknown is ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from device.core.orders import Order, keepable, moment, parse_orders
from device.core.policy import MB
from device.surroundings import NetworkKind, NetworkState, PowerState

_VERSION_CHARS, _NAME_CHARS = 32, 64
_ORDERS = ("commands", "pending_commands", "command")
_CONNECTIONS = {NetworkKind.WIFI: "wifi", NetworkKind.CELLULAR: "4g"}
"""A cable has no word there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a box fares. Disk figures are those of the spool's disk, None where nobody can tell."""

    version: str
    name: str
    pending: int
    """Recordings that the cloud has not."""
    network: NetworkState = field(default_factory=NetworkState)
    power: PowerState = field(default_factory=PowerState)
    used_bytes: int | None = None
    total_bytes: int | None = None
    low_battery: bool = False
    full: bool = False
    """Pulling has stopped for want of room."""
    uploading: bool = False
    pulling: bool = False
    failing: bool = False
    """Something is quarantined: a person must look."""

    def body(self) -> dict[str, Any]:
        """Say it in the API's words; what nobody knows is left out."""
        network, power = self.network, self.power
        connection = _CONNECTIONS.get(network.kind) if network.kind is not None else None
        stated: dict[str, Any] = {
            "battery_percent": power.battery_percent,
            "storage_used_mb": _mb(self.used_bytes),
            "storage_total_mb": _mb(self.total_bytes),
            "signal_strength_dbm": network.signal_dbm,
            "firmware_version": self.version[:_VERSION_CHARS] or None,
            "device_name": self.name[:_NAME_CHARS] or None,
            "device_state": self._state(),
            "pending_recordings": self.pending,
            "flags": self._flags(),
            "connection_type": [connection] if connection else None,
        }
        return {key: value for key, value in stated.items() if value is not None}

    def _state(self) -> str:
        """Choose one word: what goes on now, else what keeps it from going on."""
        if self.uploading:
            return "uploading"
        if self.pulling:
            return "syncing"
        if self.failing:
            return "error"
        if self.full:
            return "storageFull"
        if self.low_battery:
            return "lowBattery"
        return "charging" if self.power.charging else "idle"

    def _flags(self) -> int:
        bits = (
            bool(self.power.charging),
            self.low_battery,
            self.full,
            self.network.kind is NetworkKind.WIFI,
            self.network.kind is NetworkKind.CELLULAR,
            self.uploading or self.pulling,
        )
        return sum(1 << number for number, is_set in enumerate(bits) if is_set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an answer says, as far as it can be read; None is a part that says nothing."""

    orders: tuple[Order, ...] = ()
    settings: Mapping[str, Any] | None = None
    server_time: datetime | None = None
    ota: Mapping[str, Any] | None = None
    rotate_token: bool = False
    """Our gateway asks for the token to be exchanged."""


def parse_answer(answer: Mapping[str, Any]) -> Told:
    """Read an answer, each part by itself: none that is garbage hides another."""
    listed: list[object] = []
    for name in _ORDERS:
        found = answer.get(name)
        listed += found if isinstance(found, list) else [found]
    return Told(
        orders=parse_orders(listed),
        settings=keepable(answer.get("settings")),
        server_time=moment(answer.get("server_time")),
        ota=keepable(answer.get("ota")),
        rotate_token=answer.get("rotate_token") is True,
    )


def _mb(size_bytes: int | None) -> int | None:
    return None if size_bytes is None else size_bytes // MB
