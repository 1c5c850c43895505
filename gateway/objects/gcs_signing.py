"""V4 signed URLs of Google Cloud Storage: the canonical request and how it becomes a query."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote


@dataclass(frozen=True, slots=True, kw_only=True)
class GcsRequest:
    """One request to an object; `headers` are signed with it and must come back byte for byte."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs, and for which server: `sign` is RSA-SHA256, the host of `address` is signed."""

    email: str
    sign: Callable[[bytes], bytes]
    address: str


def signed_url(request: GcsRequest, signer: Signer, *, life_s: int, now: datetime) -> str:
    """Give a URL that is good for this request for `life_s` seconds from `now`; a week at most."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/auto/storage/goog4_request"
    host = signer.address.partition("://")[2]
    headers = sorted({"host": host, **_lower(request.headers)}.items())
    names = ";".join(name for name, _ in headers)
    parameters = {
        "X-Goog-Algorithm": "GOOG4-RSA-SHA256",
        "X-Goog-Credential": f"{signer.email}/{scope}",
        "X-Goog-Date": stamp,
        "X-Goog-Expires": str(life_s),
        "X-Goog-SignedHeaders": names,
        **request.query,
    }
    encoded = sorted((quote(n, safe="~"), quote(v, safe="~")) for n, v in parameters.items())
    asked = "&".join(f"{name}={value}" for name, value in encoded)
    path = f"/{request.bucket}/{quote(request.key, safe='/~')}"
    lines = "".join(f"{name}:{value}\n" for name, value in headers)
    canonical = f"{request.method}\n{path}\n{asked}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signature = signer.sign(f"GOOG4-RSA-SHA256\n{stamp}\n{scope}\n{digest}".encode()).hex()
    return f"{signer.address}{path}?{asked}&X-Goog-Signature={signature}"


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
