"""Probing one link or cloud: the steps that are gone, each with what it found and how long."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from device.clock import Clock
from device.config import Config
from device.verdict import Finding

Asked = Mapping[str, Any] | None
"""The document of `status --json`, where an agent told it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step; `facts` are figures for programs, with their units in the names."""

    name: str
    finding: Finding
    seconds: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What is probed, and by which means."""

    url: str
    config: Config
    environ: Mapping[str, str]
    clock: Clock
    status: Asked
    send_bytes: int
    """How much may be sent to measure a rate; 0: nothing beyond 1 KiB."""


Probing = Callable[[Probe], AsyncIterator[Step]]

BUILTIN = {
    "http": "device.probe.cloud:steps",
    "https": "device.probe.cloud:steps",
    "serial": "device.probe.serial:steps",
    "ble": "device.probe.ble:steps",
    "folder": "device.probe.folder:steps",
}
"""URL scheme → `(Probe) -> AsyncIterator[Step]`; the last step is the first that failed."""


def holder(probe: Probe) -> bool:
    """Say whether a running agent holds this recorder: then it alone may open it."""
    status = probe.status or {}
    running = (status.get("agent") or {}).get("running")
    return bool(running) and probe.url in (status.get("configured") or ())
