"""What each upload API is known by before anybody talks to it: addresses, limits, what it takes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFacts:
    """One API's constants, read from its own pages.

    `takes` holds the kinds of media it has a place for; `content_types` those it names, with its
    own word for each, None where its pages list none. `url_life_s` is the range of upload URL
    lives that may be asked for, None where they cannot. `finalize_path` is where an upload is
    registered, relative to `base_url`, where the pages leave it open; else empty.
    """

    base_url: str
    takes: frozenset[str]
    finalize_path: str = ""
    url_life_s: tuple[int, int] | None = None
    content_types: Mapping[str, str] | None = None
    min_bytes: int = 0
    max_bytes: int | None = None


_SIRO_TYPES = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/wav": "wav",
    "audio/wave": "wav",
    "audio/x-wav": "wav",
    "audio/vnd.wave": "wav",
    "audio/aac": "aac",
    "audio/x-aac": "aac",
    "audio/aacp": "aac",
}
_SIVI_TYPES = {
    "image/jpeg": "jpeg",
    "image/jpg": "jpg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/bmp": "bmp",
    "image/tiff": "tiff",
}

FACTS = {
    "bota": ApiFacts(
        base_url="https://api.bota.dev/v1", takes=frozenset({"audio", "image", "video"})
    ),
    "siro": ApiFacts(
        base_url="https://api.siro.ai/v1",
        takes=frozenset({"audio"}),
        finalize_path="core/recordings/upload",
        content_types=_SIRO_TYPES,
        min_bytes=1,
    ),
    "sivi": ApiFacts(
        base_url="https://api.sivi.ai",
        takes=frozenset({"image"}),
        finalize_path="media/create",
        url_life_s=(60, 3600),
        content_types=_SIVI_TYPES,
    ),
    "cryomix": ApiFacts(
        base_url="https://platform.cryo-mix.com/api",
        takes=frozenset({"audio"}),
        url_life_s=(1, 604_800),
    ),
    "swayzio": ApiFacts(
        base_url="https://app.swayzio.com/api/swayzio/v1",
        takes=frozenset({"audio"}),
        max_bytes=500_000_000,
    ),
}
"""API name → its facts. APIs of third parties have none, and nothing is checked for them."""
