"""A bucket in memory, at the gateway's own seam: what clients do to it, and what they see.

As strict as the stores are: an upload becomes an object with all its parts or not at all, every
write is another version, and what was completed or ended is no more. `before` and `after` run
around each of the gateway's own operations, for tests that let others in or pull the plug there.
"""

import hashlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from gateway.core.signing import Purpose, signed_url
from gateway.objects import (
    Begun,
    Found,
    HeldPart,
    Listed,
    ObjectRef,
    Offer,
    SignedFor,
    Stored,
    UploadTarget,
)


@dataclass
class Upload:
    ref: ObjectRef
    begun_at: datetime
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass
class State:
    """All that outlives the gateway."""

    objects: dict[ObjectRef, tuple[bytes, str, datetime]] = field(default_factory=dict)
    rejected: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    serial: int = 0


async def _nothing(_what: str) -> None:
    pass


class Bucket:
    """See `gateway.objects.PartedObjectStore`; objects over `part_size` bytes go up in parts."""

    def __init__(self, now: Callable[[], datetime], *, secret: bytes, part_size: int = 1000):
        self.state = State()
        self.before: Callable[[str], Awaitable[None]] = _nothing
        self.after: Callable[[str], Awaitable[None]] = _nothing
        self.counts = False
        """Whether it tells digests that it counted itself."""
        self.reads = 0
        self._now, self._secret, self._part_size = now, secret, part_size

    # What a client does.

    def put(self, ref: ObjectRef, content: bytes) -> None:
        self.state.serial += 1
        self.state.objects[ref] = (content, f'"{self.state.serial}"', self._now())

    def put_part(self, handle: str, number: int, content: bytes) -> bool:
        """Say whether the upload is there to take it."""
        upload = self.state.uploads.get(handle)
        if upload is not None:
            upload.parts[number] = content
        return upload is not None

    def complete(self, handle: str, count: int) -> bool:
        """Say whether there was such an upload with exactly these parts."""
        upload = self.state.uploads.get(handle)
        if upload is None or set(upload.parts) != set(range(1, count + 1)):
            return False
        del self.state.uploads[handle]
        self.put(upload.ref, b"".join(upload.parts[n] for n in range(1, count + 1)))
        return True

    def content(self, ref: ObjectRef) -> bytes | None:
        found = self.state.objects.get(ref)
        return None if found is None else found[0]

    # What the gateway asks.

    @asynccontextmanager
    async def _asked(self, what: str) -> AsyncIterator[None]:
        await self.before(what)
        yield
        await self.after(what)

    def begins(self, offer: Offer) -> bool:
        return offer.size_bytes is not None and offer.size_bytes > self._part_size

    async def target(
        self, ref: ObjectRef, offer: Offer, signed: SignedFor, *, handle: str | None = None
    ) -> UploadTarget:
        if self.begins(offer):
            url = signed_url(
                self._secret,
                Purpose.PARTS,
                ref.medium_id,
                base_url=signed.base_url,
                expires=signed.expires,
            )
            return UploadTarget(url=url, protocol="s3_parts", handle=handle)
        url = f"http://bucket/{ref.recording_id}/{ref.medium_id}"
        return UploadTarget(url=url, protocol="single_put", handle=handle)

    async def download_url(self, ref: ObjectRef, signed: SignedFor) -> str:
        return f"http://bucket/{ref.recording_id}/{ref.medium_id}?{signed.expires}"

    async def look(self, ref: ObjectRef) -> Found | None:
        async with self._asked("look"):
            if (found := self.state.objects.get(ref)) is None:
                return None
            digest = hashlib.sha256(found[0]).hexdigest() if self.counts else None
            return Found(len(found[0]), digest, found[1])

    async def verify(self, ref: ObjectRef) -> Stored | None:
        async with self._asked("verify"):
            self.reads += 1
            if (found := self.state.objects.get(ref)) is None:
                return None
            return Stored(len(found[0]), hashlib.sha256(found[0]).hexdigest(), found[1])

    async def reject(self, ref: ObjectRef) -> None:
        async with self._asked("copy"):
            if ref in self.state.objects:
                self.state.rejected[ref.medium_id] = self.state.objects[ref][0]
        async with self._asked("remove"):
            self.state.objects.pop(ref, None)

    async def delete(self, recording_id: str, refs: Sequence[ObjectRef]) -> None:
        for ref in refs:
            assert ref.recording_id == recording_id
            async with self._asked("remove"):
                self.state.objects.pop(ref, None)
                self.state.rejected.pop(ref.medium_id, None)

    async def ping(self) -> None:
        await self.before("ping")

    async def abandon(self, ref: ObjectRef, handle: str) -> None:
        async with self._asked("abandon"):
            if handle in self.state.uploads:
                assert self.state.uploads.pop(handle).ref == ref

    async def listed(self) -> AsyncIterator[Listed]:
        await self.before("list")
        for ref, (_, _, at) in list(self.state.objects.items()):
            yield Listed(ref, at)

    async def begun(self) -> list[Begun]:
        async with self._asked("begun"):
            return [Begun(u.ref, handle, u.begun_at) for handle, u in self.state.uploads.items()]

    def part_bytes(self, size_bytes: int) -> int:
        del size_bytes
        return self._part_size

    async def begin(self, ref: ObjectRef, offer: Offer) -> str:
        del offer
        async with self._asked("begin"):
            self.state.serial += 1
            handle = f"upload-{self.state.serial}"
            self.state.uploads[handle] = Upload(ref, self._now())
            return handle

    async def held(self, ref: ObjectRef, handle: str, first: int) -> list[HeldPart] | None:
        async with self._asked("held"):
            upload = self.state.uploads.get(handle)
            if upload is None:
                return None
            assert upload.ref == ref
            parts = itertools.islice(sorted(upload.parts.items()), first - 1, None)
            return [
                HeldPart(number=n, etag=f'"{n}"', size_bytes=len(content)) for n, content in parts
            ]

    async def part_urls(
        self, ref: ObjectRef, handle: str, sizes: Mapping[int, int], life_s: int
    ) -> list[str]:
        del ref, life_s
        return [f"http://bucket/{handle}/{number}?bytes={size}" for number, size in sizes.items()]

    async def complete_url(self, ref: ObjectRef, handle: str, life_s: int) -> str:
        del ref, life_s
        return f"http://bucket/{handle}"

    async def aclose(self) -> None:
        pass
