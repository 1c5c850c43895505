"""What a store of S3 enforces beyond what all of them do: found out by trying."""

import asyncio
import hashlib
import logging
import secrets
from dataclasses import dataclass

from gateway.errors import Unavailable
from gateway.objects.s3_bucket import S3Bucket
from gateway.objects.s3_checksums import SHA256, TELL, stated, told
from gateway.objects.s3_signing import S3Request

logger = logging.getLogger(__name__)

ONLY_NEW = {"If-None-Match": "*"}
_OK, _THERE_ALREADY = 200, 412
# 501: a store that says it knows no such header.
_REFUSED = frozenset({400, 422, 501})


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What the store does with a PUT.

    `checks_digests`: it refuses bytes of another SHA-256 and tells the digest afterwards.
    `keeps_first`: it refuses to replace an object where it was asked to.
    """

    checks_digests: bool
    keeps_first: bool


class S3Probe:
    """Tries one store, once, with objects of our own; whoever waits shares the try."""

    def __init__(self, bucket: S3Bucket) -> None:
        self._bucket = bucket
        self._habits: Habits | None = None
        self._trying: asyncio.Task[Habits] | None = None

    async def habits(self) -> Habits:
        """Say what the store enforces.

        A caller that gives up leaves the try to the others: a check with a short deadline would
        else begin it anew for ever.

        Raises:
            StorageFull, StorageFailed, Unavailable: It cannot be tried; the next call tries again.
        """
        if self._habits is None:
            if self._trying is None:
                self._trying = asyncio.create_task(self._try(), name="probe-store")
                self._trying.add_done_callback(self._tried)
            trying = self._trying
            await asyncio.wait([trying])
            if trying.cancelled():
                raise Unavailable("the gateway is stopping")
            self._habits = trying.result()
        return self._habits

    async def aclose(self) -> None:
        """Stop trying; idempotent."""
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.wait([self._trying])

    def _tried(self, trying: asyncio.Task[Habits]) -> None:
        self._trying = None
        if not trying.cancelled():
            # Whoever asked may be gone: the next one to ask meets the failure anew.
            trying.exception()

    async def _try(self) -> Habits:
        found = Habits(
            checks_digests=await self._checks_digests(), keeps_first=await self._keeps_first()
        )
        logger.info(
            "The object store was probed.",
            extra={"checks_sha256": found.checks_digests, "keeps_first": found.keeps_first},
        )
        return found

    async def _checks_digests(self) -> bool:
        content = secrets.token_bytes(32)
        key = self._bucket.probe(secrets.token_hex(8))
        right = hashlib.sha256(content).hexdigest()
        wrong = hashlib.sha256(content + b"?").hexdigest()
        try:
            if await self._put(key, stated(right), content) != _OK:
                return False
            head = await self._bucket.ask(S3Request(method="HEAD", key=key, headers=TELL))
            answer = await self._put(key, stated(wrong), content)
        finally:
            await self._bucket.remove(key)
        return answer in _REFUSED and told(head.headers.get(SHA256, "")) == right

    async def _keeps_first(self) -> bool:
        key = self._bucket.probe(secrets.token_hex(8))
        try:
            answers = [await self._put(key, ONLY_NEW, b"probe") for _ in range(2)]
        finally:
            await self._bucket.remove(key)
        return answers == [_OK, _THERE_ALREADY]

    async def _put(self, key: str, headers: dict[str, str], content: bytes) -> int:
        put = S3Request(method="PUT", key=key, headers=headers)
        good = _REFUSED | {_OK, _THERE_ALREADY}
        return (await self._bucket.ask(put, content, good=good)).status
