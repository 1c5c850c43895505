"""Objects in a bucket of S3 or a store that speaks it; clients PUT and GET by presigned URLs."""

import asyncio
import base64
import hashlib
import logging
import secrets
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
)
from gateway.objects import s3_documents as documents
from gateway.objects.s3_signing import S3Request, S3Signer
from gateway.objects.store_http import StoreAnswer, StoreHttp

logger = logging.getLogger(__name__)

_MIB = 1024 * 1024
_LEAST_PART_BYTES = 5 * _MIB
_WANTED_PART_BYTES = 64 * _MIB
_WANTED_PARTS, _MOST_PARTS = 64, 10_000
_OWN_LIFE_S = 120
_LISTED = 500
_BEGUN = 1000
_HELD = 200
_SHA256 = "x-amz-checksum-sha256"
_TELL = {"x-amz-checksum-mode": "ENABLED"}
_OK, _NOT_FOUND = 200, 404
_GONE_TOO = frozenset({200, 204, 404})


class S3Objects:
    """The bucket `config` names. Keys are `objects/<recording>/<medium>` under its prefix."""

    def __init__(self, config: S3Config, *, secret: bytes) -> None:
        self._config = config
        self._secret = secret
        self._http = StoreHttp()
        self._signer = S3Signer(
            endpoint=config.endpoint,
            region=config.region,
            bucket=config.bucket,
            key_id=config.key_id,
            secret=config.secret,
        )
        self._checks_digests: bool | None = None
        self._probing = asyncio.Lock()
        self._tries = 0

    async def target(
        self, ref: ObjectRef, offer: Offer, signed: SignedFor, *, handle: str | None = None
    ) -> UploadTarget:
        """See `ObjectStore.target`; large objects get the URL of their parts document."""
        if offer.size_bytes is not None and offer.size_bytes > self._config.single_put_bytes:
            url = signed_url(
                self._secret,
                Purpose.PARTS,
                ref.medium_id,
                base_url=signed.base_url,
                expires=signed.expires,
            )
            return UploadTarget(url=url, protocol="s3_parts", handle=handle)
        sent = {"Content-Type": offer.content_type}
        if offer.sha256 is not None and await self._enforces_digests():
            sent[_SHA256] = _base64(offer.sha256)
        # The length goes out with every PUT, so it is signed without being handed out.
        length = {} if offer.size_bytes is None else {"Content-Length": str(offer.size_bytes)}
        put = S3Request(method="PUT", key=self._key(ref), headers=sent | length)
        url = await self._signer.sign(put, signed.life_s)
        return UploadTarget(url=url, protocol="single_put", headers=sent, handle=handle)

    async def download_url(self, ref: ObjectRef, signed: SignedFor) -> str:
        """See `ObjectStore.download_url`."""
        query = {"response-content-disposition": f'attachment; filename="{ref.medium_id}"'}
        get = S3Request(method="GET", key=self._key(ref), query=query)
        return await self._signer.sign(get, signed.life_s)

    async def look(self, ref: ObjectRef) -> Found | None:
        """See `DirectObjectStore.look`."""
        counts = await self._enforces_digests()
        answer = await self._ask(
            S3Request(method="HEAD", key=self._key(ref), headers=_TELL if counts else {}),
            good=frozenset({_OK, _NOT_FOUND}),
        )
        if answer.status == _NOT_FOUND:
            return None
        digest = _hex(answer.headers.get(_SHA256, "")) if counts else None
        size = answer.headers.get("content-length", "")
        if not (size.isascii() and size.isdigit()):
            # Never guessed: an object of another size than announced is removed.
            raise StorageFailed("the object store answers without a size")
        return Found(int(size), digest, answer.headers.get("etag"))

    async def verify(self, ref: ObjectRef) -> Stored | None:
        """See `ObjectStore.verify`."""
        url = await self._signer.sign(S3Request(method="GET", key=self._key(ref)), _OWN_LIFE_S)
        async with self._http.reading(url) as reading:
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
        source = quote(f"/{self._config.bucket}/{self._key(ref)}")
        copy = S3Request(
            method="PUT",
            key=f"{self._config.prefix}rejected/{ref.medium_id}",
            headers={"x-amz-copy-source": source},
        )
        try:
            copied = await self._ask(copy, good=frozenset({_OK, _NOT_FOUND}))
            if copied.status == _OK:
                documents.check_copied(copied.body)
        except Unavailable as error:
            # Also one that takes too long to copy: it would stand in the way for ever.
            logger.warning(
                "A rejected object cannot be put aside and is removed.",
                extra={"medium_id": ref.medium_id, "reason": str(error)},
            )
        await self._remove(self._key(ref))

    async def delete(self, recording_id: str, refs: Sequence[ObjectRef]) -> None:
        """See `ObjectStore.delete`."""
        del recording_id
        for ref in refs:
            await self._remove(self._key(ref))
            await self._remove(f"{self._config.prefix}rejected/{ref.medium_id}")

    async def ping(self) -> None:
        """See `ObjectStore.ping`."""
        await self._ask(S3Request(method="HEAD"))

    async def abandon(self, ref: ObjectRef, handle: str) -> None:
        """See `DirectObjectStore.abandon`."""
        await self._ask(
            S3Request(method="DELETE", key=self._key(ref), query={"uploadId": handle}),
            good=_GONE_TOO,
        )

    async def listed(self) -> AsyncIterator[Listed]:
        """See `DirectObjectStore.listed`."""
        query = {
            "list-type": "2",
            "max-keys": str(_LISTED),
            "prefix": f"{self._config.prefix}objects/",
        }
        while True:
            answer = await self._ask(S3Request(method="GET", query=query))
            page = documents.keys(answer.body)
            for each in page:
                if (ref := self._ref(each.key)) is not None:
                    yield Listed(ref, each.modified_at)
            # A store that does not page would give its first page for ever.
            if not page or page[-1].key <= query.get("start-after", ""):
                return
            query["start-after"] = page[-1].key

    async def begun(self) -> list[Begun]:
        """See `DirectObjectStore.begun`."""
        query = {"uploads": "", "prefix": f"{self._config.prefix}objects/"}
        query["max-uploads"] = str(_BEGUN)
        found: list[Begun] = []
        marks: Mapping[str, str] = {}
        while True:
            answer = await self._ask(S3Request(method="GET", query={**query, **marks}))
            found += [
                Begun(ref, each.upload_id, each.initiated_at)
                for each in documents.uploads(answer.body)
                if (ref := self._ref(each.key)) is not None
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
        answer = await self._ask(
            S3Request(
                method="POST",
                key=self._key(ref),
                query={"uploads": ""},
                headers={"Content-Type": offer.content_type},
            )
        )
        return documents.upload_id(answer.body)

    async def held(self, ref: ObjectRef, handle: str, first: int) -> list[HeldPart] | None:
        """See `PartedObjectStore.held`."""
        query = {"uploadId": handle, "max-parts": str(_HELD), "part-number-marker": str(first - 1)}
        answer = await self._ask(
            S3Request(method="GET", key=self._key(ref), query=query),
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
        self, ref: ObjectRef, handle: str, numbers: Sequence[int], life_s: int
    ) -> list[str]:
        """See `PartedObjectStore.part_urls`."""
        puts = [
            S3Request(
                method="PUT",
                key=self._key(ref),
                query={"partNumber": str(number), "uploadId": handle},
            )
            for number in numbers
        ]
        return await self._signer.sign_all(puts, life_s)

    async def complete_url(self, ref: ObjectRef, handle: str, life_s: int) -> str:
        """See `PartedObjectStore.complete_url`."""
        post = S3Request(method="POST", key=self._key(ref), query={"uploadId": handle})
        return await self._signer.sign(post, life_s)

    async def aclose(self) -> None:
        """See `ObjectStore.aclose`."""
        await self._http.aclose()

    async def _enforces_digests(self) -> bool:
        """Say whether the store refuses bytes of another SHA-256 and tells it afterwards.

        Stores differ, and most ignore the header: so it is tried once, on an object of our own.
        """
        tries = self._tries
        async with self._probing:
            if self._checks_digests is None:
                if tries != self._tries:
                    # One after the other, each would wait as long as all before it together.
                    raise Unavailable("the object store could not be probed")
                try:
                    self._checks_digests = await self._probe()
                finally:
                    self._tries += 1
                logger.info(
                    "The object store was probed.",
                    extra={"checks_sha256": self._checks_digests},
                )
            return self._checks_digests

    async def _probe(self) -> bool:
        content = secrets.token_bytes(32)
        key = f"{self._config.prefix}probe/{secrets.token_hex(8)}"
        right = hashlib.sha256(content).hexdigest()
        wrong = hashlib.sha256(content + b"?").hexdigest()
        # 501: a store that says it knows no such header.
        refused = frozenset({400, 422, 501})
        try:
            taken = await self._ask(_probe_put(key, right), content, good=refused | {_OK})
            if taken.status != _OK:
                return False
            told = await self._ask(S3Request(method="HEAD", key=key, headers=_TELL))
            answer = await self._ask(_probe_put(key, wrong), content, good=refused | {_OK})
        finally:
            await self._remove(key)
        return answer.status in refused and _hex(told.headers.get(_SHA256, "")) == right

    async def _ask(
        self, request: S3Request, body: bytes = b"", *, good: frozenset[int] = frozenset({_OK})
    ) -> StoreAnswer:
        url = await self._signer.sign(request, _OWN_LIFE_S)
        return await self._http.ask(
            request.method, url, headers=request.headers, body=body, good=good
        )

    async def _remove(self, key: str) -> None:
        await self._ask(S3Request(method="DELETE", key=key), good=_GONE_TOO)

    def _key(self, ref: ObjectRef) -> str:
        return f"{self._config.prefix}objects/{ref.recording_id}/{ref.medium_id}"

    def _ref(self, key: str) -> ObjectRef | None:
        """Read a key of ours; None for what somebody else put into the bucket."""
        names = key.removeprefix(f"{self._config.prefix}objects/").split("/")
        if not key.startswith(self._config.prefix) or len(names) != 2:  # noqa: PLR2004 - recording and medium
            return None
        return ObjectRef(*names)


def _probe_put(key: str, sha256: str) -> S3Request:
    return S3Request(method="PUT", key=key, headers={_SHA256: _base64(sha256)})


def _base64(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _hex(checksum: str) -> str | None:
    """Read a checksum header; None where there is none, or one of parts ("…-3")."""
    try:
        digest = base64.b64decode(checksum, validate=True)
    except ValueError:
        return None
    return digest.hex() if len(digest) == hashlib.sha256().digest_size else None
