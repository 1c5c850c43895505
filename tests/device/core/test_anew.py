"""What a requeue forgets of an upload, and what it keeps."""

import pytest

from device.core.anew import acknowledged, anew, in_vain_bytes, times
from device.model import Evidence, MediaKind, Medium, MediumState, Target, UploadSession


def sent(state: dict[str, str] | None, evidence: Evidence | None = None) -> MediumState:
    medium = Medium(
        index=0, name="a", kind=MediaKind.AUDIO, content_type="audio/opus", size_bytes=1000
    )
    target = Target(url="https://store.example/a")
    session = None if state is None else UploadSession(target=target, protocol="tus", state=state)
    return MediumState(medium=medium, file="a", session=session, evidence=evidence)


def test_the_clouds_name_for_a_recording_goes() -> None:
    """That recording may be deleted there; nothing else says where it was."""
    ref = {"recording_id": "rec_1", "cloud": "bota", "cloud_at": "https://h"}

    assert {"again": "1"} == anew(ref)


def test_media_that_were_acknowledged_by_themselves_stay() -> None:
    """With where that was: at another address it would count for nothing."""
    ref = {
        "siro.0": "r-0",
        "images.sivi.12": "m-1",
        "recording_id": "rec_1",
        "session.1": "s",
        "cloud": "siro+sivi",
        "cloud_at": "https://h",
        "at": "https://h",
        "images.at": "https://i",
        "again": "2",
    }
    gone = {"recording_id": "", "session.1": "", "again": ""}

    assert {0, 12} == acknowledged(ref)
    assert {k: v for k, v in ref.items() if k not in gone} | {"again": "3"} == anew(ref)


@pytest.mark.parametrize(
    ("ref", "counted"),
    [({}, 0), ({"again": "2"}, 2), ({"again": "-1"}, 0), ({"again": "x"}, 0), ({"again": "²"}, 0)],
)
def test_how_often_is_read_strictly(ref: dict[str, str], counted: int) -> None:
    """What is no number of ours is none."""
    assert counted == times(ref)


@pytest.mark.parametrize(
    ("state", "evidence", "in_vain"),
    [
        (None, None, 0),
        ({}, None, 0),
        ({"offset": "300", "unsettled": "50"}, None, 350),
        ({"offset": "300"}, Evidence(status=200), 1000),
    ],
)
def test_what_left_in_vain_is_counted(
    state: dict[str, str] | None, evidence: Evidence | None, in_vain: int
) -> None:
    """What the store held, what nobody knows of, or all of it where it was there."""
    assert in_vain == in_vain_bytes(sent(state, evidence))
