"""The Actions seam: what the control socket asks of the agent."""

from collections.abc import Sequence
from typing import Any, Protocol

from device.model import Entry, EntryId


class Actions(Protocol):
    """What an operator may ask for. Every method may be repeated; errors are `FieldpostError`."""

    async def status(self) -> dict[str, Any]:
        """Describe the agent and its spool: the document of `status --json`.

        Raises:
            SpoolError: The spool cannot be read.
        """
        ...

    async def wake(self) -> None:
        """Drop our own pauses and try now; what the cloud asked for is honoured."""
        ...

    async def pull(self, recorder: str | None) -> Sequence[str]:
        """Look at one recorder, or all, now; returns the URLs of those.

        Raises:
            UsageInvalid: No such recorder is configured.
        """
        ...

    async def requeue(self, entry: EntryId) -> tuple[Entry, Entry]:
        """Put an entry back to where it came from; returns how it was and how it is.

        Raises:
            EntryUnknown: There is none.
            IllegalMove: It is released, or just going up.
        """
        ...

    async def release(self, entry: EntryId) -> Entry:
        """Let the recorder delete what is stored, whatever its configuration says.

        Raises:
            EntryUnknown: There is none.
            IllegalMove: The cloud has not acknowledged it.
        """
        ...

    async def reload(self) -> Sequence[str]:
        """Read the configuration again and go on by it; returns what changed.

        Raises:
            ConfigInvalid: It cannot be used; the old one stays.
        """
        ...
