"""The parts document: the presigned URLs of a multipart upload, as whoever signs hands them out.

`GET` of the target's URL with `from=N` answers JSON: `part_bytes`; `parts`, at most 16 of
`{"number", "url"}` from N on, signed just now; `complete_url`; and, where the signer asks the
store, `held`: `{"number", "etag", "size_bytes"}` of what the store has. Of an answer no more than
64 KiB are read, so a signer names what is held from N on, some hundred parts at a time.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsDocument:
    """One answer. `urls` and `held` (ETag and size in bytes) are by part number, from 1."""

    part_bytes: int
    urls: Mapping[int, str]
    complete_url: str
    held: Mapping[int, tuple[str, int]]

    @property
    def by_tls(self) -> bool:
        """Whether nothing would go in the clear."""
        return all(url.startswith("https:") for url in (self.complete_url, *self.urls.values()))


def parts_document_url(url: str, first: int) -> str:
    """Give the URL of the document that begins with part `first`."""
    return f"{url}{'&' if '?' in url else '?'}from={first}"


def parsed(body: bytes) -> PartsDocument | None:
    """Read the document; None if it is not one."""
    try:
        document = json.loads(body)
        return PartsDocument(
            part_bytes=_positive(document["part_bytes"]),
            urls={_positive(p["number"]): _url(p["url"]) for p in document["parts"]},
            complete_url=_url(document["complete_url"]),
            held={
                _positive(p["number"]): (str(p["etag"]), int(p["size_bytes"]))
                for p in document.get("held", [])
            },
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _positive(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(value)
    return value


def _url(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        raise ValueError(value)
    return value
