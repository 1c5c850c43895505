"""S3 servers as tests meet them: an endpoint, a bucket, and URLs presigned by botocore."""

import datetime as dt
from collections.abc import Mapping
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import botocore.config
import botocore.session

from tests.servers.daemon import Answer, Daemon, call

ACCESS_KEY = "AKFIELDPOST"
SECRET_KEY = "made-up-secret"
REGION = "us-east-1"
BUCKET = "recordings"


class S3Server:
    """A running S3 server, seen by whoever has its keys.

    Every look at it is a presigned request on a connection of its own: a pool of botocore's would
    stay open between tests.
    """

    def __init__(self, daemon: Daemon, port: int) -> None:
        self.daemon = daemon
        self.port = port
        self.endpoint = f"http://127.0.0.1:{port}"
        self._signers = _Signers()
        status, _, said = self.call("create_bucket")
        assert status in {200, 409}, said

    def presigned(
        self,
        operation: str,
        *,
        life_s: int = 600,
        age_s: int = 0,
        via: int | None = None,
        **params: Any,
    ) -> str:
        """Give the URL of an operation in the bucket, signed `age_s` ago for `life_s`.

        `via` is the port of a proxy before the server: the host is signed too.
        """
        return presigned(
            self._signers[via or self.port], operation, life_s=life_s, age_s=age_s, **params
        )

    def call(
        self,
        operation: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> Answer:
        """Do it."""
        url = urlsplit(self.presigned(operation, **params))
        method = _METHODS[operation]
        return call(method, self.port, f"{url.path}?{url.query}", body, headers)

    def content(self, key: str) -> bytes | None:
        """Give the object's bytes; None if there is no such object."""
        status, _, body = self.call("get_object", Key=key)
        assert status in {200, 404}, body
        return body if status == 200 else None


class _Signers(dict[int, Any]):
    """By port; each takes botocore a tenth of a second to make."""

    def __missing__(self, port: int) -> Any:
        return self.setdefault(port, client(f"http://127.0.0.1:{port}"))


_METHODS = {
    "create_bucket": "PUT",
    "get_object": "GET",
    "put_object": "PUT",
    "delete_object": "DELETE",
    "list_objects_v2": "GET",
    "create_multipart_upload": "POST",
    "upload_part": "PUT",
    "list_parts": "GET",
    "list_multipart_uploads": "GET",
    "abort_multipart_upload": "DELETE",
    "complete_multipart_upload": "POST",
}


def client(endpoint: str) -> Any:
    """Make a botocore client that only ever presigns."""
    return botocore.session.get_session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=botocore.config.Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            # Else a checksum is signed that nobody computes.
            request_checksum_calculation="when_required",
        ),
    )


def presigned(
    signer: Any, operation: str, *, life_s: int = 600, age_s: int = 0, **params: Any
) -> str:
    """Presign an operation in the bucket as it would have been `age_s` ago."""
    then = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age_s)
    naive = then.replace(tzinfo=None)
    with mock.patch("botocore.auth.get_current_datetime", return_value=naive):
        url: str = signer.generate_presigned_url(
            operation, Params={"Bucket": BUCKET, **params}, ExpiresIn=life_s
        )
    return url
