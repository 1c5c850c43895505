"""An open folder of recordings: the Driver seam over survey, reading, release and watch."""

import threading
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

from device.clock import Clock
from device.core.folder.names import SIDECAR, label, name_of
from device.drivers.folder_archive import Archive
from device.drivers.folder_digests import Digests
from device.drivers.folder_quiet import Stillness
from device.drivers.folder_read import BLOCK_BYTES, PIECE_BYTES, Reading
from device.drivers.folder_release import FolderRelease
from device.drivers.folder_root import FolderRoot
from device.drivers.folder_survey import (
    Found,
    NotYet,
    Seen,
    Survey,
    Unreadable,
    Unsealed,
    reason_of,
)
from device.drivers.folder_threads import in_thread, let_go
from device.drivers.folder_watch import FolderWatch
from device.errors import DigestMismatch, LinkLost
from device.model import (
    BlockHashes,
    Listing,
    Medium,
    RecorderId,
    RecorderInfo,
    Recording,
    RecordingKey,
    Rejected,
)

MAX_LISTED = 10_000
"""Names looked at in one listing; of a larger folder the next listing shows the next ones."""

_NAMES_PER_STEP = 64
_STEPS_PER_SAVE = 256

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(kw_only=True)
class FolderDriver:
    """An open folder of recordings."""

    root: FolderRoot
    digests: Digests
    clock: Clock
    archive: Archive | None
    keep: bool
    named: Path
    """As configured: whose threads do the work."""
    resumable: bool = True
    _cursor: str = ""
    _finished: bool = False
    _closed: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock)
    """A cancelled step still ends in its thread; the next one waits there for its turn."""

    def __post_init__(self) -> None:
        """Name the recorder and begin to watch."""
        self._recorder = RecorderId(f"folder:{label(str(self.root.path))}")
        self._watch = FolderWatch(self.root.path)
        self._stillness = Stillness(self._watch.seen_closed)
        self._survey = Survey(
            recorder=self._recorder,
            root=self.root,
            digests=self.digests,
            stillness=self._stillness,
            clock=self.clock,
        )
        self._release = FolderRelease(root=self.root, digests=self.digests, archive=self.archive)

    async def info(self) -> RecorderInfo:
        """See `Driver.info`."""
        total_bytes, used_bytes = await self._step(self.root.usage)
        return RecorderInfo(
            recorder=self._recorder,
            driver="folder",
            capacity_bytes=total_bytes,
            used_bytes=used_bytes,
        )

    async def recordings(self) -> Listing:
        """See `Driver.recordings`. Waits a moment where a single file may be finished by then."""
        self._watch.look()
        try:
            if not self._finished and not self.keep:
                await self._step(self._release.finish_all)
                self._finished = True
            names, whole = self._portion(await self._step(self.root.names))
            found = await self._look_at(names)
            found = await self._look_again(found)
            await self._step(self.root.check)
        except LinkLost as error:
            lost = Rejected(recording=label(self.root.path.name), reason=f"unknown: {error}")
            return Listing(recordings=(), rejected=(lost,), complete=False)
        await self._follow({f.name for f in found if isinstance(f, Unsealed)})
        if whole:
            self._stillness.keep_only(set(names))
        if not self._cursor:
            await self._step(self.digests.forget_unseen)
        await self._step(self.digests.save)
        return Listing(
            recordings=tuple(f for f in found if isinstance(f, Recording)),
            rejected=tuple(
                f if isinstance(f, Rejected) else reason_of(f)
                for f in found
                if not isinstance(f, Recording)
            ),
            complete=whole and not any(isinstance(f, Unreadable) for f in found),
        )

    async def read(self, recording: Recording, medium: Medium, offset: int) -> AsyncIterator[bytes]:
        """See `Driver.read`. A file that is not what was listed ends in DigestMismatch."""
        reading = Reading(root=self.root, digests=self.digests, recording=recording, medium=medium)
        while offset < medium.size_bytes:
            piece = await self._beside(reading.piece, offset, PIECE_BYTES)
            offset += len(piece)
            yield piece

    async def block_hashes(
        self, recording: Recording, medium: Medium, upto: int
    ) -> BlockHashes | None:
        """See `Driver.block_hashes`: blocks of 64 KiB, 16 bytes of each hash."""
        reading = Reading(root=self.root, digests=self.digests, recording=recording, medium=medium)
        hashes: list[bytes] = []
        end = min(upto, medium.size_bytes) // BLOCK_BYTES * BLOCK_BYTES
        for offset in range(0, end, PIECE_BYTES):
            size_bytes = min(PIECE_BYTES, end - offset)
            hashes += await self._beside(reading.block_hashes, offset, size_bytes)
        return BlockHashes(block_bytes=BLOCK_BYTES, hashes=tuple(hashes))

    async def release(self, key: RecordingKey, sha256: tuple[str, ...]) -> None:
        """See `Driver.release`.

        Raises:
            LinkLost: The folder is not there, so nothing is known.
            DigestMismatch: What has that name now is not what was stored; it stays.
            RecorderRefused: The folder does not let go (read-only, not permitted, archive full).
        """
        if self.keep:
            return
        name = name_of(key.recording)
        try:
            before = await self._step(lambda: self._release.prepare(key, sha256))
            if before is None:
                return
            held = next(iter(await self._look_at([name])), None)
            match held:
                case Recording(key=found, media=media):
                    if found != key or tuple(m.sha256 for m in media) != sha256:
                        raise DigestMismatch(f"{key.recording} has other content than was stored")
                    await self._step(lambda: self._release.let_go(held, before))
                case None:
                    await self._step(lambda: self._release.prepare(key, sha256))
                case _:
                    reason = held.reason if isinstance(held, Rejected) else reason_of(held).reason
                    raise DigestMismatch(f"{key.recording} is not what was stored: {reason}")
        except OSError as error:
            await self._step(self.root.check)
            raise self._release.refusal(error, key) from error

    async def changed(self) -> None:
        """See `Driver.changed`. Never returns by itself where inotify sees nothing."""
        await self._watch.changed()

    async def aclose(self) -> None:
        """See `Driver.aclose`."""
        self._watch.close()
        if not self._closed:
            await self._step(self.digests.save)
            let_go(self.named)
        self._closed = True

    async def _step(self, work: Callable[[], T]) -> T:
        """Run one step of file work in a thread, one at a time."""

        def in_turn() -> T:
            with self._turn:
                return work()

        return await self._beside(in_turn)

    async def _beside(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run file work in a thread whatever else runs."""
        if self._closed:
            raise LinkLost(f"{self.root.path} was closed")
        return await in_thread(self.named, work, *args, **kwargs)

    def _portion(self, names: Sequence[str]) -> tuple[Sequence[str], bool]:
        """Choose what this listing looks at; a folder beyond all measure is seen in portions."""
        if len(names) <= MAX_LISTED:
            return names, True
        start = bisect_right(names, self._cursor)
        portion = names[start : start + MAX_LISTED]
        if start + MAX_LISTED < len(names):
            self._cursor = portion[-1]
            self._watch.ring()
        else:
            self._cursor = ""
        return portion, False

    async def _look_at(self, names: Sequence[str]) -> list[Seen]:
        steps = self._survey.steps(names)
        seen: list[Seen] = []
        hashed = 0
        while batch := await self._step(lambda: _batch(steps)):
            seen += [found for found in batch if found is not None]
            hashed += batch.count(None)
            if hashed >= _STEPS_PER_SAVE:
                hashed = 0
                await self._step(self.digests.save)
        return seen

    async def _look_again(self, seen: list[Seen]) -> list[Seen]:
        """Wait for single files that may be finished in a moment, once."""
        soon = {found.name: found.after_s for found in seen if isinstance(found, NotYet)}
        if not soon:
            return seen
        await self.clock.sleep(max(soon.values()))
        settled = [found for found in seen if not isinstance(found, NotYet)]
        return settled + await self._look_at(list(soon))

    async def _follow(self, unsealed: set[str]) -> None:
        """Watch what is under construction, and notice what was sealed before the watch began."""
        fresh = self._watch.follow(unsealed)
        folder = self.root.path
        if await self._step(lambda: any((folder / n / SIDECAR).exists() for n in fresh)):
            self._watch.ring()


def _batch(steps: Iterator[Found]) -> list[Found]:
    """Go on until some names are looked at, or one step of hashing is done."""
    batch: list[Found] = []
    for found in steps:
        batch.append(found)
        if found is None or len(batch) >= _NAMES_PER_STEP:
            break
    return batch
