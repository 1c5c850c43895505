"""A strict double of the Siro API, written from its pages alone.

`signed-urls` hands out a place on Google's store whose signature covers Content-Type and the size
range; `recordings/upload` makes a recording of what is there, while the URLs live. Fields that the
pages do not name are refused. `oauth/token` is a plain RFC 6749 endpoint.
"""

import base64
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import web

from tests.fakes.signed_store import Loopback, SignedStore, iso, sent_json

TOKEN = "siro-token-0"
CLIENT = ("client-1", "secret/1")
_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav", "aac": "audio/aac"}
_USERS = {"userId", "userEmail", "userPhone"}
_FIELDS = {"fileUrl", "fileType", "title", "dateCreated", *_USERS}


class SiroDouble:
    """`async with SiroDouble() as siro:` serves `siro.base_url`."""

    def __init__(self) -> None:
        self.net = Loopback(SignedStore())
        self.tokens = {TOKEN}
        self.life_s = 900.0
        self.token_life_s = 3600.0
        self.recordings: dict[str, dict[str, Any]] = {}
        self._handed_out: dict[str, tuple[str, str, datetime]] = {}
        self._granted = 0
        self.net.add("POST", "/v1/core/recordings/signed-urls", "signed-urls", self._signed_urls)
        self.net.add("POST", "/v1/core/recordings/upload", "register", self._register)
        self.net.add("POST", "/oauth/token", "token", self._token)

    async def __aenter__(self) -> Self:
        await self.net.__aenter__()
        self.base_url = f"{self.net.origin}/v1"
        self.oauth_url = f"{self.net.origin}/oauth/token"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.net.__aexit__()

    def contents(self) -> list[bytes]:
        """Return what recordings were made of, in the order in which they were made."""
        return [recording["content"] for recording in self.recordings.values()]

    async def _signed_urls(self, request: web.Request) -> web.Response:
        if (refused := self._unauthorised(request)) is not None:
            return refused
        body = await sent_json(request)
        if not isinstance(body, dict) or set(body) != {"fileType", "fileSize"}:
            return self._error(400, "fileType and fileSize, and nothing else")
        kind, size = body["fileType"], body["fileSize"]
        if kind not in _TYPES or type(size) is not int or size <= 0:
            return self._error(400, "fileType or fileSize is not valid")
        name = f"uploads/{len(self._handed_out) + 1}.{kind}"
        headers = {"Content-Type": _TYPES[kind], "x-goog-content-length-range": f"0,{size}"}
        url = self.net.signed_url(name, headers, self.life_s)
        expires_at = self.net.now + timedelta(seconds=self.life_s)
        download_url = f"{self.net.origin}/store/{name}?for=download"
        self._handed_out[download_url] = (urlsplit(url).path, kind, expires_at)
        data = {
            "uploadUrl": url,
            "uploadHeaders": headers,
            "downloadUrl": download_url,
            "expiresAt": iso(expires_at),
        }
        return self.net.json(200, {"data": data, "limit": 10, "total": None})

    async def _register(self, request: web.Request) -> web.Response:
        if (refused := self._unauthorised(request)) is not None:
            return refused
        body = await sent_json(request)
        if not isinstance(body, dict) or set(body) - _FIELDS or not _USERS & set(body):
            return self._error(400, "fields that are not known, or no user")
        path, kind, expires_at = self._handed_out.get(
            body.get("fileUrl", ""), ("", "", self.net.now)
        )
        if not path or kind != body.get("fileType"):
            return self._error(400, "fileUrl is none of ours, or fileType is another")
        if self.net.now >= expires_at:
            return self._error(400, "fileUrl cannot be fetched any more")
        if (content := self.net.store.objects.get(path)) is None:
            return self._error(400, "there is no file at fileUrl")
        recording = f"siro-{len(self.recordings) + 1}"
        self.recordings[recording] = {**body, "content": content}
        return self.net.json(201, {"data": {"id": recording}})

    async def _token(self, request: web.Request) -> web.Response:
        scheme, _, basic = request.headers.get("Authorization", "").partition(" ")
        form = await request.post()
        if request.content_type != "application/x-www-form-urlencoded":
            return self.net.json(400, {"error": "invalid_request"})
        if dict(form) != {"grant_type": "client_credentials"}:
            return self.net.json(400, {"error": "unsupported_grant_type"})
        if scheme != "Basic" or basic != base64.b64encode(b"client-1:secret%2F1").decode():
            return self.net.json(401, {"error": "invalid_client", "error_description": "who?"})
        self._granted += 1
        token = f"granted-{self._granted}"
        self.tokens.add(token)
        granted = {"access_token": token, "token_type": "Bearer", "expires_in": self.token_life_s}
        return self.net.json(200, granted)

    def _unauthorised(self, request: web.Request) -> web.Response | None:
        if request.headers.get("x-siro-auth-token") in self.tokens:
            return None
        return self._error(401, "the token is not valid")

    def _error(self, status: int, message: str) -> web.Response:
        return self.net.json(status, {"message": message, "statusCode": status})
