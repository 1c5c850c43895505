"""Whoever signs the parts of an S3 upload: the parts document of `device.core.uploads`, served.

It is written from that page alone and holds nothing but the store's upload id: what is up it asks
of the store, where it is told to tell.
"""

import asyncio
import re
import secrets
from typing import Any, Self

from aiohttp import web

from device.model import Target
from tests.servers.s3 import S3Server

_PART = re.compile(rb"<Part>.*?</Part>", re.DOTALL)


class PartsSigner:
    """`async with PartsSigner(s3, key, part_bytes) as signer:` serves until it ends.

    Args:
        s3: Where the upload is.
        key: Of the object.
        part_bytes: Of each part but the last.
        via: Port of a proxy before the server, which the parts take.
        tells: Whether documents say what the store holds.
    """

    def __init__(
        self,
        s3: S3Server,
        key: str,
        part_bytes: int,
        *,
        via: int | None = None,
        tells: bool = False,
    ) -> None:
        self._s3 = s3
        self._key = key
        self._part_bytes = part_bytes
        self.via = via
        self._tells = tells
        self._secret = secrets.token_hex(8)
        self._runner: web.AppRunner | None = None
        self.upload_id = ""
        self.age_s = 0
        """How old what it signs is; 700 is too old."""
        self.per_document = 2
        """URLs handed out at a time."""
        self.documents = 0

    def target(self) -> Target:
        """Open an upload, if none is open, and say where its document is. Blocks."""
        if not self.upload_id:
            status, _, said = self._s3.call("create_multipart_upload", Key=self._key)
            found = re.search(rb"<UploadId>([^<]+)</UploadId>", said)
            assert status == 200, said
            assert found is not None, said
            self.upload_id = found[1].decode()
        url = f"http://127.0.0.1:{self._port}/parts?secret={self._secret}"
        return Target(url=url, protocol="s3_parts")

    def expire(self) -> None:
        """Let the document's URL die."""
        self._secret = secrets.token_hex(8)

    def abort(self) -> None:
        """Abort the upload behind the agent's back, as a sweeper does. Blocks."""
        status, _, said = self._s3.call(
            "abort_multipart_upload", Key=self._key, UploadId=self.upload_id
        )
        assert status == 204, said

    def put_part(self, number: int, content: bytes) -> None:
        """Replace a part behind the agent's back. Blocks."""
        status, _, said = self._s3.call(
            "upload_part", content, Key=self._key, UploadId=self.upload_id, PartNumber=number
        )
        assert status == 200, said

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/parts", self._document)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _document(self, request: web.Request) -> web.Response:
        self.documents += 1
        if request.query["secret"] != self._secret:
            return web.json_response({"detail": "this URL has expired"}, status=403)
        first = int(request.query["from"])
        document: dict[str, Any] = {
            "part_bytes": self._part_bytes,
            "parts": [
                {"number": number, "url": self._signed("upload_part", PartNumber=number)}
                for number in range(first, first + self.per_document)
            ],
            "complete_url": self._signed("complete_multipart_upload"),
        }
        if self._tells:
            held = await asyncio.to_thread(self._held, first)
            if held is None:
                return web.json_response({"detail": "this upload is no more"}, status=410)
            document["held"] = held
        return web.json_response(document)

    def _signed(self, operation: str, **params: Any) -> str:
        return self._s3.presigned(
            operation,
            Key=self._key,
            UploadId=self.upload_id,
            via=self.via,
            age_s=self.age_s,
            **params,
        )

    def _held(self, first: int) -> list[dict[str, Any]] | None:
        status, _, said = self._s3.call("list_parts", Key=self._key, UploadId=self.upload_id)
        if status == 404:
            return None
        assert status == 200, said
        parts = [
            {
                "number": int(_field(part, b"PartNumber")),
                "etag": _field(part, b"ETag").replace("&#34;", '"').replace("&quot;", '"'),
                "size_bytes": int(_field(part, b"Size")),
            }
            for part in _PART.findall(said)
        ]
        return [part for part in parts if part["number"] >= first]


def _field(part: bytes, name: bytes) -> str:
    found = re.search(rb"<%s>([^<]*)</%s>" % (name, name), part)
    assert found is not None, part
    return found[1].decode()
