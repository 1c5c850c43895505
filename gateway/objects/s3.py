"""Objects in a bucket of S3 or a store that speaks it; clients PUT and GET by presigned URLs."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import quote

from gateway.config_objects import S3Config
from gateway.core.signing import Purpose, signed_url
from gateway.errors import StorageFailed, Unavailable
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
    s3_faults,
)
from gateway.objects import s3_documents as documents
from gateway.objects.s3_bucket import S3Bucket
from gateway.objects.s3_checksums import SHA256, TELL, stated, told
from gateway.objects.s3_probe import ONLY_NEW, S3Probe
from gateway.objects.s3_signing import S3Request
from gateway.objects.store_http import ANY

logger = logging.getLogger(__name__)

_MIB = 1024 * 1024
_LEAST_PART_BYTES = 5 * _MIB
_WANTED_PART_BYTES = 64 * _MIB
_WANTED_PARTS, _MOST_PARTS = 64, 10_000
_LISTED = 500
_BEGUN = 1000
_HELD = 200
_OK, _NOT_FOUND = 200, 404


class S3Objects:
    """The bucket `config` names. Keys are `objects/<recording>/<medium>` under its prefix."""

    def __init__(self, config: S3Config, *, secret: bytes) -> None:
        self._config = config
        self._secret = secret
        self._bucket = S3Bucket(config)
        self._probe = S3Probe(self._bucket)

    async def target(
        self, ref: ObjectRef, offer: Offer, signed: SignedFor, *, handle: str | None = None
    ) -> UploadTarget:
        """See `ObjectStore.target`; large objects get the URL of their parts document."""
        if self.begins(offer):
            url = signed_url(
                self._secret,
                Purpose.PARTS,
                ref.medium_id,
                base_url=signed.base_url,
                expires=signed.expires,
            )
            return UploadTarget(url=url, protocol="s3_parts", handle=handle)
        habits = await self._probe.habits()
        sent = {"Content-Type": offer.content_type}
        if offer.sha256 is not None and habits.checks_digests:
            sent |= stated(offer.sha256)
        if habits.keeps_first:
            # The URL lives on: without this it could replace an object that was verified.
            sent |= ONLY_NEW
        # The length goes out with every PUT, so it is signed without being handed out.
        length = {} if offer.size_bytes is None else {"Content-Length": str(offer.size_bytes)}
        put = S3Request(method="PUT", key=self._bucket.key(ref), headers=sent | length)
        url = await self._bucket.signer.sign(put, signed.life_s)
        return UploadTarget(url=url, protocol="single_put", headers=sent, handle=handle)

    def begins(self, offer: Offer) -> bool:
        """See `DirectObjectStore.begins`."""
        return offer.size_bytes is not None and offer.size_bytes > self._config.single_put_bytes

    async def download_url(self, ref: ObjectRef, signed: SignedFor) -> str:
        """See `ObjectStore.download_url`."""
        query = {"response-content-disposition": f'attachment; filename="{ref.medium_id}"'}
        get = S3Request(method="GET", key=self._bucket.key(ref), query=query)
        return await self._bucket.signer.sign(get, signed.life_s)

    async def look(self, ref: ObjectRef) -> Found | None:
        """See `DirectObjectStore.look`."""
        counts = (await self._probe.habits()).checks_digests
        answer = await self._bucket.ask(
            S3Request(method="HEAD", key=self._bucket.key(ref), headers=TELL if counts else {}),
            good=frozenset({_OK, _NOT_FOUND}),
        )
        if answer.status == _NOT_FOUND:
            return None
        digest = told(answer.headers.get(SHA256, "")) if counts else None
        size = answer.headers.get("content-length", "")
        if not (size.isascii() and size.isdigit()):
            # Never guessed: an object of another size than announced is removed.
            raise StorageFailed("the object store answers without a size")
        return Found(int(size), digest, answer.headers.get("etag"))

    async def verify(self, ref: ObjectRef) -> Stored | None:
        """See `ObjectStore.verify`."""
        url = await self._bucket.where(S3Request(method="GET", key=self._bucket.key(ref)))
        async with self._bucket.http.reading(url) as reading:
            if reading is None:
                return None
            digest, size_bytes = hashlib.sha256(), 0
            async for block in reading.blocks():
                await asyncio.to_thread(digest.update, block)
                size_bytes += len(block)
            if reading.size_bytes not in {None, size_bytes}:
                raise Unavailable("the object store ended an object early")
            return Stored(size_bytes, digest.hexdigest(), reading.headers.get("etag"))

    async def reject(self, ref: ObjectRef) -> None:
        """See `ObjectStore.reject`; what the store does not copy in one piece is only removed."""
        source = quote(f"/{self._config.bucket}/{self._bucket.key(ref)}")
        copy = S3Request(
            method="PUT",
            key=self._bucket.rejected(ref),
            headers={"x-amz-copy-source": source},
        )
        try:
            copied = await self._bucket.ask(copy, good=frozenset({_OK, _NOT_FOUND}))
            if copied.status == _OK:
                documents.check_copied(copied.body)
        except Unavailable as error:
            # Also one that takes too long to copy: it would stand in the way for ever.
            logger.warning(
                "A rejected object cannot be put aside and is removed.",
                extra={"medium_id": ref.medium_id, "reason": str(error)},
            )
        await self._bucket.remove(self._bucket.key(ref))

    async def delete(self, recording_id: str, refs: Sequence[ObjectRef]) -> None:
        """See `ObjectStore.delete`."""
        del recording_id
        for ref in refs:
            await self._bucket.remove(self._bucket.key(ref))
            await self._bucket.remove(self._bucket.rejected(ref))

    async def ping(self) -> None:
        """See `ObjectStore.ping`."""
        try:
            head = await self._bucket.ask(S3Request(method="HEAD"), good=ANY)
            if head.status != _OK:
                # A HEAD is refused without a word: asked again for the reason.
                query = {"list-type": "2", "max-keys": "1"}
                why = await self._bucket.ask(S3Request(method="GET", query=query), good=ANY)
                raise s3_faults.explained(head if why.status == _OK else why)
            await self._probe.habits()
        except StorageFailed as error:
            raise StorageFailed(str(error), hint=error.hint or s3_faults.MAY_NOT_WRITE) from error
        except Unavailable as error:
            raise s3_faults.unreachable(error) from error

    async def abandon(self, ref: ObjectRef, handle: str) -> None:
        """See `DirectObjectStore.abandon`."""
        await self._bucket.abandon(self._bucket.key(ref), handle)

    async def listed(self) -> AsyncIterator[Listed]:
        """See `DirectObjectStore.listed`."""
        query = {
            "list-type": "2",
            "max-keys": str(_LISTED),
            "prefix": self._bucket.objects,
        }
        while True:
            answer = await self._bucket.ask(S3Request(method="GET", query=query))
            page = documents.keys(answer.body)
            for each in page:
                if (ref := self._bucket.ref(each.key)) is not None:
                    yield Listed(ref, each.modified_at)
            # A store that does not page would give its first page for ever.
            if not page or page[-1].key <= query.get("start-after", ""):
                return
            query["start-after"] = page[-1].key

    async def begun(self) -> list[Begun]:
        """See `DirectObjectStore.begun`."""
        query = {"uploads": "", "prefix": self._bucket.objects}
        query["max-uploads"] = str(_BEGUN)
        found: list[Begun] = []
        marks: Mapping[str, str] = {}
        while True:
            answer = await self._bucket.ask(S3Request(method="GET", query={**query, **marks}))
            found += [
                Begun(ref, each.upload_id, each.initiated_at)
                for each in documents.uploads(answer.body)
                if (ref := self._bucket.ref(each.key)) is not None
            ]
            before, marks = marks, documents.after_uploads(answer.body)
            # A store that does not page would give its first page for ever.
            if marks in ({}, before):
                return found

    def part_bytes(self, size_bytes: int) -> int:
        """See `PartedObjectStore.part_bytes`: some 64 equal parts, but none below S3's least."""
        wanted = min(-(-size_bytes // _WANTED_PARTS), _WANTED_PART_BYTES)
        least = max(_LEAST_PART_BYTES, -(-size_bytes // _MOST_PARTS))
        return -(-max(wanted, least) // _MIB) * _MIB

    async def begin(self, ref: ObjectRef, offer: Offer) -> str:
        """See `PartedObjectStore.begin`."""
        answer = await self._bucket.ask(
            S3Request(
                method="POST",
                key=self._bucket.key(ref),
                query={"uploads": ""},
                headers={"Content-Type": offer.content_type},
            )
        )
        return documents.upload_id(answer.body)

    async def held(self, ref: ObjectRef, handle: str, first: int) -> list[HeldPart] | None:
        """See `PartedObjectStore.held`."""
        query = {"uploadId": handle, "max-parts": str(_HELD), "part-number-marker": str(first - 1)}
        answer = await self._bucket.ask(
            S3Request(method="GET", key=self._bucket.key(ref), query=query),
            good=frozenset({_OK, _NOT_FOUND}),
        )
        if answer.status == _NOT_FOUND:
            if b"NoSuchBucket" in answer.body:
                raise StorageFailed("the object store has no such bucket")
            return None
        return [
            HeldPart(number=part.number, etag=part.etag, size_bytes=part.size_bytes)
            for part in documents.parts(answer.body)
        ]

    async def part_urls(
        self, ref: ObjectRef, handle: str, sizes: Mapping[int, int], life_s: int
    ) -> list[str]:
        """See `PartedObjectStore.part_urls`."""
        puts = [
            S3Request(
                method="PUT",
                key=self._bucket.key(ref),
                query={"partNumber": str(number), "uploadId": handle},
                # Signed, so that nobody fills the store through a part.
                headers={"Content-Length": str(size_bytes)},
            )
            for number, size_bytes in sizes.items()
        ]
        return await self._bucket.signer.sign_all(puts, life_s)

    async def complete_url(self, ref: ObjectRef, handle: str, life_s: int) -> str:
        """See `PartedObjectStore.complete_url`."""
        post = S3Request(method="POST", key=self._bucket.key(ref), query={"uploadId": handle})
        return await self._bucket.signer.sign(post, life_s)

    async def aclose(self) -> None:
        """See `ObjectStore.aclose`."""
        await self._probe.aclose()
        await self._bucket.http.aclose()
