"""The examples in openapi.json; a test decodes each with the struct it stands for."""

SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
RECORDING_ID = "rec_0b4f2c9d8e7a6b5c4d3e2f1a0b9c8d7e"
MEDIUM_ID = "med_6a1f0c2b3d4e5f60718293a4b5c6d7e8"
DEVICE_ID = "dev_5e4d3c2b1a0f9e8d7c6b5a4f3e2d1c0b"
DEVICE_TOKEN = "dtok_EXAMPLE-not-a-real-token"  # noqa: S105 - an example, opens nothing
_SIGNED = "?expires=1772370000&signature=EXAMPLE"
UPLOAD_PATH = f"/v1/uploads/{MEDIUM_ID}{_SIGNED}"

RECORDING_CREATE = {
    "name": "Site visit",
    "started_at": "2026-03-01T11:00:00Z",
    "ended_at": "2026-03-01T11:42:10Z",
    "metadata": {"fieldpost_ref": "3c1d5e7f9a0b2c4d6e8f1a3b5c7d9e0f"},
}
MEDIUM = {
    "id": MEDIUM_ID,
    "type": "audio",
    "mime_type": "audio/ogg",
    "file_size_bytes": 2048576,
    "status": "pending",
    "content_sha256": None,
    "captured_at": None,
    "created_at": "2026-03-01T12:00:00Z",
}
RECORDING = {
    "id": RECORDING_ID,
    "device_id": DEVICE_ID,
    "end_user_id": None,
    "status": "pending",
    "media": [],
    "content_sha256": None,
    "content_sha256_verified_at": None,
    "created_at": "2026-03-01T12:00:00Z",
    "duration_ms": None,
    "transcription_id": None,
    "batch_upload_url": None,
    **RECORDING_CREATE,
}
CREATED = {**RECORDING, "batch_upload_url": 50}
UPLOADED = {
    **RECORDING,
    "status": "uploaded",
    "media": [{**MEDIUM, "status": "uploaded", "content_sha256": SHA256}],
    "content_sha256": SHA256,
    "content_sha256_verified_at": "2026-03-01T12:01:07Z",
}
UPLOAD_URL_CREATE = {"type": "audio", "content_type": "audio/ogg", "file_size_bytes": 2048576}
UPLOAD_URLS_CREATE = {
    "media": [{**UPLOAD_URL_CREATE, "idempotency_key": "fp-3c1d5e7f-0", "sha256": SHA256}]
}
UPLOAD_URL = {
    "media_id": MEDIUM_ID,
    "upload_url": f"https://gateway.example.org{UPLOAD_PATH}",
    "expires_at": "2026-03-01T13:00:00Z",
    "headers": {"Content-Type": "audio/ogg"},
    "upload_protocol": "chunked_put",
}
UPLOADED_MEDIUM = {"media_id": MEDIUM_ID, "file_size_bytes": 2048576, "content_sha256": SHA256}
DOWNLOAD_URL = {
    "media_id": MEDIUM_ID,
    "download_url": f"https://gateway.example.org/v1/objects/{MEDIUM_ID}{_SIGNED}",
    "content_type": "audio/ogg",
    "file_size_bytes": 2048576,
    "expires_at": "2026-03-01T13:00:00Z",
}
DEVICE_CREATE = {"serial_number": "AM-07", "model": "fieldpost-box", "firmware_version": "1.4.2"}
DEVICE = {
    "id": DEVICE_ID,
    "serial_number": "AM-07",
    "status": "unbound",
    "end_user_id": None,
    "device_name": "North mast",
    "model": "fieldpost-box",
    "firmware_version": "1.4.2",
    "battery_percent": 81,
    "storage_used_mb": 512,
    "storage_total_mb": 29000,
    "signal_strength_dbm": -71,
    "last_heartbeat_at": "2026-03-01T12:00:00Z",
    "recording_state": {"device_state": "idle", "pending_recordings": 2},
    "metadata": {},
    "binding_generation": 0,
    "created_at": "2026-02-01T09:00:00Z",
    "updated_at": "2026-02-01T09:00:00Z",
}
BOUND = {
    **DEVICE,
    "status": "bound",
    "end_user_id": "eu_42",
    "binding_generation": 1,
    "device_token": DEVICE_TOKEN,
}

_STORE = "https://store.example.org/recordings/objects/rec/med"
PARTS = {
    "part_bytes": 8388608,
    "parts": [
        {"number": 2, "url": f"{_STORE}?partNumber=2&uploadId=EXAMPLE&X-Amz-Signature=EXAMPLE"}
    ],
    "complete_url": f"{_STORE}?uploadId=EXAMPLE&X-Amz-Signature=EXAMPLE",
    "held": [{"number": 1, "etag": '"9b2cf535f27731c974343645a3985328"', "size_bytes": 8388608}],
}
