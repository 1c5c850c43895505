"""A client of any gateway, over plain HTTP: what it asks goes to each of its addresses in turn."""

import hashlib
import io
import itertools
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy

SERIAL = "fieldpost-contract"
"""The one device that a run leaves behind: a second run finds it again."""


@dataclass(frozen=True)
class Answer:
    """What came back; `json` is None where the body is none."""

    status: int
    headers: CIMultiDictProxy[str]
    json: Any
    body: bytes

    @property
    def code(self) -> str:
        """The stable code of a problem, which both shapes must tell alike."""
        problem = self.json
        assert self.headers["Content-Type"].startswith("application/problem+json"), self
        assert {"type", "title", "status", "detail", "request_id", "error"} <= problem.keys()
        assert self.status == problem["status"]
        assert self.headers["X-Request-ID"] == problem["request_id"]
        code: str = problem["error"]["code"]
        return code


@dataclass(frozen=True, kw_only=True)
class Site:
    """A gateway under test: its addresses without `/v1`, and a key that may do everything."""

    urls: Sequence[str]
    key: str


class Client:
    """Calls a site; `token` goes out unless a call says otherwise."""

    def __init__(self, site: Site, session: aiohttp.ClientSession) -> None:
        self.site = site
        self._session = session
        self._turns = itertools.cycle(site.urls)
        self.token = ""
        self.device = ""
        self._made: list[str] = []
        self.run = uuid.uuid4().hex[:12]
        """Part of every Idempotency-Key: another run's are remembered for long."""

    async def enrol(self) -> None:
        """Be the contract's device, with a fresh token."""
        known = await self.call(
            "POST", "/v1/devices", {"serial_number": SERIAL}, token=self.site.key
        )
        assert known.status in {200, 201}, known
        self.device = known.json["id"]
        path = f"/v1/devices/{self.device}"
        await self.call("POST", f"{path}/unbind", token=self.site.key)
        bound = await self.call(
            "POST", f"{path}/bind", {"end_user_id": "contract"}, token=self.site.key
        )
        assert bound.status == 200, bound
        self.token = bound.json["device_token"]

    async def aclose(self) -> None:
        """Leave nothing behind but the device."""
        for recording in self._made:
            await self.call("DELETE", f"/v1/recordings/{recording}", token=self.site.key)

    async def call(  # noqa: PLR0913 - a test client says everything in one line
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one request: bytes as they are, all else as JSON; `token` "" for none."""
        sent = dict(headers or {})
        signed = path.startswith("http")
        bearer = self.token if token is None else token
        if bearer and not signed:
            sent["Authorization"] = f"Bearer {bearer}"
        if key is not None:
            sent["Idempotency-Key"] = f"{self.run}-{key}"
        url = path if signed else next(self._turns) + path
        data: Any = None
        if isinstance(body, bytes):
            # Wrapped: the client warns about large ones.
            data = io.BytesIO(body)
            sent = {"Content-Type": "application/octet-stream", **sent}
        elif body is not None:
            data = json.dumps(body)
            sent = {"Content-Type": "application/json", **sent}
        async with self._session.request(
            method, url, headers=sent, data=data, allow_redirects=False
        ) as response:
            raw = await response.read()
            is_json = "json" in response.headers.get("Content-Type", "") and raw
            return Answer(
                response.status, response.headers, json.loads(raw) if is_json else None, raw
            )

    async def recording(self, **body: Any) -> str:
        """Create a recording that is deleted in the end."""
        made = await self.call("POST", "/v1/recordings", body)
        assert made.status == 201, made
        self.later_deleted(made.json["id"])
        recording: str = made.json["id"]
        return recording

    def later_deleted(self, recording: str) -> None:
        """Have a recording deleted in the end."""
        self._made.append(recording)

    async def target(self, recording: str, content: bytes, key: str, **more: Any) -> Answer:
        """Ask where an image goes up."""
        return await self.call(
            "POST",
            f"/v1/recordings/{recording}/upload-url",
            {
                "type": "image",
                "content_type": "image/jpeg",
                "file_size_bytes": len(content),
                **more,
            },
            key=key,
            headers={"X-Content-SHA256": digest(content)},
        )

    async def put(self, target: Mapping[str, Any], content: bytes, **headers: str) -> Answer:
        """Send bytes where a target says."""
        sent = {**target["headers"], **headers}
        return await self.call("PUT", target["upload_url"], content, headers=sent)

    async def complete(self, recording: str, content: bytes | None = None) -> Answer:
        """Say that all is up; `content` is the audio's."""
        body = {} if content is None else {"content_sha256": digest(content)}
        return await self.call("POST", f"/v1/recordings/{recording}/upload-complete", body)


def digest(content: bytes) -> str:
    """Digest as the API writes it."""
    return hashlib.sha256(content).hexdigest()
