"""A gateway with a small fleet on it: heartbeats, recordings of real Opus and JPEGs, by the API."""

import dataclasses
from datetime import datetime, timedelta
from functools import cache

from device.model import MediaKind
from device.simulate.holding import HeldRecording
from device.simulate.recordings import make_recordings
from tests.gateway.serving import Api

_SMALL_BYTES = 30_000
"""Of audio; what the encoder makes is a few seconds."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Box:
    """A device that was seeded."""

    id: str
    token: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seeded:
    """What is on the gateway: devices by serial number, ids of recordings, newest first."""

    boxes: dict[str, Box]
    recordings: tuple[str, ...]


FLEET = {
    "AM-07": {
        "device_name": "Harbour",
        "battery_percent": 82,
        "storage_used_mb": 900,
        "storage_total_mb": 30_000,
        "signal_strength_dbm": -61,
        "firmware_version": "1.4.2",
        "device_state": "idle",
        "pending_recordings": 0,
        "connection_type": ["wifi"],
    },
    "AM-08": {
        "device_name": "Quarry north",
        "battery_percent": 9,
        "storage_used_mb": 29_400,
        "storage_total_mb": 30_000,
        "signal_strength_dbm": -108,
        "firmware_version": "1.3.0",
        "device_state": "lowBattery",
        "pending_recordings": 14,
        "flags": 2,
        "connection_type": ["4g"],
    },
    "AM-09": {
        "device_name": "Depot",
        "battery_percent": 55,
        "storage_used_mb": 12_000,
        "storage_total_mb": 30_000,
        "signal_strength_dbm": -84,
        "firmware_version": "1.4.2",
        "device_state": "uploading",
        "pending_recordings": 3,
        "connection_type": ["4g"],
    },
    "AM-10": None,
}
"""Serial number → its heartbeat; None: never heard of."""


async def seed(api: Api, *, recordings: int = 3) -> Seeded:
    """Register the fleet, let it report, and upload recordings of AM-07.

    `api.token` is a key; the recordings ended some hours ago, an hour after each other.
    """
    boxes = {}
    for serial, report in FLEET.items():
        device_id, token = await api.device(serial)
        boxes[serial] = Box(id=device_id, token=token)
        if report is not None:
            await _ok(await api.call("POST", "/v1/devices/me/heartbeat", report, token=token))
    now = api.gateway.clock.now()
    made = [
        await upload(api, boxes["AM-07"].token, held, now - timedelta(hours=recordings - place))
        for place, held in enumerate(_held(recordings))
    ]
    return Seeded(boxes=boxes, recordings=tuple(reversed(made)))


async def upload(api: Api, token: str, held: HeldRecording, started_at: datetime) -> str:
    """Bring a recording up as a device does; answers its id."""
    shift = started_at - held.started_at
    length = held.ended_at - held.started_at
    body = {
        "name": f"Round {started_at:%H:%M}",
        "started_at": started_at.isoformat(),
        "ended_at": (started_at + length).isoformat(),
        "metadata": {"site": "quay", "fieldpost_ref": "0" * 32},
    }
    recording = (await _ok(await api.call("POST", "/v1/recordings", body, token=token))).json["id"]
    for medium in held.media:
        asked = {
            "type": str(medium.kind),
            "content_type": medium.content_type,
            "file_size_bytes": len(medium.content),
            "captured_at": (medium.captured_at + shift).isoformat(),
        }
        path = f"/v1/recordings/{recording}/upload-url"
        target = await _ok(await api.call("POST", path, asked, token=token))
        size = len(medium.content)
        await _ok(await api.put(target.json["upload_url"], medium.content, 0, size))
    audio = next(each.content for each in held.media if each.kind is MediaKind.AUDIO)
    await _ok(await api.complete(recording, audio, token=token))
    return recording


async def _ok(answer):
    if answer.status >= 300:
        raise AssertionError(f"{answer.status} {answer.body!r}")
    return answer


@cache
def _held(count: int) -> tuple[HeldRecording, ...]:
    return make_recordings(count, seed=7, images=3, largest_bytes=_SMALL_BYTES)
