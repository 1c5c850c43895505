"""Objects in a bucket of Google Cloud Storage; clients PUT into sessions that are opened here."""

import asyncio
import base64
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from gateway.config_objects import GcsConfig
from gateway.errors import StorageFailed, Unavailable
from gateway.objects import Begun, Found, Listed, ObjectRef, Offer, SignedFor, Stored, UploadTarget
from gateway.objects import gcs_documents as documents
from gateway.objects.gcs_account import Account
from gateway.objects.gcs_signing import GcsRequest
from gateway.objects.store_http import ANY, StoreAnswer, StoreHttp, refused

logger = logging.getLogger(__name__)

_GOOGLE = "https://storage.googleapis.com"
_OK, _CREATED, _INCOMPLETE, _NOT_FOUND, _GONE = 200, 201, 308, 404, 410
_THERE_OR_NOT = frozenset({_OK, _NOT_FOUND})
_LISTED = 500
_MAY = "let the account of FIELDPOST_GATEWAY_GCS_CREDENTIALS_FILE manage objects of the bucket"
_HINTS = {
    401: _MAY,
    403: _MAY,
    404: "make the bucket, or correct its name in FIELDPOST_GATEWAY_OBJECTS",
}
_COPIES, _COPY_S = 512, 60.0
_ONLY_NEW = {"x-goog-if-generation-match": "0"}
_START = {"x-goog-resumable": "start"}


class GcsObjects:
    """The bucket `config` names. Names are `objects/<recording>/<medium>` under its prefix."""

    def __init__(self, config: GcsConfig) -> None:
        self._config = config
        self._address = config.emulator or _GOOGLE
        self._http = StoreHttp()
        self._account: Account | None = None
        if config.emulator is None or config.credentials_file is not None:
            self._account = Account(config.credentials_file, address=self._address)

    async def target(
        self, ref: ObjectRef, offer: Offer, signed: SignedFor, *, handle: str | None = None
    ) -> UploadTarget:
        """See `ObjectStore.target`: a session that is opened here, or else a signed URL."""
        headers = {"Content-Type": offer.content_type}
        if handle is None or not await self._goes_on(handle, offer):
            if self._account is not None and self._config.signed_uploads:
                return await self._signed_target(self._account, ref, offer, signed)
            handle = await self._open(ref, offer)
        return UploadTarget(url=handle, protocol="chunked_put", headers=headers, handle=handle)

    def begins(self, offer: Offer) -> bool:
        """See `DirectObjectStore.begins`: signed URLs have none, but one from before may be."""
        del offer
        return True

    async def download_url(self, ref: ObjectRef, signed: SignedFor) -> str:
        """See `ObjectStore.download_url`."""
        if self._account is None:
            return f"{self._object(ref)}?alt=media"
        get = self._request("GET", ref, {})
        return await self._account.signed_url(get, signed.life_s)

    async def look(self, ref: ObjectRef) -> Found | None:
        """See `DirectObjectStore.look`; Google counts MD5 and CRC32C, not SHA-256."""
        document = await self._about(ref)
        if document is None:
            return None
        return Found(documents.size(document), None, documents.mark(document))

    async def verify(self, ref: ObjectRef) -> Stored | None:
        """See `ObjectStore.verify`; what was read is held against Google's own MD5."""
        document = await self._about(ref)
        if document is None:
            return None
        query = {"alt": "media"}
        if "generation" in document:
            query["generation"] = str(document["generation"])
        url = f"{self._object(ref)}?{urlencode(query)}"
        sha256, md5, size_bytes = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
        async with self._http.reading(url, await self._bearer()) as reading:
            if reading is None:
                return None
            async for block in reading.blocks():
                await asyncio.to_thread(_update, block, sha256, md5)
                size_bytes += len(block)
        counted = base64.b64encode(md5.digest()).decode()
        if document.get("md5Hash", counted) != counted or size_bytes != documents.size(document):
            raise Unavailable("the object was not read as the store holds it")
        return Stored(size_bytes, sha256.hexdigest(), documents.mark(document))

    async def reject(self, ref: ObjectRef) -> None:
        """See `ObjectStore.reject`."""
        try:
            async with asyncio.timeout(_COPY_S):
                await self._copy_aside(ref)
        except (Unavailable, TimeoutError) as error:
            # Also one that takes too long to copy: it would stand in the way for ever.
            logger.warning(
                "A rejected object cannot be put aside and is removed.",
                extra={"medium_id": ref.medium_id, "reason": str(error) or "it takes too long"},
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
        answer = await self._ask("GET", f"{self._bucket}/o?maxResults=1", good=ANY)
        if (hint := _HINTS.get(answer.status)) is not None:
            told = f"Google refuses the gateway (HTTP {answer.status})"
            raise StorageFailed(told, hint=hint)
        if answer.status != _OK:
            raise refused(answer)

    async def abandon(self, ref: ObjectRef, handle: str) -> None:
        """See `DirectObjectStore.abandon`; 499 is Google's word for done."""
        del ref
        # 501: the emulator knows no cancelling. Sessions end by themselves after a week.
        await self._http.ask("DELETE", handle, good=frozenset({200, 204, 404, 410, 499, 501}))

    async def listed(self) -> AsyncIterator[Listed]:
        """See `DirectObjectStore.listed`."""
        query = {"prefix": f"{self._config.prefix}objects/", "maxResults": str(_LISTED)}
        while True:
            answer = await self._ask("GET", f"{self._bucket}/o?{urlencode(query)}")
            document = documents.document(answer)
            for name, updated in documents.items(document):
                if (ref := self._ref(name)) is not None:
                    yield Listed(ref, updated)
            if "nextPageToken" not in document:
                return
            query["pageToken"] = str(document["nextPageToken"])

    async def begun(self) -> list[Begun]:
        """See `DirectObjectStore.begun`: Google lists no sessions, and ends them after a week."""
        return []

    async def aclose(self) -> None:
        """See `ObjectStore.aclose`."""
        await self._http.aclose()

    async def _signed_target(
        self, account: Account, ref: ObjectRef, offer: Offer, signed: SignedFor
    ) -> UploadTarget:
        """Sign where to PUT all of it at once, or where to start a session; Google is not asked."""
        size_bytes = offer.size_bytes
        if size_bytes is not None and size_bytes <= self._config.single_put_bytes:
            # The URL lives on: without the condition it could replace a verified object.
            bounds = {"x-goog-content-length-range": f"{size_bytes},{size_bytes}", **_ONLY_NEW}
            method, protocol = "PUT", "single_put"
        else:
            bounds, method, protocol = _START, "POST", "chunked_put"
        headers = {"Content-Type": offer.content_type, **bounds}
        request = self._request(method, ref, headers)
        url = await account.signed_url(request, signed.life_s)
        return UploadTarget(url=url, protocol=protocol, headers=headers)

    async def _open(self, ref: ObjectRef, offer: Offer) -> str:
        """Open a session; its URL is a secret that whoever has it may PUT to."""
        about = {"contentType": offer.content_type}
        headers = {
            "Content-Type": "application/json; charset=UTF-8",
            "X-Upload-Content-Type": offer.content_type,
        }
        if offer.size_bytes is not None:
            headers["X-Upload-Content-Length"] = str(offer.size_bytes)
        query = urlencode({"uploadType": "resumable", "name": self._key(ref)})
        answer = await self._ask(
            "POST",
            f"{self._address}/upload/storage/v1/b/{quote(self._config.bucket)}/o?{query}",
            headers=headers,
            body=json.dumps(about).encode(),
            good=frozenset({_OK, _CREATED}),
        )
        location = answer.headers.get("location", "")
        if not location.startswith(("http://", "https://")):
            raise StorageFailed("the object store opens no session")
        return location

    async def _copy_aside(self, ref: ObjectRef) -> None:
        """Copy an object to where rejected ones are; a large one some of it at a time."""
        rejected = quote(f"{self._config.prefix}rejected/{ref.medium_id}", safe="")
        url = f"{self._object(ref)}/rewriteTo/b/{quote(self._config.bucket)}/o/{rejected}"
        asked = ""
        for _ in range(_COPIES):
            answer = await self._ask("POST", url + asked, good=_THERE_OR_NOT)
            token = str(documents.document(answer).get("rewriteToken", ""))
            if answer.status == _NOT_FOUND or not token:
                return
            asked = f"?rewriteToken={quote(token, safe='')}"
        raise Unavailable("the object store does not come to an end of copying")

    async def _goes_on(self, handle: str, offer: Offer) -> bool:
        """Ask a session whether it still takes bytes, or has taken all."""
        total = "*" if offer.size_bytes is None else str(offer.size_bytes)
        answer = await self._http.ask(
            "PUT",
            handle,
            headers={"Content-Range": f"bytes */{total}", "Content-Length": "0"},
            good=frozenset({_OK, _CREATED, _INCOMPLETE, _NOT_FOUND, _GONE, 499}),
        )
        return answer.status in {_OK, _CREATED, _INCOMPLETE}

    async def _about(self, ref: ObjectRef) -> Mapping[str, Any] | None:
        answer = await self._ask("GET", self._object(ref), good=_THERE_OR_NOT)
        return None if answer.status == _NOT_FOUND else documents.document(answer)

    async def _remove(self, key: str) -> None:
        await self._ask(
            "DELETE",
            f"{self._bucket}/o/{quote(key, safe='')}",
            good=frozenset({_OK, 204, _NOT_FOUND}),
        )

    async def _ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        good: frozenset[int] = frozenset({_OK}),
    ) -> StoreAnswer:
        sent = {**(headers or {}), **await self._bearer()}
        return await self._http.ask(method, url, headers=sent, body=body, good=good)

    async def _bearer(self) -> Mapping[str, str]:
        if self._account is None:
            return {}
        return {"Authorization": f"Bearer {await self._account.token()}"}

    def _request(self, method: str, ref: ObjectRef, headers: Mapping[str, str]) -> GcsRequest:
        key = self._key(ref)
        return GcsRequest(method=method, bucket=self._config.bucket, key=key, headers=headers)

    @property
    def _bucket(self) -> str:
        return f"{self._address}/storage/v1/b/{quote(self._config.bucket)}"

    def _object(self, ref: ObjectRef) -> str:
        return f"{self._bucket}/o/{quote(self._key(ref), safe='')}"

    def _key(self, ref: ObjectRef) -> str:
        return f"{self._config.prefix}objects/{ref.recording_id}/{ref.medium_id}"

    def _ref(self, key: str) -> ObjectRef | None:
        names = key.removeprefix(f"{self._config.prefix}objects/").split("/")
        return ObjectRef(*names) if len(names) == 2 else None  # noqa: PLR2004 - recording and medium


def _update(block: bytes, *digests: Any) -> None:
    for digest in digests:
        digest.update(block)
