"""A strict double of the Swayzio API, written from its page alone.

An intent allocates a track and an asset and signs one PUT on Google's store; finalize makes the
track of what is there, and is idempotent. Fields and values that the page does not name are
refused. What the page leaves open (how a missing asset is reported) is `missing`.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import web

from tests.fakes.signed_store import Loopback, SignedStore, iso, sent_json

TOKEN = "clerk-token-0"
_PREFIX = "/api/swayzio/v1"
_CAP_BYTES = 500_000_000
_TYPES = {
    "audio/wav": {"wav"},
    "audio/mpeg": {"mp3"},
    "audio/flac": {"flac"},
    "audio/ogg": {"ogg", "oga", "opus"},
    "audio/opus": {"opus"},
}
_ELSEWHERE = {
    "draft": "use_track_versions_upload_route",
    "track_artwork": "use_track_artwork_upload_route",
    "track_document": "use_track_documents_upload_route",
}


@dataclass
class Intent:
    id: str
    track: str
    asset: str
    path: str
    told: dict[str, Any] | None = None
    """What finalize was told first; None while it is not finalized."""


class SwayzioDouble:
    """`async with SwayzioDouble() as swayzio:` serves `swayzio.base_url`."""

    def __init__(self) -> None:
        self.net = Loopback(SignedStore())
        self.tokens = {TOKEN}
        self.entitled = True
        self.life_s = 900.0
        self.once = False
        """Whether the store is told by a signed header to take the object only if it is new."""
        self.finalize_origin = ""
        """Where finalizeUrl leads; its own origin if empty."""
        self.missing = (404, {"error": "asset_missing"})
        self.asked: list[dict[str, Any]] = []
        self.intents: dict[str, Intent] = {}
        self.bearers: list[str] = []
        self.net.add("POST", f"{_PREFIX}/uploads", "intent", self._intent)
        self.net.add("POST", _PREFIX + "/uploads/{id}/finalize", "finalize", self._finalize)
        self.net.add("GET", _PREFIX + "/tracks/{id}/processing-status", "status", self._status)

    async def __aenter__(self) -> Self:
        await self.net.__aenter__()
        self.base_url = self.net.origin + _PREFIX
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.net.__aexit__()

    def tracks(self) -> list[Intent]:
        """Return the intents that became tracks."""
        return [intent for intent in self.intents.values() if intent.told is not None]

    def contents(self) -> list[bytes]:
        """Return what tracks were made of, in the order of their intents."""
        return [self.net.store.objects[intent.path] for intent in self.tracks()]

    async def _intent(self, request: web.Request) -> web.Response:  # noqa: PLR0911 - a table of refusals
        if (refused := self._unauthorised(request)) is not None:
            return refused
        if not self.entitled:
            return self._error(403, "entitlement_required")
        body = await sent_json(request)
        fields = {"fileName", "contentType", "byteSize"}
        if not isinstance(body, dict) or set(body) - {"intent"} != fields:
            return self._error(400, "invalid_request")
        if code := _ELSEWHERE.get(body.get("intent", "")):
            return self._error(400, code)
        if type(body["byteSize"]) is not int or not 0 <= body["byteSize"] <= _CAP_BYTES:
            return self._error(400, "file_too_large")
        extension = body["fileName"].rpartition(".")[2].lower()
        if extension not in _TYPES.get(body["contentType"], ()):
            return self._error(400, "unsupported_media_type")
        self.asked.append(body)
        number = len(self.asked)
        headers = {"content-type": body["contentType"], "x-goog-meta-asset": f"ast_{number}"}
        if self.once:
            headers["x-goog-if-generation-match"] = "0"
        url = self.net.signed_url(f"audio/{number}", headers, self.life_s)
        intent = Intent(f"upl_{number}", f"trk_{number}", f"ast_{number}", urlsplit(url).path)
        self.intents[intent.id] = intent
        origin = self.finalize_origin or self.net.origin
        told = {
            "uploadId": intent.id,
            "trackId": intent.track,
            "assetId": intent.asset,
            "signedUrl": url,
            "method": "PUT",
            "expiresAt": iso(self.net.now + timedelta(seconds=self.life_s)),
            "requiredHeaders": headers,
            "finalizeUrl": f"{origin}{_PREFIX}/uploads/{intent.id}/finalize",
        }
        return self.net.json(201, told)

    async def _finalize(self, request: web.Request) -> web.Response:  # noqa: PLR0911 - a table of refusals
        if (refused := self._unauthorised(request)) is not None:
            return refused
        body = await sent_json(request)
        if not isinstance(body, dict) or not _valid(body):
            return self._error(400, "invalid_request")
        intent = self.intents.get(request.match_info["id"])
        if intent is None:
            return self.net.json(404, {"status": "upload_intent_not_found"})
        if body.get("assetId", intent.asset) != intent.asset:
            mismatch = {"status": "asset_mismatch", "error": "upload_asset_mismatch"}
            return self.net.json(409, mismatch)
        if intent.path not in self.net.store.objects:
            return self.net.json(*self.missing)
        if intent.told is not None:
            return self.net.json(200, {"status": "already_finalized"})
        intent.told = body
        told = {
            "status": "finalized",
            "assetId": intent.asset,
            "assetKind": "original_audio",
            "jobsQueued": 6,
            "trackId": intent.track,
            "uploadId": intent.id,
        }
        return self.net.json(200, told)

    async def _status(self, request: web.Request) -> web.Response:
        if (refused := self._unauthorised(request)) is not None:
            return refused
        return self.net.json(200, {"status": "processing", "trackId": request.match_info["id"]})

    def _unauthorised(self, request: web.Request) -> web.Response | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        self.bearers.append(token)
        if scheme == "Bearer" and token in self.tokens:
            return None
        return self._error(401, "unauthorized")

    def _error(self, status: int, code: str) -> web.Response:
        return self.net.json(status, {"error": code})


def _valid(body: dict[str, Any]) -> bool:
    if set(body) - {"assetId", "durationMs", "waveform"}:
        return False
    if "durationMs" in body and (type(body["durationMs"]) is not int or body["durationMs"] <= 0):
        return False
    if (waveform := body.get("waveform")) is None:
        return True
    peaks = waveform.get("peaks", [])
    rate = waveform.get("sampleRateHz")
    fields = not set(waveform) - {"peaks", "sampleRateHz", "channels"}
    return fields and type(rate) is int and 16 <= len(peaks) <= 2048 and _levels(peaks)


def _levels(peaks: list[Any]) -> bool:
    return all(type(peak) in {int, float} and 0 <= peak <= 1 for peak in peaks)
