"""Notices: keeps in the spool what a recorder lists that needs a person, until it does not."""

import asyncio
import logging
from dataclasses import dataclass, replace

from device.clock import Clock
from device.errors import SpoolError
from device.listed import as_begun, contradiction
from device.model import Listing, Notice, Noticed, RecorderId, State
from device.spool import notices
from device.spool.spool import Spool
from device.words import shortened

logger = logging.getLogger(__name__)

MOST = 20
"""So many of a recorder are kept in words, and the others counted."""
MOST_CHARACTERS = 300
"""Of what a recorder, or a driver, says in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """What the listings of one URL leave for people. No method raises: a visit goes on."""

    url: str
    spool: Spool
    clock: Clock

    async def take(self, recorder: RecorderId, listing: Listing) -> None:
        """Keep what needs a person in a listing; written only when it is other than before."""
        try:
            await asyncio.to_thread(self._take, recorder, listing)
        except SpoolError as error:
            logger.warning("What needs a person is not kept", extra={"problem": str(error)})
        except Exception:  # what a third party's driver tells may not fit into a row
            logger.exception("What needs a person cannot be kept", extra={"url": self.url})

    def _take(self, recorder: RecorderId, listing: Listing) -> None:
        before = notices.noticed(self.spool.kept, self.url)
        now = needing_a_person(self.spool, recorder, listing)
        if before is not None and not listing.complete:  # absence proves nothing
            names = {each.key.recording for each in listing.recordings}
            names |= {each.recording for each in listing.rejected}
            now += [each for each in before.notices if each.recording not in names]
        told = tuple(now[:MOST])
        if not told:
            if before is not None:
                self.spool.keep(notices.name_of(self.url), None)
        elif before is None or (before.total, before.notices) != (len(now), told):
            since = self.clock.now() if before is None else before.since
            held = Noticed(url=self.url, since=since, total=len(now), notices=told)
            self.spool.keep(notices.name_of(self.url), held)


def needing_a_person(spool: Spool, recorder: RecorderId, listing: Listing) -> list[Notice]:
    """Find what no later visit can put right by itself. Blocks.

    Quarantined recordings are not among it: those are in the spool, and told from there.
    """
    found = [
        Notice(
            recorder=recorder,
            recording=each.recording,
            problem=f"it cannot be pulled: {each.reason}",
            hint="have its file mended or copied by hand, or delete it on the recorder",
        )
        for each in listing.rejected
        if each.failed
    ]
    for recording in as_begun(spool, listing):
        entry = spool.known(recording.key)
        if entry is None or entry.state in (State.PULLING, State.QUARANTINED):
            continue
        if other := contradiction(entry, recording):
            found.append(
                Notice(
                    recorder=recorder,
                    recording=recording.key.recording,
                    problem=other,
                    hint="copy it off the recorder by hand, then delete it there; what this box"
                    f" had before under the id: fieldpost recordings show {entry.id}",
                )
            )
    return [
        replace(
            each,
            recording=shortened(each.recording, MOST_CHARACTERS),
            problem=shortened(each.problem, MOST_CHARACTERS),
        )
        for each in found
    ]
