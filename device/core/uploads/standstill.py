"""When an upload that gets no further is given up: what is counted in a row, and its bounds."""

from device.core.uploads import Expired
from device.errors import CloudRejected, CloudUnreachable, CloudUnwell, TargetExpired

_IDLE_STEPS = 5
"""Steps in a row that bring the store no further before the pause is left to the dispatcher."""

_SILENT_STEPS = 2
"""Requests in a row without any answer: a cut and its question, then the network is down."""

_FRESH_TARGETS = 3
"""New URLs in a row without progress."""


class Standstill:
    """Of one attempt at one medium.

    Args:
        held_bytes: What the store held when the attempt began.
    """

    def __init__(self, held_bytes: int) -> None:
        self._best_bytes = held_bytes
        self._idle = self._silent = self._fresh = self._restarts = self._unsigned = 0

    @property
    def restarts(self) -> int:
        """How often the medium began anew, or the store lost some of it."""
        return self._restarts

    @property
    def can_restart(self) -> bool:
        """Whether another fresh start is within bounds."""
        return self._restarts <= _FRESH_TARGETS

    def heard(self, *, anything: bool) -> None:
        """Take note of whether a request was answered at all."""
        self._silent = 0 if anything else self._silent + 1

    def stands(self, offset: int) -> None:
        """Judge where the store says it stands.

        Raises:
            CloudUnwell: It stays there, or falls back, again and again.
        """
        if offset > self._best_bytes:
            self._best_bytes = offset
            self._idle = self._fresh = self._unsigned = 0
            return
        if offset < self._best_bytes:
            # The store lost what it had acknowledged: followed, and bounded as a restart is.
            self._best_bytes = offset
            self._restarts += 1
        if not self.can_restart:
            raise CloudUnwell("the store loses bytes that it had acknowledged, again and again")
        self._idle += 1
        if self._idle > _IDLE_STEPS:
            raise CloudUnwell(f"the store stays at {offset} bytes whatever it is sent")

    def doubt(self, reason: str, *, by_sending_again: bool) -> None:
        """Judge an answer that says nothing.

        Raises:
            CloudUnreachable: Only sending bytes again could tell, or nobody answers.
        """
        self._idle += 1
        if by_sending_again or self._silent >= _SILENT_STEPS or self._idle > _IDLE_STEPS:
            raise CloudUnreachable(f"the upload was interrupted: {reason}")

    def restart(self) -> None:
        """Count a start from byte 0."""
        # Never reset: a store that fails at the very end would otherwise be sent to for ever.
        self._restarts += 1
        self._best_bytes = 0

    def renew(self, expired: Expired) -> None:
        """Count a fresh URL for one that was refused.

        Raises:
            CloudRejected: It is what we send that is refused.
            TargetExpired: Fresh URLs are refused too.
        """
        self._fresh += 1
        self._unsigned += expired.signature_wrong
        if self._unsigned > 1:
            raise CloudRejected(
                f"the store refuses what we send as not what was signed, twice: {expired.reason}",
                hint="a proxy that changes headers, or a fault of the cloud or of fieldpost",
            )
        if self._fresh > _FRESH_TARGETS:
            raise TargetExpired(f"fresh upload URLs are refused too: {expired.reason}")
