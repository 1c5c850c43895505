"""Route of a recording's timeline: its media with URLs, waveforms and places in time."""

from datetime import datetime
from enum import StrEnum

import msgspec
from aiohttp import web

from gateway.core.timeline import timeline
from gateway.core.watching import Waves
from gateway.errors import NotFound
from gateway.model import MediaType, Medium, Scope
from gateway.routes import Admits, Answer, Route
from gateway.routes import examples as example
from gateway.routes.exchange import Exchange, answer


class NoPeaks(StrEnum):
    """Why there are no peaks."""

    WORKING = "working"
    NO_DECODER = "no_decoder"
    UNDECODABLE = "undecodable"
    TOO_LARGE = "too_large"
    NOT_UPLOADED = "not_uploaded"
    UNAVAILABLE = "unavailable"


class AudioView(msgspec.Struct, frozen=True, kw_only=True):
    """Audio on the timeline.

    `peaks`, 0 to 1, at most 2000, lie equally spaced over this medium's own `duration_s`. Where
    they are null `peaks_reason` says why; `working`: ask again in some seconds.
    """

    medium_id: str
    content_type: str
    file_size_bytes: int | None
    status: str
    offset_s: float
    duration_s: float | None
    peaks: list[float] | None
    peaks_reason: NoPeaks | None
    download_url: str | None
    expires_at: datetime | None


class ImageView(msgspec.Struct, frozen=True, kw_only=True):
    """An image or video on the timeline; `offset_s` is null where its time is unknown."""

    medium_id: str
    type: MediaType
    content_type: str
    file_size_bytes: int | None
    status: str
    captured_at: datetime | None
    offset_s: float | None
    download_url: str | None
    expires_at: datetime | None


class TimelineView(msgspec.Struct, frozen=True, kw_only=True):
    """A recording laid out in time; offsets count from its begin."""

    recording_id: str
    started_at: datetime | None
    duration_s: float | None
    audio: list[AudioView]
    images: list[ImageView]


_Url = tuple[str | None, datetime | None]
_NO_URL: _Url = (None, None)


async def get(exchange: Exchange) -> web.StreamResponse:
    """Lay a recording out."""
    gateway = exchange.gateway
    recording = await gateway.recordings.find(exchange.caller, exchange.path("recording_id"))
    sounds = [medium for medium in recording.media if medium.type is MediaType.AUDIO]
    waves = await gateway.waveforms.of(sounds)
    durations_s = {
        medium_id: wave.duration_ms / 1000
        for medium_id, wave in waves.items()
        if wave.duration_ms is not None
    }
    laid = timeline(recording, durations_s)
    urls, expires_at = await gateway.recordings.download_urls(recording, base_url=exchange.base_url)
    way = {medium_id: (url, expires_at) for medium_id, url in urls.items()}
    return answer(
        TimelineView(
            recording_id=recording.id,
            started_at=recording.started_at,
            duration_s=laid.duration_s,
            audio=[
                _audio(medium, at_s, waves[medium.id], way.get(medium.id, _NO_URL))
                for medium, at_s in laid.audio
            ],
            images=[
                _image(medium, at_s, way.get(medium.id, _NO_URL)) for medium, at_s in laid.others
            ],
        ),
        headers={"Cache-Control": "no-store"},
    )


def _audio(medium: Medium, at_s: float, wave: Waves, url: _Url) -> AudioView:
    return AudioView(
        medium_id=medium.id,
        content_type=medium.content_type,
        file_size_bytes=medium.file_size_bytes,
        status=medium.status,
        offset_s=at_s,
        duration_s=None if wave.duration_ms is None else wave.duration_ms / 1000,
        peaks=None if wave.peaks is None else list(wave.peaks),
        peaks_reason=None if wave.reason is None else NoPeaks(wave.reason),
        download_url=url[0],
        expires_at=url[1],
    )


def _image(medium: Medium, at_s: float | None, url: _Url) -> ImageView:
    return ImageView(
        medium_id=medium.id,
        type=medium.type,
        content_type=medium.content_type,
        file_size_bytes=medium.file_size_bytes,
        status=medium.status,
        captured_at=medium.captured_at,
        offset_s=at_s,
        download_url=url[0],
        expires_at=url[1],
    )


_URL = {"download_url": example.DOWNLOAD_URL["download_url"], "expires_at": "2026-03-01T13:00:00Z"}
_TIMELINE = {
    "recording_id": example.RECORDING_ID,
    "started_at": "2026-03-01T11:00:00Z",
    "duration_s": 2530.0,
    "audio": [
        {
            "medium_id": example.MEDIUM_ID,
            "content_type": "audio/ogg",
            "file_size_bytes": 2048576,
            "status": "uploaded",
            "offset_s": 0.0,
            "duration_s": 2530.0,
            "peaks": [0.02, 0.31, 0.28, 0.05],
            "peaks_reason": None,
            **_URL,
        }
    ],
    "images": [
        {
            "medium_id": "med_7b2a1d3c4e5f60718293a4b5c6d7e8f9",
            "type": "image",
            "content_type": "image/jpeg",
            "file_size_bytes": 48213,
            "status": "uploaded",
            "captured_at": "2026-03-01T11:10:30Z",
            "offset_s": 630.0,
            **_URL,
        }
    ],
}

ROUTES = (
    Route(
        method="GET",
        path="/v1/recordings/{recording_id}/timeline",
        operation_id="getTimeline",
        summary="Lay a recording out in time: audio with its waveform, images, URLs of all",
        run=get,
        admits=Admits.KEYS,
        scope=Scope.RECORDINGS_READ,
        answers=(Answer(status=200, means="The timeline.", body=TimelineView, example=_TIMELINE),),
        problems=(NotFound,),
    ),
)
"""The table that the application and openapi.json are built from."""
