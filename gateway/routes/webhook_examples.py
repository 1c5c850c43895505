"""The examples of webhooks in openapi.json; a test decodes each with its struct."""

from typing import Any

from gateway.routes.examples import DEVICE_ID, RECORDING_ID

WEBHOOK_ID = "wh_1c0f2e3d4b5a69788796a5b4c3d2e1f0"
DELIVERY_ID = "dlv_4a5b6c7d8e9f00112233445566778899"
EVENT_ID = "evt_8f7e6d5c4b3a29180716253443526170"
_AT = "2026-03-01T12:00:00Z"

WEBHOOK_CREATE = {
    "url": "https://backend.example.org/fieldpost",
    "events": ["recording.uploaded"],
    "description": "Transcription",
}
WEBHOOK = {
    "id": WEBHOOK_ID,
    **WEBHOOK_CREATE,
    "enabled": True,
    "created_at": _AT,
    "disabled_at": None,
}
WITH_SECRET = WEBHOOK | {"secret": "whsec_EXAMPLE-not-a-real-secret"}
DELIVERY: dict[str, Any] = {
    "id": DELIVERY_ID,
    "event_id": EVENT_ID,
    "event_type": "recording.uploaded",
    "webhook_id": WEBHOOK_ID,
    "status": "pending",
    "attempts": 1,
    "next_at": "2026-03-01T12:01:00Z",
    "created_at": _AT,
    "ended_at": None,
    "replay_of": None,
    "history": [
        {"at": _AT, "duration_ms": 41, "status": 502, "error": None, "answer": "Bad gateway"}
    ],
}
NEW_DELIVERY = DELIVERY | {"attempts": 0, "next_at": _AT, "history": []}
EVENT = {
    "id": EVENT_ID,
    "seq": 1207,
    "type": "recording.deleted",
    "created_at": _AT,
    "data": {"id": RECORDING_ID, "device_id": DEVICE_ID, "status": "deleted", "deleted_at": _AT},
}
