"""The golden vectors of saved upload sessions: what was kept by any release is gone on with."""

import json
from pathlib import Path

import msgspec
import pytest

from device.core.uploads import BUILTIN, Cargo
from device.core.uploads.classify import resume
from device.model import UploadSession

_FILE = Path(__file__).parents[3] / "vectors" / "upload_session" / "v1.json"
VECTORS = json.loads(_FILE.read_text())
CARGO = Cargo(**VECTORS["cargo"])
EVERY = pytest.mark.parametrize("vector", VECTORS["sessions"], ids=lambda v: v["name"])


def _session(vector: dict) -> UploadSession:
    return msgspec.json.decode(json.dumps(vector["session"]).encode(), type=UploadSession)


@EVERY
def test_a_saved_session_goes_on(vector: dict) -> None:
    """The first request after an upgrade is the one that goes on where the upload stopped."""
    request = resume(_session(vector), CARGO).next_request()

    assert vector["resumes_with"] == {
        "method": request.method,
        "url": request.url,
        "headers": dict(request.headers),
        "body_offset": request.body_offset,
        "body_bytes": request.body_bytes,
    }


@EVERY
def test_a_saved_session_is_kept_as_it_is(vector: dict) -> None:
    """Opening a session changes nothing of it, and the driver's own keys survive."""
    session = _session(vector)
    marks = {"offset": "4", "unsettled": "0", "a_key_added_later": "x"}
    marked = UploadSession(
        target=session.target, protocol=session.protocol, state={**session.state, **marks}
    )

    assert marked == resume(marked, CARGO).session
    assert session == resume(session, CARGO).session


def test_every_protocol_has_a_vector() -> None:
    """A protocol whose sessions are saved has one that is pinned."""
    assert set(BUILTIN) == {vector["session"]["protocol"] for vector in VECTORS["sessions"]}
