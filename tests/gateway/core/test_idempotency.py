"""What ties an Idempotency-Key to its request."""

import msgspec
import pytest

from gateway.routes.bodies import DeviceBind, RecordingCreate, UploadComplete, UploadUrlCreate


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        (RecordingCreate, b"{}"),
        (UploadUrlCreate, b'{"type":"audio"}'),
        (UploadComplete, b"{}"),
        (DeviceBind, b'{"end_user_id":"eu_1"}'),
    ],
)
def test_fields_that_did_not_come_leave_no_trace(shape, body):
    """A release that knows one more field still sees the same request in a repeated one."""
    parsed = msgspec.json.decode(body, type=shape)

    assert msgspec.json.encode(parsed, order="sorted") == body
