"""Is a single file finished? Proof that nobody writes it, and stillness on the monotonic clock."""

import errno
import fcntl
import signal
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from device.drivers.folder_files import Identity, OpenFile

QUIET_S = 2.0
"""How long a file proven closed must be unchanged: who reopens to append does so at once."""

STILL_S = 60.0
"""How long a file must be unchanged under our eyes where nothing can prove that it is closed."""

MAX_WATCHED = 20_000


class Writers(StrEnum):
    """Whether anybody has a file open for writing."""

    NONE = "none"
    SOME = "some"
    UNKNOWN = "unknown"


def writers(root: Path, parts: tuple[str, ...]) -> Writers:
    """Ask the kernel whether a file is open for writing.

    It grants a read lease only on a file that nobody has open for writing (fcntl(2), F_SETLEASE);
    that needs no look into other processes, which a hardened unit cannot take anyway. The owner of
    the file and root may ask; for others, and on some network file systems, the answer is unknown.

    Raises:
        OSError: The file cannot be opened.
    """
    with OpenFile(root, parts) as file:
        try:
            # Whoever opens it for writing in this instant waits until the lease is given back, and
            # we are signalled: with SIGURG, ignored by default, since SIGIO would end the agent.
            fcntl.fcntl(file.fd, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(file.fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError as error:
            return Writers.SOME if error.errno == errno.EAGAIN else Writers.UNKNOWN
        fcntl.fcntl(file.fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return Writers.NONE


class Stillness:
    """Remembers since when each single file has been as it is. Synchronous."""

    def __init__(self, seen_closed: Callable[[str], bool]) -> None:
        """Start without memory.

        Args:
            seen_closed: Whether we saw a writer close this name, and none write since (inotify).
        """
        self._seen_closed = seen_closed
        self._since: dict[str, tuple[Identity, float]] = {}

    def waits_s(self, root: Path, name: str, now_s: float) -> tuple[float, str]:
        """Say how much longer a file must be still before it counts as finished, and why.

        Args:
            root: The folder.
            name: A file in it.
            now_s: The monotonic clock.

        Returns:
            0.0 for a finished file; infinity while somebody has it open for writing.

        Raises:
            OSError: It cannot be looked at.
        """
        with OpenFile(root, (name,)) as file:
            who = file.identity()
        known = self._since.get(name)
        if known is None or known[0] != who:
            if len(self._since) >= MAX_WATCHED:
                self._since.clear()
            known = self._since[name] = (who, now_s)
        still_s = now_s - known[1]
        state = writers(root, (name,))
        if state is Writers.SOME:
            return float("inf"), "it is still open for writing"
        if state is Writers.NONE or self._seen_closed(name):
            return max(QUIET_S - still_s, 0.0), "it was written a moment ago"
        return max(STILL_S - still_s, 0.0), (
            "nothing proves yet that it is closed (the agent does not own it): "
            f"it is taken once it has been unchanged for {STILL_S:.0f} s"
        )

    def keep_only(self, names: set[str]) -> None:
        """Forget names that are not in the folder any more."""
        self._since = {n: seen for n, seen in self._since.items() if n in names}
