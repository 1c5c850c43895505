"""What each upload API is known by before anybody talks to it: addresses, limits, what it takes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFacts:
    """One API's constants, read from its own pages.

    `takes` holds the kinds of media it has a place for. `url_life_s` is the range of upload URL
    lives that may be asked for, None where they cannot. `finalize_path` is where an upload is
    registered, relative to `base_url`, where the pages leave it open; else empty.
    """

    base_url: str
    takes: frozenset[str]
    finalize_path: str = ""
    url_life_s: tuple[int, int] | None = None


FACTS = {
    "bota": ApiFacts(
        base_url="https://api.bota.dev/v1", takes=frozenset({"audio", "image", "video"})
    ),
    "siro": ApiFacts(
        base_url="https://api.siro.ai/v1",
        takes=frozenset({"audio"}),
        finalize_path="core/recordings/upload",
    ),
    "sivi": ApiFacts(
        base_url="https://api.sivi.ai",
        takes=frozenset({"image"}),
        finalize_path="media/create",
        url_life_s=(60, 3600),
    ),
    "cryomix": ApiFacts(
        base_url="https://platform.cryo-mix.com/api",
        takes=frozenset({"audio"}),
        url_life_s=(1, 604_800),
    ),
    "swayzio": ApiFacts(
        base_url="https://app.swayzio.com/api/swayzio/v1", takes=frozenset({"audio"})
    ),
}
"""API name → its facts. APIs of third parties have none, and nothing is checked for them."""
