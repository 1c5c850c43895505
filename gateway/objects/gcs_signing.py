"""V4 signed URLs of Google Cloud Storage: the canonical request and how it becomes a query."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

_HOST = "storage.googleapis.com"


def signed_get(  # noqa: PLR0913 - what a signature covers
    *,
    bucket: str,
    key: str,
    query: dict[str, str],
    email: str,
    life_s: int,
    now: datetime,
    sign: Callable[[bytes], bytes],
    address: str = f"https://{_HOST}",
) -> str:
    """Give a URL to GET an object, good for `life_s` seconds from `now`.

    Args:
        bucket: The bucket.
        key: The object's name.
        query: Further parameters that are signed.
        email: The service account that signs.
        life_s: At most a week.
        now: When it is signed.
        sign: RSA-SHA256 by the service account's key.
        address: Scheme and host; the host is signed.
    """
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/auto/storage/goog4_request"
    host = address.partition("://")[2]
    parameters = {
        "X-Goog-Algorithm": "GOOG4-RSA-SHA256",
        "X-Goog-Credential": f"{email}/{scope}",
        "X-Goog-Date": stamp,
        "X-Goog-Expires": str(life_s),
        "X-Goog-SignedHeaders": "host",
        **query,
    }
    encoded = sorted((quote(n, safe="~"), quote(v, safe="~")) for n, v in parameters.items())
    asked = "&".join(f"{name}={value}" for name, value in encoded)
    path = f"/{bucket}/{quote(key, safe='/~')}"
    canonical = f"GET\n{path}\n{asked}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signature = sign(f"GOOG4-RSA-SHA256\n{stamp}\n{scope}\n{digest}".encode()).hex()
    return f"{address}{path}?{asked}&X-Goog-Signature={signature}"
