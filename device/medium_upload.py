"""Bring one sealed medium to the object store, going on wherever the store says it stands."""

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Never, assert_never

from device.cloud import CloudRef
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
    Throttled,
    UploadProtocol,
)
from device.core.uploads.abreast import answered
from device.core.uploads.classify import begin, resume
from device.core.uploads.clock_words import explained
from device.core.uploads.standstill import Standstill
from device.errors import (
    CloudRejected,
    CloudThrottled,
    CloudUnreachable,
    CloudUnwell,
    Held,
    NotTheCloud,
    SpoolDamaged,
)
from device.mailbox import mailbox
from device.model import Entry, Evidence, Manifest, SealedMedium, Target, UploadSession
from device.passage import Passage
from device.toll import Toll
from device.upload_targets import Targets, Way


class MediumUpload:
    """One medium on its way; `run()` once."""

    def __init__(  # noqa: PLR0913 - one medium, and what is known of it
        self,
        way: Way,
        entry: Entry,
        manifest: Manifest,
        medium: SealedMedium,
        *,
        whole: bool = False,
        fresh: UploadSession | None = None,
    ) -> None:
        """Take the medium.

        Args:
            way: What the upload works with.
            entry: Its entry, sealed.
            manifest: What the cloud is told of the entry.
            medium: Which of its media.
            whole: It is not to be cut, whatever the link.
            fresh: A session that was asked for and saved since the entry was looked up.
        """
        self._way = way
        self._entry = entry
        self._medium = medium
        self._whole = whole
        self._fresh = fresh
        self._path = way.spool.path_of(entry, medium.index)
        self._targets = Targets(way, entry, manifest, medium)
        self._toll = Toll(way.spool, entry.id)
        self._passage = Passage(way, entry.id, medium, self._path, self._toll)
        self._standstill = Standstill(0)
        self._resent_bytes = 0
        self._kept: asyncio.Future[None] | None = None
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
        await self.carry(ref)
        await self.kept()

    async def load(self) -> None:
        """Read the medium if it is small, before it takes a slot.

        Raises:
            SpoolDamaged: It is not there, or shorter than it was sealed.
            SpoolStorageFailed: The disk failed.
        """
        await self._passage.load()

    async def kept(self) -> None:
        """Wait until the evidence is on the disk."""
        if self._kept is not None:
            await self._kept

    async def carry(self, ref: CloudRef) -> None:
        """Do all of `run` that needs the line; the evidence is handed in by then."""
        protocol = await self._open(ref)
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
                        self._standstill.stands(protocol.offset)
                    case Ambiguous(reason):
                        again = protocol.next_request().body_bytes > 0
                        self._standstill.doubt(reason, by_sending_again=again)
                    case Gone(reason):
                        self._ask_if_whole(reason)
                        protocol = await self._restart(ref, reason, keep=self._toll.held_bytes > 0)
                    case Expired():
                        protocol = await self._renew(ref, outcome, protocol.session)
                    case Refused() | Throttled() | NotTheStore():
                        _give_up(outcome)
                    case _:
                        assert_never(outcome)
        finally:
            if not done:
                await self._passage.ground()
                await self._leave(protocol)

    async def _open(self, ref: CloudRef) -> UploadProtocol:
        """Take up the saved session; ask for a target if there is none."""
        if self._fresh is not None:
            protocol = begin(self._fresh.target, self._cargo, self._fresh.protocol)
            self._saved = self._fresh
        elif (session := self._session()) is not None:
            protocol = self._take_up(session)
        else:
            protocol = await self._begin(ref)
        if not (self._arrived or self._whole):
            self._targets.cut_first(protocol.session)
        return protocol

    def _take_up(self, session: UploadSession) -> UploadProtocol:
        self._toll.held_bytes = int(session.state.get("offset", "0"))
        self._toll.unsettled_bytes = int(session.state.get("unsettled", "0"))
        self._standstill = Standstill(self._toll.held_bytes)
        self._arrived = "arrived" in session.state
        self._saved = session
        return self._resume(session)

    async def not_arrived(self) -> None:
        """Take note that the API does not have what an answer was lost of."""
        self._arrived = False
        if self._saved is not None:
            await self._save(self._with_marks(self._saved))

    async def _begin(self, ref: CloudRef) -> UploadProtocol:
        fresh = await self._targets.fresh(ref)
        protocol = begin(fresh.target, self._cargo, fresh.protocol)
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

    async def _step(self, protocol: UploadProtocol) -> Outcome:
        """Send what can be sent, and take the next answer; all of them once one is in doubt."""
        await self._keep(protocol)
        self._passage.set_out(protocol)
        try:
            outcome = await self._land(protocol)
        except Held:
            await self._land_the_others(protocol)
            raise
        while self._passage.busy and isinstance(outcome, Ambiguous | Throttled):
            # What is on its way beside it may still arrive, and is paid for.
            later = await self._land(protocol)
            if not isinstance(later, Advanced | Conflict | Ambiguous):
                outcome = later
        if not isinstance(outcome, Advanced | Conflict):
            await self._passage.ground()
        return outcome

    async def _land_the_others(self, protocol: UploadProtocol) -> None:
        """Wait for what had leave before the next piece was refused it: it is paid for."""
        while self._passage.busy:
            with suppress(Held):
                await self._land(protocol)

    async def _land(self, protocol: UploadProtocol) -> Outcome:
        await self._keep(protocol)
        landed = await self._passage.landed()
        request, sent_bytes = landed.request, landed.sent_bytes
        broken = isinstance(landed.answer, Broken)
        if landed.last or not broken:
            self._standstill.heard(anything=not broken)
        if request.body_bytes:
            last = request.body_offset + sent_bytes == self._medium.size_bytes
            no_gap = self._toll.held_bytes >= request.body_offset
            self.may_be_whole = broken and sent_bytes > 0 and last and no_gap
            self._arrived = self._arrived or self.may_be_whole
        outcome = answered(protocol, request, landed.answer)
        own_bytes = sent_bytes if request.body_bytes else None
        resent_bytes = self._toll.settle(outcome, protocol.offset, own_bytes)
        if isinstance(outcome, Complete):
            self._resent_bytes = resent_bytes  # counted when it is accepted
        else:
            await self._toll.count(resent_bytes)
        return outcome

    async def _keep(self, protocol: UploadProtocol) -> None:
        """Save what the protocol has learnt before anything relies on it."""
        if self._saved is None or _own(protocol.session) != _own(self._saved):
            await self._save(self._with_marks(protocol.session))

    async def _accept(self, evidence: Evidence) -> bool:
        is_ours = evidence.sha256 in {None, self._medium.sha256}
        if not is_ours or evidence.md5 not in {None, self._medium.md5}:
            await self._toll.count(self._resent_bytes)
            return False
        handed_in = self._way.spool.save_landed(
            self._entry.id,
            self._medium.index,
            evidence,
            resent_bytes=self._resent_bytes,
        )
        self._kept = mailbox().future_of(handed_in)
        if self._saved is not None:
            self.landed = self._saved.target, evidence
        return True

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
        self._standstill.restart()
        if self._standstill.restarts > 1:
            await asyncio.to_thread(self._check_bytes)
        if keep and self._standstill.can_restart:
            protocol = await self._begin(ref)
            await self._toll.lose()
            return protocol
        await self._save(None)
        self._dropped = True
        await self._toll.lose()
        if not self._standstill.can_restart:
            raise CloudUnwell(f"the store drops every upload session: {reason}")
        return await self._begin(ref)

    async def _renew(
        self, ref: CloudRef, expired: Expired, session: UploadSession
    ) -> UploadProtocol:
        """Ask for a fresh URL of the same medium; what the store holds is kept where it can be."""
        self._standstill.renew(replace(expired, reason=explained(expired, self._way.clock.now())))
        fresh = await self._targets.fresh(ref)
        if session.protocol == fresh.protocol:
            fresh = replace(self._with_marks(session), target=fresh.target)
        # Saved at once, with its state: a crash must not forget an upload that has begun.
        await self._save(fresh)
        self._dropped = False
        return self._resume(fresh)

    def _check_bytes(self) -> None:
        if _sha256(self._path) != self._medium.sha256:
            raise SpoolDamaged(f"{self._path.name} is not what was sealed: its digest has changed")

    async def _leave(self, protocol: UploadProtocol) -> None:
        """Keep what the next attempt must know: the store's offset, and bytes of unknown fate."""
        if not self._dropped:
            await self._save(self._with_marks(protocol.session))

    def _with_marks(self, session: UploadSession) -> UploadSession:
        marks = {
            "offset": str(self._toll.held_bytes),
            "unsettled": str(self._toll.unsettled_bytes),
        }
        if self._arrived:
            marks["arrived"] = "perhaps"
        return replace(session, state={**_own(session).state, **marks})

    def _session(self) -> UploadSession | None:
        index = self._medium.index
        return next(m.session for m in self._entry.outgoing if m.medium.index == index)

    async def _save(self, session: UploadSession | None) -> None:
        await asyncio.to_thread(
            self._way.spool.save_session, self._entry.id, self._medium.index, session
        )
        self._saved = session


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
