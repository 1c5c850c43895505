"""The recorder's one stream: data frames on demand, never beyond the host's credit (§5)."""

from dataclasses import dataclass

from device.core.link.answers import End
from device.core.link.codes import ErrorCode
from device.core.link.messages import (
    DATA_LONG_HEADER_BYTES,
    encode_data,
    encode_message,
    failure,
)
from device.core.link.requests import Read, Window
from device.core.link.store import Store, Stored


@dataclass(slots=True)
class _Stream:
    number: int
    request: int
    stored: Stored
    index: int
    offset: int
    limit: int
    payload_bytes: int


class Outflow:
    """Holds at most one stream. What was sent is forgotten at once: the host reads again."""

    def __init__(self, store: Store, max_frame_bytes: int) -> None:
        self._store = store
        self._most_bytes = max_frame_bytes - DATA_LONG_HEADER_BYTES
        self._stream: _Stream | None = None

    def open(self, read: Read, stored: Stored) -> None:
        """Begin a stream in place of any other. The caller has checked that the medium is there."""
        self._stream = _Stream(
            number=read.stream,
            request=read.request,
            stored=stored,
            index=read.index,
            offset=read.offset,
            limit=read.limit,
            payload_bytes=self._payload_bytes(read.payload_bytes),
        )

    def extend(self, window: Window) -> bool:
        """Raise the stream's limit; False when it is not this stream's."""
        stream = self._stream
        if stream is None or stream.number != window.stream:
            return False
        stream.limit = max(stream.limit, window.limit)
        stream.payload_bytes = self._payload_bytes(window.payload_bytes)
        return True

    def abort(self, number: int) -> None:
        """End the stream if it is this one."""
        if self._stream is not None and self._stream.number == number:
            self._stream = None

    def close(self) -> None:
        """End whatever stream there is."""
        self._stream = None

    def next_frame(self) -> bytes | None:
        """Return the next data frame, END behind the last, or None without stream or credit."""
        stream = self._stream
        if stream is None:
            return None
        medium = stream.stored.media[stream.index]
        if stream.offset >= medium.size_bytes:
            self._stream = None
            return encode_message(
                End(
                    request=stream.request,
                    stream=stream.number,
                    size_bytes=medium.size_bytes,
                    sha256=medium.sha256,
                )
            )
        wanted = min(stream.payload_bytes, min(stream.limit, medium.size_bytes) - stream.offset)
        if wanted <= 0:
            return None
        return self._read(stream, wanted)

    def _read(self, stream: _Stream, wanted: int) -> bytes:
        try:
            payload = self._store.read(stream.stored, stream.index, stream.offset, wanted)
        except OSError:
            payload = b""
        if len(payload) != wanted:
            self._stream = None
            return encode_message(
                failure(
                    ErrorCode.STORAGE,
                    request=stream.request,
                    stream=stream.number,
                    detail="the recorder's own storage failed",
                )
            )
        frame = encode_data(stream.number, stream.offset, payload)
        stream.offset += wanted
        return frame

    def _payload_bytes(self, asked: int | None) -> int:
        return min(self._most_bytes, asked or self._most_bytes)
