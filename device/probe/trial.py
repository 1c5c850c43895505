"""A trial of the way up: a recording of our own gateway's, filled, measured and deleted again.

Other clouds are not asked: what nobody completes there stays in their lists for ever.
"""

import asyncio
import contextlib
import hashlib
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from device.clock import Clock
from device.config import CloudConfig
from device.core.bota_api import parse_created, parse_target, refuse
from device.core.http_answer import ApiAnswer
from device.core.uploads import Cargo, Complete
from device.core.uploads.classify import begin, classify
from device.errors import CloudUnreachable, CloudUnwell, FieldpostError
from device.model import MediaKind, SealedMedium, Target
from device.transport import Transport

TRIAL_BYTES = 1024
WITHDRAW_S = 5.0
TRIAL = "fieldpost_trial"
"""Metadata by which our gateway knows what the device may delete again."""
_TYPE = "audio/ogg"
_MOST_STEPS = 4096
_CHUNK_BYTES = 262_144
_NAME = "fieldpost-gateway"
_OK, _CREATED = 200, frozenset({200, 201})
_NO_SUCH, _GONE = 404, frozenset({204, 404})


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """How a trial went; `put_s` is for the bytes alone, `whole_s` for all calls together."""

    size_bytes: int
    put_s: float
    whole_s: float

    @property
    def bytes_per_s(self) -> float:
        """What the way up carried."""
        return self.size_bytes / self.put_s if self.put_s else 0.0


class Trial:
    """Asks one cloud. Every call is made once."""

    def __init__(self, cloud: CloudConfig, token: str, transport: Transport, clock: Clock) -> None:
        self._cloud = cloud
        self._base_url = cloud.base_url.rstrip("/")
        self._login = {"Authorization": f"Bearer {token}"}
        self._transport = transport
        self._clock = clock

    async def offered(self) -> bool:
        """Say whether this is a gateway of ours that lets a device take a trial back.

        Raises:
            CloudError: It cannot be asked.
        """
        place = self._base_url.removesuffix("/v1")
        told = await self._transport.call("GET", f"{place}/version", {}, None)
        if told.status != _OK or f'"{_NAME}"'.encode() not in told.body:
            return False
        gone = await self._call("DELETE", "/recordings/rec_none")
        return gone.status == _NO_SUCH

    async def run(self, size_bytes: int) -> Trip:
        """Create, upload and delete; what was created is deleted however this ends.

        Raises:
            FieldpostError: Some step failed.
        """
        begun_s = self._clock.monotonic()
        key = f"fp-trial-{secrets.token_hex(8)}"
        made = await self._call("POST", "/recordings", {"metadata": {TRIAL: "1"}}, key)
        if made.status not in _CREATED:
            refuse(made, doing="create a trial recording")
        recording = f"/recordings/{quote(parse_created(made), safe='')}"
        try:
            put_s = await self._upload(recording, key, size_bytes)
        except BaseException:  # cancelled, too: it must not stay, and the first error is told
            with contextlib.suppress(FieldpostError):
                await self._withdraw(recording)
            raise
        gone = await self._withdraw(recording)
        if gone.status not in _GONE:
            refuse(gone, doing="delete the trial recording")
        whole_s = self._clock.monotonic() - begun_s
        return Trip(size_bytes=size_bytes, put_s=put_s, whole_s=whole_s)

    async def _withdraw(self, recording: str) -> ApiAnswer:
        try:
            async with asyncio.timeout(WITHDRAW_S):
                return await self._call("DELETE", recording)
        except TimeoutError as error:
            raise CloudUnreachable("the trial could not be deleted again: no answer") from error

    async def _upload(self, recording: str, key: str, size_bytes: int) -> float:
        # Random bytes: a proxy that compresses would make any other figure a lie.
        content = secrets.token_bytes(size_bytes)
        medium, cargo = _described(content)
        answer = await self._call(
            "POST",
            f"{recording}/upload-url",
            {"type": "audio", "content_type": _TYPE, "file_size_bytes": size_bytes},
            f"{key}-0",
        )
        if answer.status not in _CREATED:
            refuse(answer, doing="get an upload URL")
        target = parse_target(
            answer, medium, base_url=f"{self._base_url}/", allow_http=self._cloud.allow_http
        )
        file = await asyncio.to_thread(_written, content)
        try:
            return await self._put(target, cargo, file)
        finally:
            await asyncio.to_thread(file.unlink, missing_ok=True)

    async def _put(self, target: Target, cargo: Cargo, file: Path) -> float:
        protocol = begin(target, cargo, classify(target) or "single_put")
        begun_s = self._clock.monotonic()
        for _ in range(_MOST_STEPS):
            answer = await self._transport.send(protocol.next_request(), file, _unwatched)
            outcome: Any = protocol.received(answer)
            if isinstance(outcome, Complete):
                return self._clock.monotonic() - begun_s
            if why := getattr(outcome, "reason", None):
                raise FieldpostError(f"the store did not take the trial: {why}")
        raise CloudUnwell("the store takes no more of the trial")

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> ApiAnswer:
        headers = {**self._login, **({"Idempotency-Key": key} if key else {})}
        return await self._transport.call(method, f"{self._base_url}{path}", headers, body)


def _unwatched(_now_bytes: int) -> None:
    pass


def _written(content: bytes) -> Path:
    with tempfile.NamedTemporaryFile(prefix="fieldpost-trial-", delete=False) as file:
        file.write(content)
    return Path(file.name)


def _described(content: bytes) -> tuple[SealedMedium, Cargo]:
    sha256 = hashlib.sha256(content).hexdigest()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    medium = SealedMedium(
        index=0,
        file="trial",
        name="trial",
        kind=MediaKind.AUDIO,
        content_type=_TYPE,
        size_bytes=len(content),
        sha256=sha256,
        md5=md5,
    )
    cargo = Cargo(
        size_bytes=len(content),
        chunk_bytes=_CHUNK_BYTES,
        sha256=sha256,
        md5=md5,
        content_type=_TYPE,
    )
    return medium, cargo
