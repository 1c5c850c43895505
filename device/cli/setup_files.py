"""Which file `setup` writes, and how: what was there is kept beside it, nothing is half there."""

import difflib
import os
import shutil
import stat
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from device.errors import ConfigInvalid, Fault, FieldpostError
from device.spool.durable import settle_folder, write_all

OURS = "50-setup.toml"
"""In conf.d, so that the file of the package stays as the package wrote it."""
_FRESH = """\
# Written by `fieldpost setup`: run it again, or change it by hand.
"""
_WINS = """\
# What is set here wins over fieldpost.toml;
# [[recorders]] here replace all of those there.
"""
_MODE = 0o644


class Unwritable(FieldpostError):
    """The configuration cannot be written; it is as it was."""

    code = "config-unwritable"
    fault = Fault.OPERATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A file, what it holds, and what it is to hold."""

    file: Path
    before: str | None
    after: str

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after

    def diff(self) -> str:
        """Show the change; empty where there is none."""
        old = (self.before or "").splitlines()
        name = str(self.file)
        there = name if self.before is not None else "/dev/null"
        lines = difflib.unified_diff(old, self.after.splitlines(), there, name, lineterm="", n=2)
        return "\n".join(lines)


def choose(file: Path | None, default: Path) -> Path:
    """Say which file to write: the one that somebody keeps by hand, else one of our own.

    Raises:
        ConfigInvalid: The file of the system cannot be read.
    """
    if file is not None:
        return file.absolute()
    ours = default.parent / "conf.d" / OURS
    if ours.exists() or not default.exists():
        return ours
    try:
        kept = tomllib.loads(default.read_text())
    except (OSError, ValueError) as error:
        raise ConfigInvalid([f"{default}:1: cannot be read: {error}"]) from error
    return default if {"cloud", "recorders"} & kept.keys() else ours


def read(file: Path) -> str | None:
    """Return what a file holds; None where there is none.

    Raises:
        ConfigInvalid: It cannot be read.
    """
    try:
        return file.read_text()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigInvalid([f"{file}:1: cannot be read: {error}"]) from error


def base(file: Path, text: str | None) -> str:
    """Return what to put settings into: a new file says whose it is, and what it means."""
    if text is not None:
        return text
    return _FRESH + _WINS if file.name == OURS else _FRESH


def check_writable(file: Path) -> None:
    """See to it that nobody answers questions in vain.

    Raises:
        Unwritable: This user may not write the file.
    """
    folder = next(each for each in file.resolve().parents if each.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        hint = "sudo fieldpost setup" if os.geteuid() != 0 else "see that its disk is writable"
        raise Unwritable(f"cannot write {file}: this user may not write in {folder}", hint=hint)


@contextmanager
def written(page: Page, now: datetime) -> Iterator[Path | None]:
    """Put the page in place, durably; take it back if what the block does fails.

    Gives where what was there is kept. Nothing is touched where nothing changes.

    Raises:
        Unwritable: Nothing was changed.
    """
    if not page.changed:
        yield None
        return
    file = page.file.resolve()  # a link stays one
    kept = None
    try:
        try:
            _make_folder(file.parent)
            kept = None if page.before is None else _keep(file, now)
            _replace(file, page.after.encode())
        except OSError as error:
            raise Unwritable(
                f"cannot write {page.file}: {error.strerror or error}; it is as it was",
                hint="see that its disk is writable and has room",
            ) from error
        yield kept
    except BaseException:
        with suppress(OSError):
            if kept is not None:
                kept.rename(file)
            elif page.before is None:
                file.unlink(missing_ok=True)
            settle_folder(file.parent)
        raise


def _make_folder(folder: Path) -> None:
    """Make a folder that the agent can look into, whatever the umask: it is another user."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        each.chmod(0o755)


def _keep(file: Path, now: datetime) -> Path:
    name = f"{file.name}.bak-{now:%Y%m%dT%H%M%SZ}"
    number, kept = 1, file.with_name(name)
    while kept.exists():
        number += 1
        kept = file.with_name(f"{name}-{number}")
    try:
        shutil.copy2(file, kept)
        _owned_as(file, kept)
        with kept.open("rb") as copy:
            os.fsync(copy.fileno())
    except BaseException:
        with suppress(OSError):
            kept.unlink()
        raise
    return kept


def _replace(file: Path, content: bytes) -> None:
    temporary = file.with_name(f".{file.name}.new")
    temporary.unlink(missing_ok=True)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
        try:
            mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else _MODE
            os.fchmod(descriptor, mode)  # whatever the umask: the agent is another user
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if file.exists():
            _owned_as(file, temporary)
        temporary.rename(file)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    settle_folder(file.parent)


def _owned_as(file: Path, other: Path) -> None:
    if os.geteuid() == 0:
        owner = file.stat()
        os.chown(other, owner.st_uid, owner.st_gid)
