"""Content-Range of chunked PUTs: what a request brings, or that it only asks (GCS dialect)."""

import re

from gateway.core.brought import Chunk, Query, Whole
from gateway.errors import InvalidContentRange

_MAX_DIGITS = 18
_FORM = re.compile(
    rf"bytes (?:(\d{{1,{_MAX_DIGITS}}})-(\d{{1,{_MAX_DIGITS}}})|\*)/"
    rf"(\d{{1,{_MAX_DIGITS}}}|\*)",
    re.ASCII,
)


def parse(header: str | None, content_length: int | None) -> Query | Chunk | Whole:
    """Say what a PUT brings.

    Args:
        header: The Content-Range header (RFC 9110 §14.4; `*/total` is the status query of Google
            Cloud Storage), None if absent.
        content_length: The body's announced size, None when it is sent without one.

    Raises:
        InvalidContentRange: Malformed, or at odds with itself or with the body's size.
    """
    if header is None:
        if content_length is None:
            raise InvalidContentRange("a PUT without Content-Range needs a Content-Length")
        return Whole(content_length)
    match = _FORM.fullmatch(header.strip())
    if match is None:
        raise InvalidContentRange("Content-Range must be `bytes a-b/total` or `bytes */total`")
    first_text, last_text, total_text = match.groups()
    total = None if total_text == "*" else int(total_text)
    if first_text is None:
        if content_length:
            raise InvalidContentRange("a status query has no body")
        return Query(total)
    chunk = Chunk(int(first_text), int(last_text), total)
    if chunk.first > chunk.last:
        raise InvalidContentRange("the range ends before it starts")
    if total is not None and chunk.last >= total:
        raise InvalidContentRange("the range ends beyond the total")
    if content_length is not None and content_length != chunk.size_bytes:
        raise InvalidContentRange("Content-Length and Content-Range disagree")
    return chunk


def held_range(held_bytes: int) -> str | None:
    """Write the `Range` header of a 308: None when nothing is held, as the dialect wants it."""
    return f"bytes=0-{held_bytes - 1}" if held_bytes else None
