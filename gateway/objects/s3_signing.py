"""Presigned S3 URLs: for clients, and for this gateway's own requests."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

from gateway.errors import ConfigInvalid, StorageFailed

if TYPE_CHECKING:
    from botocore.credentials import Credentials

_SERVICE = "s3"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Request:
    """One operation on a bucket (`key` empty) or an object; `headers` are signed with it."""

    method: str
    key: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class S3Signer:
    """Signs with SigV4 in the query.

    Args:
        endpoint: The store's address; None is AWS in `region`, with the bucket in the host name.
        region: Part of every signature.
        bucket: Which bucket.
        key_id: Access key; None looks where AWS's own tools do (environment, files, the machine).
        secret: Its secret.
    """

    def __init__(
        self, *, endpoint: str | None, region: str, bucket: str, key_id: str | None, secret: str
    ) -> None:
        self._region = region
        if endpoint is None:
            self._base = f"https://{bucket}.s3.{region}.amazonaws.com"
        else:
            self._base = f"{endpoint.rstrip('/')}/{bucket}"
        self._credentials = _credentials(key_id, secret)
        self._is_renewed = key_id is None
        self._lock = threading.Lock()

    async def sign(self, request: S3Request, life_s: int) -> str:
        """Give a URL that is good for exactly this request, `life_s` from now on."""
        if self._is_renewed:
            return (await self.sign_all([request], life_s))[0]
        # To go to a thread and back would take longer than to sign.
        return self._sign_all([request], life_s)[0]

    async def sign_all(self, requests: list[S3Request], life_s: int) -> list[str]:
        """Give a URL for each request."""
        # In a thread: they may be many, and those of a machine are renewed over the network.
        return await asyncio.to_thread(self._sign_all, requests, life_s)

    def _sign_all(self, requests: list[S3Request], life_s: int) -> list[str]:
        from botocore.auth import S3SigV4QueryAuth  # noqa: PLC0415 - an extra, slow to import
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - see above
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see above

        try:
            with self._lock:
                credentials = self._credentials().get_frozen_credentials()
        except (BotoCoreError, ClientError) as error:
            raise StorageFailed("the credentials of the object store cannot be renewed") from error
        auth = S3SigV4QueryAuth(credentials, _SERVICE, self._region, expires=life_s)
        urls = []
        for request in requests:
            signed = AWSRequest(
                method=request.method,
                url=self._url(request.key),
                params=dict(request.query),
                headers=dict(request.headers),
            )
            auth.add_auth(signed)
            urls.append(str(signed.url))
        return urls

    def _url(self, key: str) -> str:
        parts = urlsplit(self._base)
        path = f"{parts.path}/{quote(key)}" if key else parts.path or "/"
        return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _credentials(key_id: str | None, secret: str) -> "Callable[[], Credentials]":
    try:
        from botocore.credentials import Credentials  # noqa: PLC0415 - an extra, slow to import
        from botocore.session import get_session  # noqa: PLC0415 - see above
    except ImportError as error:
        raise ConfigInvalid(
            "object stores of S3 need the extra s3", hint="pip install 'fieldpost[gateway,s3]'"
        ) from error
    found: Any = Credentials(key_id, secret) if key_id else get_session().get_credentials()
    if found is None:
        raise ConfigInvalid(
            "there are no credentials for the object store",
            hint="set FIELDPOST_GATEWAY_S3_ACCESS_KEY_ID and _S3_SECRET_ACCESS_KEY_FILE",
        )
    return lambda: found
