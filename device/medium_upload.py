"""Bring one sealed medium to the object store, going on wherever the store says it stands."""

import asyncio
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Never, assert_never
from urllib.parse import urlsplit

from device.clock import Clock
from device.cloud import Cloud, CloudRef
from device.config import UploadConfig
from device.core import carry
from device.core.uploads import (
    RESERVED,
    Advanced,
    Ambiguous,
    Broken,
    Cargo,
    Complete,
    Conflict,
    Expired,
    Gone,
    NotTheStore,
    Outcome,
    Refused,
    Request,
    Response,
    Throttled,
    UploadProtocol,
)
from device.core.uploads.classify import (
    SINGLE_PUT,
    Stores,
    answered,
    begin,
    classify,
    question,
    resume,
)
from device.errors import (
    CloudRejected,
    CloudThrottled,
    CloudUnreachable,
    CloudUnwell,
    NotTheCloud,
    SpoolDamaged,
    TargetExpired,
    Uncarried,
)
from device.model import (
    Entry,
    Evidence,
    Manifest,
    MediaKind,
    MediumState,
    SealedMedium,
    Target,
    UploadSession,
)
from device.progress import Progress
from device.transport import Transport

if TYPE_CHECKING:
    from device.spool.spool import Spool

_IDLE_STEPS = 5
"""Steps in a row that bring the store no further before the pause is left to the dispatcher."""

_SILENT_STEPS = 2
"""Requests in a row without any answer: a cut and its question, then the network is down."""

_FRESH_TARGETS = 3
"""New URLs in a row without progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What an upload works with."""

    spool: "Spool"
    cloud: Cloud
    transport: Transport
    clock: Clock
    stores: Stores
    settings: UploadConfig
    progress: Progress
    slots: asyncio.Semaphore
    """One is held for each medium on its way."""


class MediumUpload:
    """One medium on its way; `run()` once."""

    def __init__(
        self,
        way: Way,
        entry: Entry,
        manifest: Manifest,
        medium: SealedMedium,
        *,
        whole: bool = False,
    ) -> None:
        """Take the medium; with `whole` it is not to be cut, whatever the link."""
        self._way = way
        self._entry = entry
        self._manifest = manifest
        self._medium = medium
        self._whole = whole
        self._held_bytes = 0
        self._unsettled_bytes = 0
        self._best_bytes = self._uncounted_bytes = self._resent_bytes = 0
        self._idle = self._silent = self._fresh = self._restarts = self._unsigned = 0
        self._dropped = False
        self._saved: UploadSession | None = None
        self.may_be_whole = False
        """Whether the store's machine had every byte when the answer was lost."""
        self._arrived = False
        """Whether that ever was so, in any attempt, and nobody has said that it is not there."""
        self.landed: tuple[Target, Evidence] | None = None
        """Where it went and what the store said, once it is there."""

    async def run(self, ref: CloudRef) -> None:
        """Send until the store says complete; its evidence is then saved.

        Raises:
            Uncarried: The medium is to be cut first.
            CloudUnreachable: Cuts without progress, or a PUT that only starting over can repeat.
            CloudError: Whatever else the store or the API says.
            SpoolDamaged: The sealed bytes are not what was sealed.
        """
        protocol = await self._open(ref)
        self._cut_first(protocol.session)
        done = False
        try:
            while not done:
                outcome = await self._step(protocol)
                match outcome:
                    case Complete(evidence):
                        done = await self._accept(evidence)
                        if not done:
                            protocol = await self._restart(ref, "the store holds another digest")
                    case Advanced() | Conflict():
                        self._judge_progress(protocol)
                    case Ambiguous(reason):
                        self._judge_doubt(protocol, reason)
                    case Gone(reason):
                        self._ask_if_whole(reason)
                        protocol = await self._restart(ref, reason, keep=self._held_bytes > 0)
                    case Expired():
                        protocol = await self._renew(ref, outcome, protocol.session)
                    case Refused() | Throttled() | NotTheStore():
                        _give_up(outcome)
                    case _:
                        assert_never(outcome)
        finally:
            if not done:
                await self._leave(protocol)

    async def _open(self, ref: CloudRef) -> UploadProtocol:
        """Take up the saved session; ask for a target if there is none."""
        session = self._session()
        if session is None:
            return await self._begin(ref)
        self._held_bytes = int(session.state.get("offset", "0"))
        self._unsettled_bytes = int(session.state.get("unsettled", "0"))
        self._best_bytes = self._held_bytes
        self._arrived = "arrived" in session.state
        self._saved = session
        return self._resume(session)

    def _cut_first(self, session: UploadSession) -> None:
        """See that a PUT that only starting over can repeat is of what the link can carry.

        Not where the Bota API names the protocol itself: that is our gateway, which takes no other
        medium under the same Idempotency-Key, and can offer what resumes.

        Raises:
            Uncarried: It is not.
        """
        medium, settings = self._medium, self._way.settings
        uncut = {m.medium.index for m in self._entry.media if m.cut is None}
        cuttable = medium.kind is MediaKind.AUDIO and medium.index in uncut
        bota = self._way.cloud.name.partition("+")[0] == "bota"
        gateway = bota and session.target.protocol is not None
        plain = session.protocol == SINGLE_PUT and not gateway
        if not (cuttable and plain) or self._arrived or self._whole:
            return
        if (part_s := settings.segment_s) is not None:
            reason = f"[upload] segment is {settings.segment}"
            raise Uncarried(medium.index, reason, part_s=part_s)
        fares = self._way.stores.links.fares(_origin(session.target.url))
        part_bytes = carry.largest_part(medium.size_bytes, fares)
        if settings.segment == "auto" and part_bytes is not None:
            reason = carry.explain(medium.size_bytes, fares)
            raise Uncarried(medium.index, reason, part_bytes=part_bytes)

    async def not_arrived(self) -> None:
        """Take note that the API does not have what an answer was lost of."""
        self._arrived = False
        if self._saved is not None:
            await self._save(self._with_marks(self._saved))

    async def _begin(self, ref: CloudRef) -> UploadProtocol:
        target = await self._way.cloud.target(self._manifest, self._medium, ref)
        protocol = begin(target, self._cargo, await self._spoken(target))
        await self._save(protocol.session)
        self._dropped = False
        return protocol

    def _resume(self, session: UploadSession) -> UploadProtocol:
        return resume(session, self._cargo)

    @property
    def _cargo(self) -> Cargo:
        return Cargo(
            size_bytes=self._medium.size_bytes,
            chunk_bytes=self._way.settings.chunk_bytes,
            sha256=self._medium.sha256,
            md5=self._medium.md5,
            content_type=self._medium.content_type,
        )

    async def _spoken(self, target: Target) -> str:
        """Name the protocol of a target; a store that nobody knows is asked, once a day."""
        if (known := classify(target)) is not None:
            return known
        origin = _origin(target.url)
        stores, now_s = self._way.stores, self._way.clock.monotonic()
        if (told := stores.spoken(origin, now_s)) is not None:
            return told
        answer, _ = await self._send(question(target))
        if (told := answered(answer)) is None:
            raise CloudUnreachable(f"the store at {origin} does not answer")
        stores.learn(origin, told, now_s)
        return told

    async def _step(self, protocol: UploadProtocol) -> Outcome:
        if self._saved is None or _own(protocol.session) != _own(self._saved):
            await self._save(self._with_marks(protocol.session))
        request = protocol.next_request()
        begun_s = self._way.clock.monotonic()
        answer, sent_bytes = await self._send(request)
        if sent_bytes:
            self._way.stores.links.note(
                _origin(request.url),
                sent_bytes,
                self._way.clock.monotonic() - begun_s,
                dropped=isinstance(answer, Broken),
            )
        self._silent = self._silent + 1 if isinstance(answer, Broken) else 0
        if request.body_bytes:
            last = request.body_offset + sent_bytes == self._medium.size_bytes
            self.may_be_whole = isinstance(answer, Broken) and sent_bytes > 0 and last
            self._arrived = self._arrived or self.may_be_whole
        self._unsettled_bytes += sent_bytes
        outcome = protocol.received(answer)
        resent_bytes = self._settle(outcome, protocol.offset)
        if isinstance(outcome, Complete):
            self._resent_bytes = resent_bytes  # counted when it is accepted
        else:
            await self._count(resent_bytes)
        return outcome

    async def _send(self, request: Request) -> tuple[Response | Broken, int]:
        sent_bytes = 0
        answer: Response | Broken | None = None

        def moved(now_bytes: int) -> None:
            nonlocal sent_bytes
            sent_bytes = now_bytes
            self._way.progress.uploading(
                self._entry.id,
                self._medium.index,
                request.body_offset + now_bytes,
                self._medium.size_bytes,
            )

        path = await asyncio.to_thread(
            self._way.spool.media_path, self._entry.id, self._medium.index
        )
        try:
            answer = await self._way.transport.send(request, path, moved, self._spent)
        finally:
            # Also when cancelled or when our disk fails: what left has cost the data budget.
            if answer is None:
                self._unsettled_bytes += sent_bytes
                await self._count(0)
        return answer, sent_bytes

    def _settle(self, outcome: Outcome, offset: int) -> int:
        """Count bytes that went in vain, once the store has said where it stands."""
        match outcome:
            case Advanced() | Conflict() | Complete():
                gained = offset - self._held_bytes
            case _:
                return 0
        resent_bytes = max(0, self._unsettled_bytes - gained)
        self._held_bytes, self._unsettled_bytes = offset, 0
        return resent_bytes

    async def _accept(self, evidence: Evidence) -> bool:
        count = self._count(self._resent_bytes)
        is_ours = evidence.sha256 in {None, self._medium.sha256}
        if not is_ours or evidence.md5 not in {None, self._medium.md5}:
            await count
            return False
        # Together, so that they share a commit: of a small picture that is most of the time.
        index = self._medium.index
        keep = asyncio.to_thread(self._way.spool.save_evidence, self._entry.id, index, evidence)
        await asyncio.gather(count, keep)
        if self._saved is not None:
            self.landed = self._saved.target, evidence
        return True

    def _judge_progress(self, protocol: UploadProtocol) -> None:
        if protocol.offset > self._best_bytes:
            self._best_bytes = protocol.offset
            self._idle = self._fresh = self._unsigned = 0
            return
        if protocol.offset < self._best_bytes:
            # The store lost what it had acknowledged: followed, and bounded as a restart is.
            self._best_bytes = protocol.offset
            self._restarts += 1
        if self._restarts > _FRESH_TARGETS:
            raise CloudUnwell("the store loses bytes that it had acknowledged, again and again")
        self._idle += 1
        if self._idle > _IDLE_STEPS:
            raise CloudUnwell(f"the store stays at {protocol.offset} bytes whatever it is sent")

    def _judge_doubt(self, protocol: UploadProtocol, reason: str) -> None:
        self._idle += 1
        only_by_sending_again = protocol.next_request().body_bytes > 0
        if only_by_sending_again or self._silent >= _SILENT_STEPS or self._idle > _IDLE_STEPS:
            raise CloudUnreachable(f"the upload was interrupted: {reason}")

    def _ask_if_whole(self, reason: str) -> None:
        # Some stores forget an upload as it completes. The caller can ask the API whether it has
        # the medium; all of it is sent again only by another attempt.
        if self.may_be_whole:
            raise CloudUnreachable(f"the last answer was lost, and then: {reason}")

    async def _restart(self, ref: CloudRef, reason: str, *, keep: bool = False) -> UploadProtocol:
        """Give up the session, not the medium: byte 0 again, on a new target.

        Args:
            ref: The cloud's names for the recording.
            reason: Why, for people.
            keep: Until there is another target: a proxy whose store is away says 404 as well.
        """
        # Never reset: a store that fails at the very end would otherwise be sent to for ever.
        self._restarts += 1
        if self._restarts > 1:
            await asyncio.to_thread(self._check_bytes)
        if keep and self._restarts <= _FRESH_TARGETS:
            protocol = await self._begin(ref)
            await self._lose()
            return protocol
        await self._save(None)
        self._dropped = True
        await self._lose()
        if self._restarts > _FRESH_TARGETS:
            raise CloudUnwell(f"the store drops every upload session: {reason}")
        return await self._begin(ref)

    async def _lose(self) -> None:
        await self._count(self._held_bytes + self._unsettled_bytes)
        self._held_bytes = self._unsettled_bytes = self._best_bytes = 0

    async def _renew(
        self, ref: CloudRef, expired: Expired, session: UploadSession
    ) -> UploadProtocol:
        """Ask for a fresh URL of the same medium; what the store holds is kept where it can be."""
        self._fresh += 1
        self._unsigned += expired.signature_wrong
        if self._unsigned > 1:
            raise CloudRejected(
                f"the store refuses what we send as not what was signed, twice: {expired.reason}",
                hint="a proxy that changes headers, or a fault of the cloud or of fieldpost",
            )
        if self._fresh > _FRESH_TARGETS:
            raise TargetExpired(f"fresh upload URLs are refused too: {expired.reason}")
        target = await self._way.cloud.target(self._manifest, self._medium, ref)
        fresh = UploadSession(target=target, protocol=await self._spoken(target))
        if session.protocol == fresh.protocol:
            fresh = replace(self._with_marks(session), target=target)
        # Saved at once, with its state: a crash must not forget an upload that has begun.
        await self._save(fresh)
        self._dropped = False
        return self._resume(fresh)

    def _check_bytes(self) -> None:
        path = self._way.spool.media_path(self._entry.id, self._medium.index)
        if _sha256(path) != self._medium.sha256:
            raise SpoolDamaged(f"{path.name} is not what was sealed: its digest has changed")

    async def _leave(self, protocol: UploadProtocol) -> None:
        """Keep what the next attempt must know: the store's offset, and bytes of unknown fate."""
        if not self._dropped:
            await self._save(self._with_marks(protocol.session))

    def _with_marks(self, session: UploadSession) -> UploadSession:
        marks = {"offset": str(self._held_bytes), "unsettled": str(self._unsettled_bytes)}
        if self._arrived:
            marks["arrived"] = "perhaps"
        return replace(session, state={**_own(session).state, **marks})

    def _session(self) -> UploadSession | None:
        return self._state().session

    def _state(self) -> MediumState:
        return next(m for m in self._entry.outgoing if m.medium.index == self._medium.index)

    async def _save(self, session: UploadSession | None) -> None:
        await asyncio.to_thread(
            self._way.spool.save_session, self._entry.id, self._medium.index, session
        )
        self._saved = session

    def _spent(self, left_bytes: int) -> None:
        self._uncounted_bytes += left_bytes

    async def _count(self, resent_bytes: int) -> None:
        """Put into the ledger what has left since, retransmissions and TLS included."""
        left_bytes, self._uncounted_bytes = self._uncounted_bytes, 0
        if left_bytes or resent_bytes:
            await asyncio.to_thread(
                self._way.spool.count_sent, self._entry.id, left_bytes, resent_bytes
            )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _own(session: UploadSession) -> UploadSession:
    state = {key: value for key, value in session.state.items() if key not in RESERVED}
    return replace(session, state=state)


def _give_up(outcome: Refused | Throttled | NotTheStore) -> Never:
    match outcome:
        case Refused(reason):
            raise CloudRejected(f"the store refuses the upload: {reason}")
        case Throttled(retry_after_s, reason):
            raise CloudThrottled(f"the store asks to wait: {reason}", retry_after_s=retry_after_s)
        case NotTheStore(reason):
            raise NotTheCloud(reason)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
