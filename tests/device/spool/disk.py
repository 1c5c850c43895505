"""A disk that fails, or dies, at the N-th operation, and forgets what was never fsynced.

Patches the functions of `os` that the spool writes with. SQLite's own files are beyond it: their
commits count as durable, which is what synchronous=FULL buys.
"""

import os
import shutil
import signal
import stat
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Self

from device.spool import journal

OPERATIONS = ("open", "write", "fsync", "rename", "unlink", "mkdir", "rmdir", "ftruncate")


class Loss(StrEnum):
    """What a crash takes with it."""

    NOTHING = "nothing"  # kill -9: the kernel still has everything
    CONTENT = "content"  # names survive, unsynced bytes do not: the classic empty file
    ALL = "all"  # unsynced bytes and unsynced names are gone


class Disk:
    """Counts operations below `root`; at `at` it calls `strike`, which kills or raises."""

    def __init__(self, root: Path, at: int, strike: Callable[[str], None]) -> None:
        self.root = root
        self.at = at
        self.strike = strike
        self.count = 0
        self.real = {name: getattr(os, name) for name in OPERATIONS}
        self.synced: dict[int, int] = {}  # inode → bytes that a crash cannot take
        self.poisoned: set[int] = set()  # inodes whose fsync failed once: never to be trusted
        self.undo: list[tuple[str, Callable[[], None]]] = []  # folder to fsync, how to forget
        self.stash = root.with_name(root.name + ".stash")
        self.commit = journal.Journal._commit

    def __enter__(self) -> Self:
        self.stash.mkdir(exist_ok=True)
        for name in OPERATIONS:
            setattr(os, name, getattr(self, f"_{name}"))
        real = self.commit

        def commit(this, batch):
            self._point("commit")
            failed = real(this, batch)
            self._point("committed")  # before anybody hears of it
            return failed

        journal.Journal._commit = commit
        return self

    def __exit__(self, *_) -> None:
        for name, real in self.real.items():
            setattr(os, name, real)
        journal.Journal._commit = self.commit
        shutil.rmtree(self.stash)

    def die(self, loss: Loss) -> None:
        """Forget what the loss takes, and be gone."""
        self.forget(loss)
        os.kill(os.getpid(), signal.SIGKILL)

    def forget(self, loss: Loss) -> None:
        for name, real in self.real.items():
            setattr(os, name, real)
        if loss is Loss.NOTHING:
            return
        for path in [path for path in self.root.rglob("*/*") if path.is_file()]:
            held = self.synced.get(path.stat().st_ino)
            if held is not None and held < path.stat().st_size:
                os.truncate(path, held)
        if loss is Loss.ALL:
            for _, forget in reversed(self.undo):
                forget()

    def _point(self, name: str) -> None:
        self.count += 1
        if self.count == self.at:
            self.strike(name)

    def _ours(self, path) -> bool:
        return Path(os.fspath(path)).is_relative_to(self.root) and "spool.db" not in str(path)

    def _open(self, path, flags, mode=0o777, *, dir_fd=None):
        new = bool(flags & os.O_CREAT) and dir_fd is None and self._ours(path)
        new = new and not Path(path).exists()
        if new:
            self._point("open")
        file = self.real["open"](path, flags, mode, dir_fd=dir_fd)
        if new:
            self.synced[os.fstat(file).st_ino] = 0
            self._named(path, lambda: Path(path).unlink(missing_ok=True))
        return file

    def _write(self, file, content):
        info = os.fstat(file)
        if stat.S_ISREG(info.st_mode) and info.st_ino in self.synced:
            self._point("write")
        return self.real["write"](file, content)

    def _fsync(self, file):
        info = os.fstat(file)
        try:
            self._point("fsync")
        except OSError:
            self.poisoned.add(info.st_ino)
            raise
        self.real["fsync"](file)
        if stat.S_ISDIR(info.st_mode):
            folder = str(Path(f"/proc/self/fd/{file}").readlink())
            self.undo = [(where, forget) for where, forget in self.undo if where != folder]
        elif info.st_ino not in self.poisoned:
            self.synced[info.st_ino] = info.st_size

    def _ftruncate(self, file, size):
        self._point("ftruncate")
        self.real["ftruncate"](file, size)
        inode = os.fstat(file).st_ino
        if inode in self.synced:
            self.synced[inode] = min(self.synced[inode], size)

    def _rename(self, source, target, **_):
        if not self._ours(source):
            return self.real["rename"](source, target)
        self._point("rename")
        old = None
        if Path(target).is_file():
            old = self._keep(target)
        self.real["rename"](source, target)

        def forget() -> None:
            if Path(target).exists():
                Path(target).rename(source)
            if old is not None:
                os.link(old, target)

        self._named(target, forget)
        return None

    def _unlink(self, path, *, dir_fd=None):
        if dir_fd is not None or not self._ours(path) or not Path(path).exists():
            return self.real["unlink"](path, dir_fd=dir_fd)
        self._point("unlink")
        kept = self._keep(path)
        self.real["unlink"](path)

        def forget() -> None:
            if Path(path).parent.exists() and not Path(path).exists():
                os.link(kept, path)

        self._named(path, forget)
        return None

    def _mkdir(self, path, mode=0o777, *, dir_fd=None):
        if dir_fd is not None or not self._ours(path) or Path(path).exists():
            return self.real["mkdir"](path, mode, dir_fd=dir_fd)
        self._point("mkdir")
        self.real["mkdir"](path, mode)
        self._named(path, lambda: shutil.rmtree(path, ignore_errors=True))
        return None

    def _rmdir(self, path, *, dir_fd=None):
        if dir_fd is not None or not self._ours(path):
            return self.real["rmdir"](path, dir_fd=dir_fd)
        self._point("rmdir")
        self.real["rmdir"](path)
        self._named(path, lambda: Path(path).mkdir(exist_ok=True))
        return None

    def _named(self, path, forget: Callable[[], None]) -> None:
        self.undo.append((str(Path(path).parent), forget))

    def _keep(self, path) -> Path:
        kept = self.stash / str(len(list(self.stash.iterdir())))
        os.link(path, kept)
        return kept
