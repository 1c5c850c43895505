"""A recorder in memory that keeps the Driver contract and fails where a test says."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import sha256

from device.core.link.codes import ErrorCode
from device.errors import DigestMismatch, FieldpostError, LinkLost, MediumGone, RecorderRefused
from device.model import (
    BlockHashes,
    Listing,
    MediaKind,
    Medium,
    RecorderId,
    RecorderInfo,
    Recording,
    RecordingKey,
    RecordOrder,
    Rejected,
    Take,
)

RECORDER = RecorderId("scripted:1")
BLOCK_BYTES = 4096
PIECE_BYTES = 1000


def key(number: int, generation: int = 0) -> RecordingKey:
    return RecordingKey(recorder=RECORDER, recording=f"{number:032x}", generation=generation)


@dataclass
class ScriptedDriver:
    """`contents` is the truth; faults are consumed in order as reads happen."""

    contents: dict[RecordingKey, tuple[bytes, ...]]
    resumable: bool = True
    hashes: bool = True
    digests: bool = True
    """Whether the listing tells digests."""
    cuts: list[int] = field(default_factory=list)
    """Bytes of a read after which the line is lost, one per fault."""
    wrong_reads: int = 0
    """So many reads deliver a flipped byte in their second piece."""
    lie_about: dict[tuple[RecordingKey, int], str] = field(default_factory=dict)
    """Digests the listing announces instead of the true ones."""
    refuse: dict[RecordingKey, FieldpostError] = field(default_factory=dict)
    """What reading or releasing a recording raises."""
    rejected: tuple[Rejected, ...] = ()
    complete: bool = True
    reads: list[tuple[RecordingKey, int, int]] = field(default_factory=list)
    released: list[RecordingKey] = field(default_factory=list)
    records: bool = False
    """Whether it can be told to record."""
    on_record: list[Exception] = field(default_factory=list)
    """What giving it an order raises, once it was carried out, one per order given."""
    did: dict[bytes, RecordingKey] = field(default_factory=dict)
    going_on: RecordingKey | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False

    async def info(self) -> RecorderInfo:
        return RecorderInfo(recorder=RECORDER, driver="scripted", serial="1")

    async def recordings(self) -> Listing:
        return Listing(
            recordings=tuple(self._recording(k) for k in self.contents),
            rejected=self.rejected,
            complete=self.complete,
        )

    def _recording(self, which: RecordingKey) -> Recording:
        return Recording(
            key=which,
            media=tuple(
                Medium(
                    index=index,
                    name=f"medium {index}",
                    kind=MediaKind.IMAGE if index else MediaKind.AUDIO,
                    content_type="image/jpeg" if index else "audio/ogg",
                    size_bytes=len(content),
                    sha256=self.lie_about.get((which, index), sha256(content).hexdigest())
                    if self.digests
                    else None,
                )
                for index, content in enumerate(self.contents[which])
            ),
        )

    async def read(self, recording: Recording, medium: Medium, offset: int) -> AsyncIterator[bytes]:
        self.reads.append((recording.key, medium.index, offset))
        if error := self.refuse.get(recording.key):
            raise error
        if recording.key not in self.contents:
            raise MediumGone("it is gone")
        content = self.contents[recording.key][medium.index]
        wrong = self.wrong_reads > 0
        self.wrong_reads -= wrong
        cut_at = offset + self.cuts.pop(0) if self.cuts else None
        for at in range(offset, len(content), PIECE_BYTES):
            piece = content[at : at + PIECE_BYTES]
            if cut_at is not None and at + len(piece) > cut_at:
                yield piece[: cut_at - at]
                raise LinkLost("unplugged")
            if wrong and at > offset:
                piece, wrong = bytes([piece[0] ^ 1]) + piece[1:], False
            yield piece

    async def block_hashes(
        self, recording: Recording, medium: Medium, upto: int
    ) -> BlockHashes | None:
        if not self.hashes:
            return None
        content = self.contents[recording.key][medium.index]
        whole = min(upto, len(content)) // BLOCK_BYTES
        return BlockHashes(
            block_bytes=BLOCK_BYTES,
            hashes=tuple(
                sha256(content[n * BLOCK_BYTES : (n + 1) * BLOCK_BYTES]).digest()[:16]
                for n in range(whole)
            ),
        )

    async def release(self, which: RecordingKey, digests: tuple[str, ...]) -> None:
        if error := self.refuse.get(which):
            raise error
        contents = self.contents.get(which)
        if contents is None:
            return
        if tuple(sha256(c).hexdigest() for c in contents) != digests:
            raise DigestMismatch("other content")
        self.released.append(which)
        del self.contents[which]

    async def record(self, order: RecordOrder) -> Take:
        if not self.records:
            raise RecorderRefused("it cannot", wire_code=ErrorCode.UNSUPPORTED)
        if order.id not in self.did:
            self._do(order)
        if self.on_record:
            raise self.on_record.pop(0)
        made = self.did[order.id]
        return Take(key=made, going_on=made == self.going_on)

    def _do(self, order: RecordOrder) -> None:
        if order.start == (self.going_on is not None):
            raise RecorderRefused("nothing to do", wire_code=ErrorCode.NOT_RECORDING)
        if order.start:
            self.going_on = key(100 + len(self.did))
            self.did[order.id] = self.going_on
        elif self.going_on is not None:
            self.did[order.id] = self.going_on
            self.contents[self.going_on] = (b"made as ordered",)
            self.going_on = None

    async def changed(self) -> None:
        await self.news.wait()
        self.news.clear()

    async def aclose(self) -> None:
        self.closed = True
