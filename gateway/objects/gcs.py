"""Objects in a bucket of Google Cloud Storage; clients PUT into sessions that are opened here."""

import asyncio
import base64
import hashlib
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from gateway.config_objects import GcsConfig
from gateway.errors import ConfigInvalid, StorageFailed, Unavailable
from gateway.objects import Begun, Found, Listed, ObjectRef, Offer, SignedFor, Stored, UploadTarget
from gateway.objects.gcs_signing import signed_get
from gateway.objects.store_http import StoreAnswer, StoreHttp

logger = logging.getLogger(__name__)

_GOOGLE = "https://storage.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_OK, _CREATED, _INCOMPLETE, _NOT_FOUND, _GONE = 200, 201, 308, 404, 410
_THERE_OR_NOT = frozenset({_OK, _NOT_FOUND})
_LISTED = 500


class GcsObjects:
    """The bucket `config` names. Names are `objects/<recording>/<medium>` under its prefix."""

    def __init__(self, config: GcsConfig) -> None:
        self._config = config
        self._address = config.emulator or _GOOGLE
        self._http = StoreHttp()
        self._account = None if config.emulator else _Account(config.credentials_file)

    async def target(
        self, ref: ObjectRef, offer: Offer, signed: SignedFor, *, handle: str | None = None
    ) -> UploadTarget:
        """See `ObjectStore.target`; the URL is a session's, which outlives the signed ones."""
        del signed
        headers = {"Content-Type": offer.content_type}
        if handle is None or not await self._goes_on(handle, offer):
            handle = await self._open(ref, offer)
        return UploadTarget(url=handle, protocol="chunked_put", headers=headers, handle=handle)

    async def download_url(self, ref: ObjectRef, signed: SignedFor) -> str:
        """See `ObjectStore.download_url`."""
        if self._account is None:
            return f"{self._object(ref)}?alt=media"
        return await self._account.download_url(
            bucket=self._config.bucket, key=self._key(ref), life_s=signed.life_s
        )

    async def look(self, ref: ObjectRef) -> Found | None:
        """See `DirectObjectStore.look`; Google counts MD5 and CRC32C, not SHA-256."""
        document = await self._about(ref)
        return None if document is None else Found(_size(document), None, _mark(document))

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
        if document.get("md5Hash", counted) != counted or size_bytes != _size(document):
            raise Unavailable("the object was not read as the store holds it")
        return Stored(size_bytes, sha256.hexdigest(), _mark(document))

    async def reject(self, ref: ObjectRef) -> None:
        """See `ObjectStore.reject`."""
        rejected = quote(f"{self._config.prefix}rejected/{ref.medium_id}", safe="")
        into = f"b/{quote(self._config.bucket)}/o/{rejected}"
        url: str | None = f"{self._object(ref)}/rewriteTo/{into}"
        token = ""
        try:
            # Google copies some of a large object at a time, and says so with a token.
            while url is not None:
                asked = f"?rewriteToken={quote(token, safe='')}" if token else ""
                answer = await self._ask("POST", url + asked, good=_THERE_OR_NOT)
                token = str(_document(answer).get("rewriteToken", ""))
                url = url if answer.status == _OK and token else None
        except Unavailable as error:
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
        await self._ask("GET", f"{self._bucket}/o?maxResults=1")

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
            document = _document(answer)
            for name, updated in _items(document):
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
        return None if answer.status == _NOT_FOUND else _document(answer)

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


class _Account:
    """The gateway's identity at Google: tokens for its own requests, signatures for others'."""

    def __init__(self, credentials_file: Path | None) -> None:
        self._lock = threading.Lock()
        self._credentials = _credentials(credentials_file)

    async def token(self) -> str:
        """Give a token that is good for a while."""
        return await asyncio.to_thread(self._token)

    async def download_url(self, *, bucket: str, key: str, life_s: int) -> str:
        """Sign where to GET an object."""
        return await asyncio.to_thread(self._signed, bucket, key, life_s)

    def _token(self) -> str:
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - an extra

        from gateway.objects.google_transport import Fetch  # noqa: PLC0415 - an extra

        try:
            with self._lock:
                if not self._credentials.valid:
                    self._credentials.refresh(Fetch())
                return str(self._credentials.token)
        except GoogleAuthError as error:
            raise Unavailable("Google does not give the gateway a token") from error

    def _signed(self, bucket: str, key: str, life_s: int) -> str:
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - an extra

        sign: Callable[[bytes], bytes] = self._credentials.sign_bytes
        try:
            return signed_get(
                bucket=bucket,
                key=key,
                query={},
                email=self._credentials.signer_email,
                life_s=life_s,
                now=datetime.now(UTC),
                sign=sign,
            )
        except GoogleAuthError as error:
            raise Unavailable("the download URL cannot be signed now") from error


def _credentials(file: Path | None) -> Any:
    try:
        import google.auth  # noqa: PLC0415 - an extra
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - an extra
        from google.oauth2 import service_account  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigInvalid(
            "Google's object store needs the extra gcs",
            hint="pip install 'fieldpost[gateway,gcs]'",
        ) from error
    try:
        if file is None:
            found, _ = google.auth.default(scopes=[_SCOPE])
        else:
            found = service_account.Credentials.from_service_account_file(
                str(file), scopes=[_SCOPE]
            )
    except (GoogleAuthError, OSError, ValueError) as error:
        raise ConfigInvalid(
            "there are no credentials for Google's object store",
            hint="name a service account's key in FIELDPOST_GATEWAY_GCS_CREDENTIALS_FILE",
        ) from error
    if not hasattr(found, "sign_bytes"):
        raise ConfigInvalid(
            "these Google credentials cannot sign download URLs",
            hint="use a service account, see FIELDPOST_GATEWAY_GCS_CREDENTIALS_FILE",
        )
    return found


def _document(answer: StoreAnswer) -> dict[str, Any]:
    if not answer.body:
        return {}
    try:
        document = json.loads(answer.body)
    except ValueError as error:
        if answer.status != _OK:
            return {}
        raise StorageFailed("the object store answers what is not JSON") from error
    return document if isinstance(document, dict) else {}


def _size(document: Mapping[str, Any]) -> int:
    # Never guessed: an object of another size than announced is removed.
    size = str(document.get("size"))
    if not (size.isascii() and size.isdigit()):
        raise StorageFailed("the object store answers without a size")
    return int(size)


def _items(document: Mapping[str, Any]) -> list[tuple[str, datetime]]:
    try:
        return [
            (str(each["name"]), datetime.fromisoformat(each["updated"]))
            for each in document.get("items", [])
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise StorageFailed("the object store answers with a list that is none") from error


def _mark(document: Mapping[str, Any]) -> str | None:
    generation = document.get("generation")
    return None if generation is None else str(generation)


def _update(block: bytes, *digests: Any) -> None:
    for digest in digests:
        digest.update(block)
