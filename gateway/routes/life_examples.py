"""The examples of device life in openapi.json; a test decodes each with its struct."""

from gateway.routes.examples import DEVICE_ID, DEVICE_TOKEN, RECORDING_ID

COMMAND_ID = "cmd_7d6c5b4a392817061f0e2d3c4b5a6978"
NONCE = "9f2c7b6e1d4a4c0f8b3e5a7d"

FAULT = {
    "event_id": "0a1b2c3d4e5f6071",
    "event_type": "watchdog",
    "reason_code": "watchdog_timeout",
    "uptime_ms": 86_400_000,
    "signature": "5f0c2d",
    "firmware_build_id": "1.4.2+3",
}
HEARTBEAT = {
    "battery_percent": 81,
    "storage_used_mb": 512,
    "storage_total_mb": 29000,
    "signal_strength_dbm": -71,
    "firmware_version": "1.4.2",
    "device_name": "North mast",
    "device_state": "idle",
    "pending_recordings": 2,
    "flags": 9,
    "connection_type": ["wifi"],
    "diagnostics": {"schema_version": 1, "events": [FAULT]},
}
PARAMS = {"max_duration_sec": 600, "upload_immediately": True, "metadata": {"job": "17"}}
SETTINGS = {
    "connection": {
        "enabled_connections": {"wifi": True, "cellular": True},
        "upload_network_preference": ["wifi", "cellular"],
    },
    "upload": {
        "daily_data_limit_mb": 300,
        "allow_roaming": False,
        "off_peak_hours": {
            "enabled": True,
            "start": "22:00",
            "end": "06:00",
            "timezone": "Europe/Berlin",
        },
    },
    "power": {"low_battery_threshold_percent": 25},
}
OWN = {"upload": {"daily_data_limit_mb": 300}}
SETTINGS_VIEW = {
    "device_id": DEVICE_ID,
    "value": SETTINGS,
    "own": OWN,
    "origins": {
        "connection.enabled_connections.wifi": "gateway",
        "connection.enabled_connections.cellular": "gateway",
        "connection.upload_network_preference": "gateway",
        "upload.daily_data_limit_mb": "device",
        "upload.allow_roaming": "gateway",
        "upload.off_peak_hours": "gateway",
        "power.low_battery_threshold_percent": "gateway",
    },
    "settings_version": 3,
}
SETTINGS_PATCH = {"upload": {"daily_data_limit_mb": 300, "allow_roaming": None}}
HEARTBEAT_ANSWER = {
    "status": "ok",
    "server_time": "2026-03-01T12:00:00Z",
    "commands": [
        {
            "id": COMMAND_ID,
            "type": "start_recording",
            "params": PARAMS,
            "expires_at": "2026-03-01T12:04:30Z",
        }
    ],
    "settings": SETTINGS,
    "settings_version": 3,
    "diagnostics": {"accepted_event_ids": [FAULT["event_id"]]},
}
REPORTS = {
    "data": [
        {
            "at": "2026-03-01T12:00:00Z",
            "report": {"battery_percent": 81, "device_state": "idle", "pending_recordings": 2},
        }
    ]
}
FAULTS = {"data": [{"received_at": "2026-03-01T12:00:00Z", "event": FAULT}]}
COMMAND_CREATE = {
    "type": "start_recording",
    "params": PARAMS,
    "ttl_seconds": 300,
    "idempotency_key": "job-17",
}
COMMAND = {
    "id": COMMAND_ID,
    "device_id": DEVICE_ID,
    "type": "start_recording",
    "status": "pending",
    "params": PARAMS,
    "result": None,
    "error": None,
    "created_at": "2026-03-01T11:59:30Z",
    "expires_at": "2026-03-01T12:04:30Z",
    "delivered_at": None,
    "executed_at": None,
    "cancelled_at": None,
}
COMMAND_RESULT = {
    "status": "executed",
    "result": {"recording_id": RECORDING_ID, "started_at": "2026-03-01T12:00:02Z"},
}
EXECUTED = {
    **COMMAND,
    **COMMAND_RESULT,
    "delivered_at": "2026-03-01T12:00:00Z",
    "executed_at": "2026-03-01T12:00:03Z",
}
CANCELLED = {**COMMAND, "status": "cancelled", "cancelled_at": "2026-03-01T12:00:00Z"}
ENROL_CODE = {
    "device_id": DEVICE_ID,
    "code": "K7QF-2MXP",
    "expires_at": "2026-03-01T12:15:00Z",
}
ENROL = {"code": "K7QF-2MXP", "enrol_nonce": NONCE}
ENROLLED = {"device_id": DEVICE_ID, "device_token": DEVICE_TOKEN}
GENERAL_VIEW = {
    "device_id": None,
    "value": OWN,
    "own": OWN,
    "origins": {"upload.daily_data_limit_mb": "gateway"},
    "settings_version": 1,
}
