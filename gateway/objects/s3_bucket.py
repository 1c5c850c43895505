"""The gateway's own requests to one bucket of S3, and the names of its objects there."""

from gateway.config_objects import S3Config
from gateway.objects import ObjectRef
from gateway.objects.s3_signing import S3Request, S3Signer
from gateway.objects.store_http import StoreAnswer, StoreHttp

_OWN_LIFE_S = 120
_GOOD = frozenset({200})
_GONE_TOO = frozenset({200, 204, 404})


class S3Bucket:
    """The bucket `config` names; `signer` is also for the URLs that clients are handed.

    Keys are `objects/<recording>/<medium>` under the configured prefix.
    """

    def __init__(self, config: S3Config) -> None:
        self._prefix = config.prefix
        self.http = StoreHttp()
        self.signer = S3Signer(
            endpoint=config.endpoint,
            region=config.region,
            bucket=config.bucket,
            key_id=config.key_id,
            secret=config.secret,
        )

    async def ask(
        self, request: S3Request, body: bytes = b"", *, good: frozenset[int] = _GOOD
    ) -> StoreAnswer:
        """Send one short request; raises as `StoreHttp.ask` does."""
        url = await self.signer.sign(request, _OWN_LIFE_S)
        return await self.http.ask(
            request.method, url, headers=request.headers, body=body, good=good
        )

    async def where(self, request: S3Request) -> str:
        """Sign a request of our own that is read as it comes."""
        return await self.signer.sign(request, _OWN_LIFE_S)

    async def remove(self, key: str) -> None:
        """Remove an object; repeatable."""
        await self.ask(S3Request(method="DELETE", key=key), good=_GONE_TOO)

    async def abandon(self, key: str, upload_id: str) -> None:
        """End a multipart upload; repeatable."""
        query = {"uploadId": upload_id}
        await self.ask(S3Request(method="DELETE", key=key, query=query), good=_GONE_TOO)

    @property
    def objects(self) -> str:
        """What the keys of all objects begin with."""
        return f"{self._prefix}objects/"

    def key(self, ref: ObjectRef) -> str:
        """Name an object."""
        return f"{self.objects}{ref.recording_id}/{ref.medium_id}"

    def rejected(self, ref: ObjectRef) -> str:
        """Say where an object is put aside."""
        return f"{self._prefix}rejected/{ref.medium_id}"

    def probe(self, name: str) -> str:
        """Name an object of our own that a store is tried with."""
        return f"{self._prefix}probe/{name}"

    def ref(self, key: str) -> ObjectRef | None:
        """Read a key of ours; None for what somebody else put into the bucket."""
        names = key.removeprefix(self.objects).split("/")
        if not key.startswith(self.objects) or len(names) != 2:  # noqa: PLR2004 - recording and medium
            return None
        return ObjectRef(*names)
