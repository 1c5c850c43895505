"""What uploads keep in the spool: names, sessions, evidence, waits, figures."""

from collections.abc import Mapping
from concurrent.futures import Future
from datetime import datetime, timedelta

from device.model import EntryId, Evidence, UploadSession, Wait
from device.spool import changes
from device.spool.looking import Looking

MAX_COOLDOWN = timedelta(hours=24)


class Sending(Looking):
    """See `Spool`: what an upload saves on its way.

    What returns a `Future` does not block: it is handed in, and is durable when the future is done.
    So the changes of many media share a commit, and none of them needs a thread to wait in.
    """

    def save_cloud_ref(self, entry: EntryId, ref: Mapping[str, str]) -> None:
        """Keep the cloud's own names for a recording."""
        self._journal.run(changes.save_cloud_ref, entry, dict(ref))

    def save_session(self, entry: EntryId, index: int, session: UploadSession | None) -> None:
        """Keep, replace or drop what a medium needs to go on after a restart."""
        self._journal.run(changes.save_session, entry, index, session)

    def save_sessions(
        self, entry: EntryId, sessions: Mapping[int, UploadSession | None]
    ) -> Future[None]:
        """Keep, replace or drop what several media need to go on after a restart."""
        return self._journal.submit(changes.save_sessions, entry, dict(sessions))

    def save_landed(
        self,
        entry: EntryId,
        index: int,
        evidence: Evidence,
        *,
        resent_bytes: int,
    ) -> Future[None]:
        """Keep what the store said when the last byte was in, and what went in vain before."""
        return self._journal.submit_patiently(
            changes.save_landed, entry, index, evidence, resent_bytes
        )

    def save_evidence(self, entry: EntryId, index: int, evidence: Evidence | None) -> None:
        """Keep or drop what the object store said when the last byte was in."""
        self._journal.run(changes.save_evidence, entry, index, evidence)

    def save_wait(self, entry: EntryId, wait: Wait | None, *, attempts: int) -> None:
        """Keep why an entry waits, and how often it failed in a row."""
        self._journal.run(changes.save_wait, entry, wait, attempts)

    def count_resent(self, entry: EntryId, resent_bytes: int) -> None:
        """Add to the bytes of an entry that were sent in vain."""
        self._journal.run(changes.count_resent, entry, resent_bytes)

    def save_cooldown(self, origin: str, until: datetime | None, reason: str) -> None:
        """Keep until when an origin is left alone; None ends it."""
        self._journal.run(changes.save_cooldown, origin, until, reason)

    def cooldown(self, origin: str) -> Wait | None:
        """Look up whether an origin is left alone now.

        Never for more than 24 hours from now, and that is saved: a clock that stepped back must not
        park uploads, nor move the end on with every look.
        """
        wait = self._reader.cooldowns().get(origin)
        if wait is None or wait.until is None:
            return None
        now = self._clock.now()
        if wait.until <= now:
            return None
        if wait.until > now + MAX_COOLDOWN:
            wait = Wait(code=wait.code, reason=wait.reason, until=now + MAX_COOLDOWN)
            self.save_cooldown(origin, wait.until, wait.reason)
        return wait
