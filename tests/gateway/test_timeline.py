"""The timeline of a recording over the API, with audio that is really decoded."""

import asyncio
import importlib.util
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from gateway import waveforms
from tests.fakes import sounds
from tests.gateway.serving import serving

pytestmark = pytest.mark.asyncio

OPUS = sounds.encoded("OGG", "OPUS", 2.0)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest_asyncio.fixture
async def api(tmp_path, clock):
    """A gateway called by an operator's key."""
    async with serving(tmp_path / "data", clock) as api:
        api.token = await api.api_key()
        yield api


async def recorded(api, *media):
    """Make a recording of twelve o'clock; each medium: its kind, seconds after, bytes if any."""
    body = {"started_at": "2026-03-01T12:00:00Z"}
    recording = (await api.call("POST", "/v1/recordings", body)).json["id"]
    for kind, after_s, content in media:
        asked = {"type": kind, "file_size_bytes": len(content or b"?")}
        if after_s is not None:
            asked["captured_at"] = f"2026-03-01T12:00:{after_s:02d}Z"
        target = (await api.call("POST", f"/v1/recordings/{recording}/upload-url", asked)).json
        if content is not None:
            await api.call("PUT", target["upload_url"], body=content)
    return recording


async def laid(api, recording):
    return (await api.call("GET", f"/v1/recordings/{recording}/timeline")).json


async def test_audio_and_images_lie_on_one_line(api):
    """With a waveform, the playing time, and where everything can be fetched."""
    recording = await recorded(api, ("audio", 0, OPUS), ("image", 1, b"jpeg"))
    shown = await laid(api, recording)
    (audio,), (image,) = shown["audio"], shown["images"]
    fetched = await api.call("GET", audio["download_url"])

    assert (recording, "2026-03-01T12:00:00Z", 2.0) == (
        shown["recording_id"],
        shown["started_at"],
        shown["duration_s"],
    )
    assert (0.0, 2.0, None) == (audio["offset_s"], audio["duration_s"], audio["peaks_reason"])
    assert (True, True) == (audio["peaks"][0] < 0.1, audio["peaks"][-5] > 0.4)
    assert (1.0, "image", "uploaded") == (image["offset_s"], image["type"], image["status"])
    assert (OPUS, 200) == (fetched.body, (await api.call("GET", image["download_url"])).status)


async def test_parts_of_audio_have_their_own_waveforms(api):
    """Each at its place, however they were cut."""
    short = sounds.wav(1.0)
    recording = await recorded(api, ("audio", 2, short), ("audio", 0, OPUS))
    shown = await laid(api, recording)

    assert [(0.0, 2.0), (2.0, 1.0)] == [(a["offset_s"], a["duration_s"]) for a in shown["audio"]]
    assert 3.0 == shown["duration_s"]


async def test_what_is_not_here_yet_is_shown_without_url(api):
    """A recording that is coming up has a timeline, too."""
    recording = await recorded(api, ("audio", None, None), ("image", 3, None))
    shown = await laid(api, recording)
    (audio,), (image,) = shown["audio"], shown["images"]

    assert (None, "not_uploaded", None) == tuple(
        audio[name] for name in ("peaks", "peaks_reason", "download_url")
    )
    assert ("pending", 3.0, None) == (image["status"], image["offset_s"], image["download_url"])


async def test_what_is_no_audio_says_so(api):
    """And is not decoded again for everybody who looks."""
    recording = await recorded(api, ("audio", 0, b"no audio at all" * 100))
    first = (await laid(api, recording))["audio"][0]
    known = await api.gateway.store.waveforms.known([first["medium_id"]], api.gateway.clock.now())
    kept = await api.gateway.store.waveforms.known([first["medium_id"]], LONG_AGO)

    assert (None, "undecodable") == (first["peaks"], first["peaks_reason"])
    assert ({}, "undecodable") == (known, kept[first["medium_id"]].reason)


async def test_audio_is_decoded_once(api, monkeypatch):
    """What was decoded is kept, for other processes and for later."""
    recording = await recorded(api, ("audio", 0, OPUS))
    first = await laid(api, recording)

    async def never(path):
        raise AssertionError(path)

    monkeypatch.setattr(waveforms, "hear", never)
    again = await laid(api, recording)

    assert first["audio"][0]["peaks"] == again["audio"][0]["peaks"]


async def test_without_a_decoder_only_the_header_is_read(api, monkeypatch):
    """It says why there is no picture, and does not remember that."""
    monkeypatch.setattr("device.hearing._decoder_is_here", lambda: False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    recording = await recorded(api, ("audio", 0, sounds.wav(3.0)))
    (audio,) = (await laid(api, recording))["audio"]

    assert (None, "no_decoder", 3.0) == tuple(
        audio[name] for name in ("peaks", "peaks_reason", "duration_s")
    )
    assert {} == await api.gateway.store.waveforms.known([audio["medium_id"]], LONG_AGO)


async def test_what_takes_long_is_told_later(api, monkeypatch):
    """The page is not kept waiting; two that ask at once have it decoded once."""
    go, heard = asyncio.Event(), []

    async def slowly(path):
        heard.append(path)
        await go.wait()

    monkeypatch.setattr(waveforms, "hear", slowly)
    monkeypatch.setattr(waveforms, "_PATIENCE_S", 0.01)
    recording = await recorded(api, ("audio", 0, OPUS))
    shown = await asyncio.gather(laid(api, recording), laid(api, recording))
    go.set()
    monkeypatch.setattr(waveforms, "_PATIENCE_S", 5)
    done = await laid(api, recording)

    assert ["working"] * 2 == [each["audio"][0]["peaks_reason"] for each in shown]
    assert (1, "undecodable") == (len(heard), done["audio"][0]["peaks_reason"])


async def test_what_is_too_large_is_not_decoded(api, monkeypatch):
    """It plays all the same."""
    monkeypatch.setattr(waveforms, "MOST_BYTES", len(OPUS) - 1)
    recording = await recorded(api, ("audio", 0, OPUS))
    (audio,) = (await laid(api, recording))["audio"]

    assert ("too_large", True) == (audio["peaks_reason"], audio["download_url"] is not None)


async def test_a_missing_object_does_not_break_the_page(api, tmp_path):
    """The images are there to be seen."""
    recording = await recorded(api, ("audio", 0, OPUS), ("image", 1, b"jpeg"))
    for path in (tmp_path / "data" / "objects" / recording).iterdir():
        path.unlink()
    shown = await laid(api, recording)

    assert ("unavailable", 1) == (shown["audio"][0]["peaks_reason"], len(shown["images"]))


async def test_a_recording_that_is_none_has_no_timeline(api):
    """It is not there."""
    got = await api.call("GET", "/v1/recordings/rec_none/timeline")

    assert (404, "not_found") == (got.status, got.code)
