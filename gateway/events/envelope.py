"""What goes out of an event: `{id, type, created_at, data}`, with URLs that are good just now."""

from datetime import timedelta
from typing import Any

import msgspec

from device.clock import Clock
from gateway.intake import ref_of
from gateway.model import MediaStatus, Medium
from gateway.model_events import Event, EventType
from gateway.objects import ObjectStore, SignedFor
from gateway.store import Store
from gateway.store.event_data import text_of

MOST_BYTES = 512 * 1024
"""Of one body: what brokers and receivers take. A recording of many more media leaves them out."""


class Envelopes:
    """Writes bodies. Each time anew: a retry after hours brings URLs that live."""

    def __init__(
        self,
        store: Store,
        objects: ObjectStore,
        clock: Clock,
        *,
        public_url: str | None,
        url_ttl_s: int,
    ) -> None:
        self._store = store
        self._objects = objects
        self._clock = clock
        self._base_url = None if public_url is None else f"{public_url}/v1"
        self._url_ttl = timedelta(seconds=url_ttl_s)

    async def body(self, event: Event) -> bytes:
        """Write the body of an event.

        Raises:
            Unavailable: The database or the object store.
        """
        data = dict(event.data)
        if event.type is EventType.RECORDING_UPLOADED:
            data |= await self._media(event)
        body = _written(event, data)
        if len(body) > MOST_BYTES:
            body = _written(event, data | {"media": [], "media_left_out": True})
        return body

    async def _media(self, event: Event) -> dict[str, Any]:
        """Say where the media can be fetched; nothing of a recording that was deleted since."""
        recording = await self._store.recordings.recording(event.recording_id or "")
        expires_at = (self._clock.now() + self._url_ttl).replace(microsecond=0)
        base_url = self._base_url or event.origin
        urls: dict[str, str] = {}
        media = () if recording is None else recording.media
        if base_url is not None:
            signed = SignedFor(
                base_url=base_url,
                expires=int(expires_at.timestamp()),
                life_s=int(self._url_ttl.total_seconds()),
            )
            for medium in media:
                if medium.status is MediaStatus.UPLOADED:
                    url = await self._objects.download_url(ref_of(medium), signed)
                    urls[medium.id] = url
        main = urls.get(event.data.get("media_id", ""))
        return {
            "media": [_shown(medium, urls.get(medium.id)) for medium in media],
            "media_left_out": False,
            "download_url": main,
            "download_url_expires_at": text_of(expires_at) if main else None,
        }


def _shown(medium: Medium, url: str | None) -> dict[str, Any]:
    return {
        "id": medium.id,
        "type": medium.type,
        "mime_type": medium.content_type,
        "file_size_bytes": medium.file_size_bytes,
        "content_sha256": medium.content_sha256,
        "captured_at": text_of(medium.captured_at),
        "download_url": url,
    }


def _written(event: Event, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode(
        {
            "id": event.id,
            "type": event.type,
            "created_at": text_of(event.created_at),
            "data": data,
        }
    )
