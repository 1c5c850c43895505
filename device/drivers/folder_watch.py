"""News from a folder through inotify: a hint to look again, and who closed what."""

import asyncio
import os
from pathlib import Path

from asyncinotify import Event, Inotify, Mask, Watch

from device.core.folder.names import SIDECAR, ignored

MAX_WATCHES = 1024
"""Sub-folders under construction that are watched; the rest is found by rescan."""

_MAX_CLOSED = 20_000
_BURST = 256
_TOP = (
    Mask.CREATE
    | Mask.CLOSE_WRITE
    | Mask.MOVED_TO
    | Mask.MODIFY
    | Mask.DELETE_SELF
    | Mask.MOVE_SELF
    | Mask.ONLYDIR
)
_SUB = Mask.CLOSE_WRITE | Mask.MOVED_TO | Mask.ONLYDIR | Mask.DONT_FOLLOW
_NEWS = (
    Mask.CLOSE_WRITE
    | Mask.MOVED_TO
    | Mask.DELETE_SELF
    | Mask.MOVE_SELF
    | Mask.UNMOUNT
    | Mask.Q_OVERFLOW
)


class FolderWatch:
    """Watches the folder and the sub-folders not sealed yet. Lives on the event loop.

    Events are taken as they come, not when somebody asks, so a cancelled wait loses none. Where
    inotify is not to be had (no watches left, some network mounts) there is simply no news.
    """

    def __init__(self, root: Path) -> None:
        """Begin without watches; must run on the event loop."""
        self._root = root
        self._news = asyncio.Event()
        self._closed: set[str] = set()
        self._subs: dict[str, Watch] = {}
        self._inotify: Inotify | None = None
        self._loop = asyncio.get_running_loop()
        try:
            self._inotify = Inotify(sync_timeout=0)
        except OSError:
            return
        os.set_blocking(self._inotify.fd, False)
        self._loop.add_reader(self._inotify.fd, self._drain)

    async def changed(self) -> None:
        """Return once something may be new since `look`."""
        await self._news.wait()

    def seen_closed(self, name: str) -> bool:
        """Tell whether a writer closed this name under our eyes, and none wrote since."""
        return name in self._closed

    def look(self) -> None:
        """Say that the folder is looked at now: what happens from here on is news.

        Watches the folder anew each time, since another disk may be mounted there by now.
        """
        self._news.clear()
        self._add(self._root, _TOP)

    def follow(self, names: set[str]) -> set[str]:
        """Watch exactly these sub-folders, as many as are allowed.

        Returns:
            Those watched from now on: what happened in them just before was not seen.
        """
        for name in self._subs.keys() - names:
            self._drop(self._subs.pop(name))
        fresh: set[str] = set()
        for name in sorted(names - self._subs.keys())[: MAX_WATCHES - len(self._subs)]:
            watch = self._add(self._root / name, _SUB)
            if watch is not None:
                self._subs[name] = watch
                fresh.add(name)
        return fresh

    def ring(self) -> None:
        """Make `changed` return: there is more to see."""
        self._news.set()

    def close(self) -> None:
        """Give the watches back. Idempotent; whoever waits goes on."""
        if self._inotify is not None:
            self._loop.remove_reader(self._inotify.fd)
            self._inotify.close()
            self._inotify = None
        self._news.set()

    def _add(self, path: Path, mask: Mask) -> Watch | None:
        if self._inotify is None:
            return None
        try:
            return self._inotify.add_watch(path, mask)
        except OSError:
            return None

    def _drop(self, watch: Watch) -> None:
        if self._inotify is not None:
            try:
                self._inotify.rm_watch(watch)
            except OSError:
                return  # the kernel dropped it already, with the sub-folder

    def _drain(self) -> None:
        """Take what is there, but let others run when events rain."""
        for _ in range(_BURST):
            if self._inotify is None:
                return
            try:
                event = self._inotify.sync_get()
            except BlockingIOError:
                return
            if event is None:
                return
            self._take(event)

    def _take(self, event: Event) -> None:
        mask = event.mask
        if mask & Mask.Q_OVERFLOW:
            self._closed.clear()
        if event.name is None:
            if mask & _NEWS:
                self._news.set()
            return
        name = event.name.name
        if event.watch is not None and event.watch.path != self._root:
            if name == SIDECAR:
                self._news.set()
        elif not ignored(name):
            if mask & Mask.ISDIR:
                self._take_folder(name, mask)
            else:
                self._take_file(name, mask)

    def _take_folder(self, name: str, mask: Mask) -> None:
        if not mask & (Mask.CREATE | Mask.MOVED_TO):
            return
        if len(self._subs) < MAX_WATCHES:
            # At once: what seals it from here on is seen; what was before, by the next look.
            watch = self._add(self._root / name, _SUB)
            if watch is not None:
                self._subs[name] = watch
        self._news.set()

    def _take_file(self, name: str, mask: Mask) -> None:
        if mask & (Mask.MODIFY | Mask.CREATE):
            self._closed.discard(name)
        elif mask & (Mask.CLOSE_WRITE | Mask.MOVED_TO):
            if len(self._closed) >= _MAX_CLOSED:
                self._closed.clear()
            self._closed.add(name)
            self._news.set()
