"""The words of the Swayzio API, whatever is answered."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core import swayzio_api
from device.core.http_answer import ApiAnswer
from device.core.waveform import Sound
from device.errors import CloudConflict, CloudError, MediaMissing, NotTheCloud
from device.model import Target
from tests.fakes.uploads import manifest_of

MANIFEST = manifest_of(b"audio", types=("audio/ogg",))
(AUDIO,) = MANIFEST.media
BASE_URL = "https://app.swayzio.example/api/swayzio/v1"
DATE = {"date": "Sun, 01 Mar 2026 12:00:00 GMT"}
INTENT = {
    "uploadId": "upl_1",
    "trackId": "trk_1",
    "assetId": "ast_1",
    "signedUrl": "https://gcs.example/audio/1?X-Goog-Signature=s",
    "method": "PUT",
    "expiresAt": "2026-03-01T12:15:00Z",
    "requiredHeaders": {"content-type": "audio/ogg", "x-goog-meta-a": "b"},
    "finalizeUrl": f"{BASE_URL}/uploads/upl_1/finalize",
}
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
_STATUSES = st.sampled_from(
    ["finalized", "already_finalized", "asset_mismatch", "upload_intent_not_found", "x"]
)
_SPOILT = st.dictionaries(st.sampled_from([*INTENT, "status", "error"]), _JSON | _STATUSES)
_ANSWERS = st.builds(
    ApiAnswer,
    status=st.integers(100, 599) | st.sampled_from([200, 201]),
    headers=st.sampled_from([DATE, {}]),
    body=st.binary(max_size=200)
    | _SPOILT.map(lambda changes: json.dumps({**INTENT, **changes}).encode()),
)


def _target(answer: ApiAnswer) -> Target:
    return swayzio_api.parse_target(answer, AUDIO, base_url=f"{BASE_URL}/", allow_http=False)


def _handed_out(**changes: object) -> ApiAnswer:
    body = json.dumps({**INTENT, **changes}).encode()
    return ApiAnswer(status=201, headers=DATE, body=body)


TARGET = _target(_handed_out())


@given(_ANSWERS)
def test_any_answer_is_a_target_or_an_error(answer: ApiAnswer) -> None:
    """Whatever comes back to an intent is a target whose token stays at home, or our error."""
    try:
        target = _target(answer)
    except CloudError:
        return

    assert target.url.startswith("https://")
    finalize_url = swayzio_api.finalize_url(target, base_url=BASE_URL)
    assert finalize_url.startswith("https://app.swayzio.example/")


@given(_ANSWERS)
def test_any_answer_is_an_acknowledgement_or_an_error(answer: ApiAnswer) -> None:
    """Whatever comes back to finalize is our track, or one of our errors."""
    try:
        track = swayzio_api.parse_finalized(answer, TARGET)
    except CloudError:
        return

    assert "trk_1" == track
    assert json.loads(answer.body)["status"] in {"finalized", "already_finalized"}


@given(_ANSWERS)
def test_any_refusal_is_an_error(answer: ApiAnswer) -> None:
    """Whatever stands in a refusal is an error of ours, with a sentence."""
    for refuse in (
        swayzio_api.refuse_intent,
        lambda refused: swayzio_api.refuse_finalize(refused, TARGET),
    ):
        with pytest.raises(CloudError) as caught:
            refuse(answer)

        assert str(caught.value).isprintable()


def test_an_intent() -> None:
    """Headers come back as they were handed out, and the life is counted from the answer's Date."""
    assert (("content-type", "audio/ogg"), ("x-goog-meta-a", "b")) == TARGET.headers
    assert 900.0 == TARGET.expires_in_s
    assert "PUT" == TARGET.method


@pytest.mark.parametrize(
    "changes",
    [
        {"uploadId": None},
        {"trackId": "../x"},
        {"assetId": ""},
        {"signedUrl": "http://gcs.example/"},
        {"requiredHeaders": None},
        {"requiredHeaders": {"content-type": "a\nb"}},
        {"method": "GET /"},
    ],
)
def test_hostile_intents(changes: dict[str, object]) -> None:
    """An intent that cannot be used as it stands is not the cloud's."""
    with pytest.raises(NotTheCloud):
        _target(_handed_out(**changes))


@pytest.mark.parametrize("end", ["2026-03-01T11:00:00Z", "2025-01-01"])
def test_ends_in_the_past(end: str) -> None:
    """An URL that is dead on arrival is known to be."""
    left_s = _target(_handed_out(expiresAt=end)).expires_in_s

    assert left_s is not None
    assert left_s < 0


@pytest.mark.parametrize(
    "stated",
    [
        "https://evil.example/uploads/upl_1/finalize",
        "http://app.swayzio.example/api/swayzio/v1/uploads/upl_1/finalize",
        "https://app.swayzio.example:8443/uploads/upl_1/finalize",
        "https://app.swayzio.example@evil.example/",
        "https://user:secret@app.swayzio.example/",
        "https://evil.example\\@app.swayzio.example/",
        "https://app.swayzio.example\\.evil.example/",
        "https://app.swayzio.example.evil.example/",
        "//evil.example/",
        "https://[",
        "",
        None,
        7,
    ],
)
def test_finalize_elsewhere(stated: object) -> None:
    """A finalizeUrl that is not on the API's own origin gives way to the documented route."""
    target = _target(_handed_out(finalizeUrl=stated))

    assert f"{BASE_URL}/uploads/upl_1/finalize" == swayzio_api.finalize_url(
        target, base_url=BASE_URL
    )


@pytest.mark.parametrize(
    "stated",
    [
        "https://app.swayzio.example/other/finalize?u=upl_1",
        "https://APP.swayzio.example:443/api/finalize",
    ],
)
def test_finalize_where_it_says(stated: str) -> None:
    """Anywhere on the API's own origin the API may have its finalize."""
    target = _target(_handed_out(finalizeUrl=stated))

    assert stated == swayzio_api.finalize_url(target, base_url=BASE_URL)


def test_what_is_not_known_is_left_out() -> None:
    """Without a sound and without trusted times finalize says which asset, and nothing else."""
    assert {"assetId": "ast_1"} == swayzio_api.finalize_body(MANIFEST, TARGET, None)


@pytest.mark.parametrize(("trusted", "seconds"), [(False, 60), (True, 0), (True, -5)])
def test_times_that_tell_nothing(trusted: bool, seconds: int) -> None:
    """A clock that is not trusted, or that went back, tells no length."""
    begun = MANIFEST.started_at
    assert begun is not None
    ended_at = begun + timedelta(seconds=seconds)
    manifest = replace(MANIFEST, times_trusted=trusted, ended_at=ended_at)

    assert "durationMs" not in swayzio_api.finalize_body(manifest, TARGET, None)


def test_one_length_for_two_files() -> None:
    """The length of a recording of two audio files is that of neither."""
    both = manifest_of(b"1", b"2", types=("audio/wav", "audio/wav"))
    assert both.started_at is not None
    ended_at = both.started_at + timedelta(seconds=9)
    both = replace(both, times_trusted=True, ended_at=ended_at)

    assert {"assetId": "ast_1"} == swayzio_api.finalize_body(both, TARGET, None)


def test_a_sound_is_told_as_it_was_heard() -> None:
    """Length, peaks, sample rate and channels are those of the audio."""
    sound = Sound(duration_ms=5, peaks=(0.5,) * 16, rate_hz=48_000, channels=2)
    body = swayzio_api.finalize_body(MANIFEST, TARGET, sound)

    waveform = {"peaks": [0.5] * 16, "sampleRateHz": 48_000, "channels": 2}
    assert {"assetId": "ast_1", "durationMs": 5, "waveform": waveform} == body


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"status": "asset_mismatch"}, CloudConflict),
        ({"status": "upload_intent_not_found"}, MediaMissing),
        ({"status": "finalized", "trackId": "trk_9"}, NotTheCloud),
        ({"status": "finalized", "uploadId": 5}, NotTheCloud),
        ({"status": "queued"}, NotTheCloud),
        ({}, NotTheCloud),
    ],
)
def test_what_is_no_acknowledgement(told: dict[str, object], error: type[CloudError]) -> None:
    """HTTP 200 alone acknowledges nothing: the union's status does, of our own upload."""
    answer = ApiAnswer(status=200, body=json.dumps(told).encode())

    with pytest.raises(error):
        swayzio_api.parse_finalized(answer, TARGET)
