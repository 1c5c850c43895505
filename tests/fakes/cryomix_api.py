"""A strict double of the Cryo-Mix API, written from its page alone: one call, one signed URL.

The page does not name the headers of the PUT; the URL is signed over the content type that was
asked for. Nothing can be asked about an upload afterwards.
"""

from typing import Any, Self

from aiohttp import web

from tests.fakes.signed_store import Loopback, SignedStore, sent_json

KEY = "cryo-key"
_FIELDS = {"object_names", "content_type", "expiration_seconds"}


class CryomixDouble:
    """`async with CryomixDouble() as cryomix:` serves `cryomix.base_url`."""

    def __init__(self) -> None:
        self.net = Loopback(SignedStore())
        self.keys = {KEY}
        self.sessions: dict[str, list[str]] = {}
        """Session-Id → the folders that were handed out for it."""
        self.net.add("POST", "/api/signed-url/multi-upload", "multi-upload", self._multi_upload)

    async def __aenter__(self) -> Self:
        await self.net.__aenter__()
        self.base_url = f"{self.net.origin}/api"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.net.__aexit__()

    def contents(self) -> list[bytes]:
        """Return what the store holds, by Session-Id; the last folder of each counts."""
        held = []
        for folders in self.sessions.values():
            for path, content in self.net.store.objects.items():
                if path.startswith(f"/store/uploads/{folders[-1]}/"):
                    held.append(content)
        return held

    async def _multi_upload(self, request: web.Request) -> web.Response:
        headers = request.headers
        if headers.get("X-Api-Key") not in self.keys:
            return self._error(401, "unauthorized client")
        if headers.get("Source") != "Mastering API":
            return self._error(401, "unauthorized client")
        session, body = headers.get("Session-Id"), await sent_json(request)
        if not session or not _valid(body):
            return self._error(400, "invalid required parameters")
        (name,) = body["object_names"]
        folders = self.sessions.setdefault(session, [])
        folder = f"folder-{sum(map(len, self.sessions.values())) + 1}"
        folders.append(folder)
        signed = {"Content-Type": body["content_type"]}
        life_s = body.get("expiration_seconds", 600)
        url = self.net.signed_url(f"uploads/{folder}/{name}", signed, life_s)
        data = {"upload_folder_name": folder, "upload_object_names": {name: url}}
        return self.net.json(
            200, {"data": data, "message": "Api success", "status": "success", "code": 200}
        )

    def _error(self, status: int, message: str) -> web.Response:
        return self.net.json(status, {"message": message, "status": "error", "code": status})


def _valid(body: Any) -> bool:
    if not isinstance(body, dict) or set(body) - _FIELDS:
        return False
    names, content_type = body.get("object_names"), body.get("content_type")
    life_s = body.get("expiration_seconds", 600)
    return (
        isinstance(names, list)
        and len(names) == 1
        and isinstance(names[0], str)
        and "/" not in names[0]
        and isinstance(content_type, str)
        and content_type.startswith("audio/")
        and type(life_s) is int
        and 1 <= life_s <= 604_800
    )
