"""The folder driver: a recorder that is the same computer, or a mounted card.

The rules of what is a recording are in docs/folder.md.
"""

import errno
import hashlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from device.drivers import Driver, Opening
from device.drivers.folder_archive import Archive
from device.drivers.folder_digests import Digests
from device.drivers.folder_root import FolderRoot
from device.drivers.folder_threads import in_thread
from device.errors import ConfigInvalid, LinkLost, LinkReason, LinkUnavailable


async def open_folder(opening: Opening) -> Driver:
    """Open `folder:///absolute/path` (percent-encoded where a URL needs it).

    Raises:
        ConfigInvalid: The URL or the release policy makes no sense.
        LinkUnavailable: The folder is not there, not a folder, not permitted, or not mounted.
    """
    path, archive = _path(opening.url), _archive(opening)
    begin = await in_thread(path, _look, opening, path, archive)
    return begin()


def _look(opening: Opening, path: Path, archive: Archive | None) -> Callable[[], Driver]:
    """Do what blocks; the driver itself begins on the event loop."""
    from device.drivers.folder_driver import (  # noqa: PLC0415 - the inotify library runs ldconfig when imported: in this thread, not in the loop
        FolderDriver,
    )

    canonical = Path(os.path.realpath(path))
    if archive is not None and Path(os.path.realpath(archive.path)).is_relative_to(canonical):
        raise ConfigInvalid([f"{opening.url}: the archive must lie outside the folder"])
    name = hashlib.sha256(os.fsencode(canonical)).hexdigest()[:16]
    cache = opening.cache / f"folder-{name}.json"
    digests = Digests(cache, opening.clock)
    try:
        root = FolderRoot(canonical, mount_point=digests.mount_point)
    except OSError as error:
        match error.errno:
            case errno.ENOTDIR:
                reason = LinkReason.NOT_A_DEVICE
            case errno.EACCES | errno.EPERM:
                reason = LinkReason.DENIED
            case _:
                reason = LinkReason.NOT_FOUND
        said = f"the folder {path} cannot be read: {error.strerror}"
        raise LinkUnavailable(said, reason=reason) from error
    except LinkLost as error:
        hint = f"mount it; if the folder shall live on this disk from now on, remove {cache}"
        raise LinkUnavailable(str(error), reason=LinkReason.NOT_FOUND, hint=hint) from error
    digests.expect_mount(root.mount_point)
    return partial(
        FolderDriver,
        root=root,
        digests=digests,
        clock=opening.clock,
        archive=archive,
        keep=opening.release == "keep",
        named=path,
    )


def _path(url: str) -> Path:
    parts = urlsplit(url)
    path = unquote(parts.path, errors="surrogateescape")
    if (
        parts.scheme != "folder"
        or parts.netloc
        or parts.query
        or parts.fragment
        or not path.startswith("/")
        or "\0" in path
    ):
        raise ConfigInvalid([f"{url} is no folder URL: write folder:///absolute/path"])
    return Path(path)


def _archive(opening: Opening) -> Archive | None:
    if opening.release in ("delete", "keep"):
        return None
    kind, _, path = opening.release.partition(":")
    if kind != "archive" or not path.startswith("/"):
        wrong = f"{opening.url}: release = {opening.release!r} is not delete, keep or archive:/path"
        raise ConfigInvalid([wrong])
    return Archive(path=Path(path))
