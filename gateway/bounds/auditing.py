"""Who hears of changes: a row for each, on disk before the change is answered.

The row is written after the change, in a transaction of its own. A crash between the two leaves a
change without a row, and a client without an answer: repeated, as clients do, it gets its row.
"""

import os
import pwd
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from device.clock import Clock
from gateway.model import Caller, KeyCaller
from gateway.model_bounds import SHELL, AuditEntry
from gateway.store.bounds import Audit

_SAME = timedelta(hours=1)
_MOST_REMEMBERED = 4096


class Auditor:
    """Notes what callers changed, and what they were refused."""

    def __init__(self, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self._refused: dict[tuple[str, str], datetime] = {}

    async def changed(
        self,
        caller: Caller,
        *,
        action: str,
        subject: str,
        details: Mapping[str, Any],
        request_id: str | None,
    ) -> None:
        """Note a change that was made."""
        await self._audit.note(
            AuditEntry(
                at=self._clock.now(),
                actor=caller.subject,
                actor_name=caller.name if isinstance(caller, KeyCaller) else "",
                action=action,
                subject=subject,
                details={**details, **_way(caller)},
                request_id=request_id,
            )
        )

    async def refused(
        self, caller: Caller, *, action: str, subject: str, reason: str, request_id: str | None
    ) -> None:
        """Note an attempt that was refused; the same action again only after an hour.

        Somebody's program that asks for ever must not fill the log, whatever ids it makes up.
        """
        same = (caller.subject, action)
        now = self._clock.now()
        last = self._refused.get(same)
        if last is not None and abs(now - last) < _SAME:
            return
        if len(self._refused) >= _MOST_REMEMBERED:
            self._refused.clear()
        self._refused[same] = now
        await self.changed(
            caller,
            action=action,
            subject=subject,
            details={"refused": reason},
            request_id=request_id,
        )


def by_shell(action: str, subject: str, at: datetime, **details: Any) -> AuditEntry:
    """Write an entry for a change by the command line, under the name of its user."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return AuditEntry(
        at=at, actor=SHELL, actor_name=name, action=action, subject=subject, details=details
    )


def _way(caller: Caller) -> dict[str, Any]:
    return {"console": True} if isinstance(caller, KeyCaller) and caller.by_console else {}
