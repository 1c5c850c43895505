"""A strict double of the Sivi API, written from its page alone.

`files/get-presigned-url` hands out a place on an S3-style store whose signature covers the
Content-Type; `media/create` makes a record of what is there, one for each call. Fields and values
that the page does not name are refused. With `quiet_http` every answer is HTTP 200 and only the
envelope tells what went wrong.
"""

from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import web

from tests.fakes.signed_store import Loopback, SignedStore, sent_json

KEY = "sivi-key-0"
_FIELDS = {"type", "extension", "contentType", "bId", "expiresIn", "abstractUserId"}
_TYPES = {"photo", "logo", "illustration", "screenshot", "backdrop", "font"}
_EXTENSIONS = {"jpg", "jpeg", "png", "svg", "webp", "gif", "bmp", "tiff", "ttf"}
_DEFAULT_LIFE_S = 300


class SiviDouble:
    """`async with SiviDouble() as sivi:` serves `sivi.base_url`."""

    def __init__(self) -> None:
        self.net = Loopback(SignedStore("Amz"))
        self.keys = {KEY}
        self.quiet_http = False
        self.forgets = False
        """Whether a record can be made only while the upload URL lives."""
        self.asked: list[dict[str, Any]] = []
        self.records: list[dict[str, Any]] = []
        self._handed_out: dict[str, tuple[str, float]] = {}
        self.net.add("POST", "/files/get-presigned-url", "intent", self._intent)
        self.net.add("POST", "/media/create", "register", self._register)

    async def __aenter__(self) -> Self:
        await self.net.__aenter__()
        self.base_url = self.net.origin
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.net.__aexit__()

    def contents(self) -> list[bytes]:
        """Return what records were made of, in the order in which they were made."""
        return [record["content"] for record in self.records]

    async def _intent(self, request: web.Request) -> web.Response:
        if (refused := self._unauthorised(request)) is not None:
            return refused
        body = await sent_json(request)
        if not isinstance(body, dict) or not _valid(body):
            return self._envelope(422, {"message": "Invalid input"})
        self.asked.append(body)
        extension = body.get("extension", "jpeg")
        life_s = body.get("expiresIn", _DEFAULT_LIFE_S)
        name = f"photos/{len(self.asked)}.{extension}"
        headers = {"Content-Type": body.get("contentType", "image/jpeg")}
        url = self.net.signed_url(name, headers, life_s)
        self._handed_out[url] = (urlsplit(url).path, self.net.now.timestamp() + life_s)
        told = {
            "uploadUrl": url,
            "method": "PUT",
            "headers": headers,
            "expiresIn": life_s,
            "fileName": name.rpartition("/")[2],
        }
        return self._envelope(200, told)

    async def _register(self, request: web.Request) -> web.Response:
        if (refused := self._unauthorised(request)) is not None:
            return refused
        body = await sent_json(request)
        if not isinstance(body, dict) or set(body) != {"type", "uploadUrl"}:
            return self._envelope(422, {"message": "Invalid input"})
        path, end = self._handed_out.get(body["uploadUrl"], ("", 0.0))
        content = self.net.store.objects.get(path)
        dead = self.forgets and self.net.now.timestamp() >= end
        if body["type"] != "photo" or content is None or dead:
            return self._envelope(422, {"message": "Invalid input"})
        self.records.append({**body, "content": content})
        return self._envelope(200, {"mediaId": f"m_{len(self.records)}"})

    def _unauthorised(self, request: web.Request) -> web.Response | None:
        if request.headers.get("sivi-api-key") in self.keys:
            return None
        return self._envelope(401, {"message": "Failed to authenticate request."})

    def _envelope(self, status: int, body: dict[str, Any]) -> web.Response:
        http = 200 if self.quiet_http else status
        return self.net.json(http, {"status": status, "body": body})


def _valid(body: dict[str, Any]) -> bool:
    if set(body) - _FIELDS or body.get("type") not in _TYPES:
        return False
    extension = body.get("extension", "jpeg")
    life_s = body.get("expiresIn", _DEFAULT_LIFE_S)
    fonts = (body["type"] == "font", extension == "ttf")
    known = extension in _EXTENSIONS and fonts in {(True, True), (False, False)}
    return known and type(life_s) in {int, float} and 60 <= life_s <= 3600
