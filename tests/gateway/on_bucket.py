"""A gateway in front of a bucket in memory, and an agent that works at its desks."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import patch

from gateway.app import Opened, opened
from gateway.config import GatewayConfig
from gateway.config_objects import S3Config
from gateway.model import Intent, KeyCaller, MediaType, Medium, Recording, Scope
from gateway.objects import ObjectRef
from gateway.store import Asked
from tests.fakes.bucket import Bucket
from tests.fakes.clock import FakeClock
from tests.gateway.serving import SECRET, digest

CALLER = KeyCaller("key_1", frozenset(Scope))


@asynccontextmanager
async def gateway_on(bucket: Bucket, folder: Path, clock: FakeClock) -> AsyncIterator[Opened]:
    config = GatewayConfig(data=folder, secret=SECRET, objects=S3Config(bucket="b"))
    with patch("gateway.objects.s3.S3Objects", lambda *_, **__: bucket):
        async with opened(config, clock) as found:
            yield found


@dataclasses.dataclass
class Client:
    """Asks one gateway, and puts into its bucket."""

    found: Opened
    bucket: Bucket
    caller: KeyCaller = CALLER

    @property
    def desk(self):
        return self.found.gateway.recordings

    @property
    def store(self):
        return self.found.gateway.store

    def intent(self, operation: str, key: str) -> Intent:
        now = self.found.gateway.clock.now()
        return Intent(
            owner=self.caller.owner, operation=operation, key=key, fingerprint="f" * 64, at=now
        )

    async def recording(self, key: str = "r") -> Recording:
        wanted = Recording(id="", created_at=self.found.gateway.clock.now())
        made = await self.desk.create(self.caller, wanted, self.intent("create", key))
        return made.value

    async def medium(self, recording: Recording, content: bytes, *, declare=True, key="m"):
        wanted = Medium(
            id="",
            recording_id=recording.id,
            type=MediaType.AUDIO,
            content_type="audio/ogg",
            created_at=self.found.gateway.clock.now(),
            file_size_bytes=len(content),
            declared_sha256=digest(content) if declare else None,
        )
        asked = Asked(wanted, self.intent("upload-url", key))
        [handed] = await self.desk.upload_urls(
            self.caller, recording.id, [asked], base_url="http://x/v1"
        )
        made = handed.made
        return made.value, ObjectRef(recording.id, made.value.id)

    async def parts(self, medium: Medium, first: int = 1):
        return await self.found.gateway.part_lists.list(medium.id, first)

    async def complete(self, recording: Recording, content: bytes | None):
        claim = None if content is None else digest(content)
        return await self.desk.complete(self.caller, recording.id, claim, None)
