"""The structured header fields of resumable uploads: Upload-Complete, Upload-Limit, Repr-Digest.

Just the shapes that the draft allows there; anything else counts as absent, as it demands.
"""

import base64
import re

from device.core.uploads import Response

_LIMIT = re.compile(r"(?:^|,)[ \t]*([a-z-]{1,32})=([0-9]{1,15})(?=[ \t]*(?:,|$))")
_SHA256 = re.compile(r"(?:^|,)[ \t]*sha-256=:([A-Za-z0-9+/]{43}=):")


def completes(answer: Response) -> bool | None:
    """Read Upload-Complete; None if absent."""
    return {"?1": True, "?0": False}.get(answer.headers.get("upload-complete", "").strip())


def limits(answer: Response) -> dict[str, int]:
    """Read Upload-Limit; keys that we do not know are left in."""
    stated = answer.headers.get("upload-limit", "")
    return {key: int(value) for key, value in _LIMIT.findall(stated)}


def stated_sha256(answer: Response) -> str | None:
    """Read the SHA-256 of a Repr-Digest (RFC 9530) as hex; None if absent."""
    found = _SHA256.search(answer.headers.get("repr-digest", ""))
    return base64.b64decode(found[1]).hex() if found else None


def repr_digest(sha256: str) -> str:
    """Write a Repr-Digest of a SHA-256 in hex."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"
