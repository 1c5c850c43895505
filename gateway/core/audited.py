"""What of a request goes into the audit log: what it is about, and the fields that hold no secret.

Only what is named here is kept, and short: a field that somebody adds to a request is left out
until it is named.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

_KEPT = frozenset(
    {
        "audio",
        "connection",
        "description",
        "device_id",
        "disabled",
        "enabled",
        "end_user_id",
        "events",
        "media_bytes_per_day",
        "model",
        "name",
        "power",
        "recordings_per_day",
        "retention_days",
        "scopes",
        "serial_number",
        "storage_bytes",
        "ttl_seconds",
        "type",
        "upload",
    }
)
_NAMES = ("id", "key_id", "device_id")
_MOST_BYTES = 2048


def subject_of(path: str, names: Mapping[str, str], answered: bytes) -> str:
    """Say what a change is about.

    Args:
        path: Of the route.
        names: The variables of the path; the first of them is what it is about.
        answered: The body of the answer: where the path names nothing, this is what was made.

    Returns:
        An id; the last word of the path where there is none.
    """
    if names:
        return next(iter(names.values()))[:255]
    made = _object(answered)
    for name in _NAMES:
        if isinstance(value := made.get(name), str):
            return value[:255]
    return path.rpartition("/")[2]


def details_of(names: Mapping[str, str], asked: bytes) -> dict[str, Any]:
    """Keep of a request what may be kept.

    Args:
        names: The variables of the path; all but the first.
        asked: The body.
    """
    body = {name: value for name, value in _object(asked).items() if name in _KEPT}
    if len(msgspec.json.encode(body)) > _MOST_BYTES:
        body = {"left_out": sorted(body)}
    more = dict(list(names.items())[1:])
    return {**{name: value[:255] for name, value in more.items()}, **body}


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
