"""The folder itself: is it there, is it still the same disk, or is nothing known about it?"""

import os
import shutil
from pathlib import Path

from device.core.folder.mounts import Mount, mount_of
from device.core.folder.names import ignored
from device.errors import LinkLost

_MOUNTINFO = Path("/proc/self/mountinfo")
_BLOCK_DEVICES = Path("/sys/dev/block")


class FolderRoot:
    """A canonical path whose disappearance is noticed. Synchronous: for threads.

    After a card is pulled out, the kernel may go on listing its mount as an empty folder; after it
    is unmounted, the empty mount point below shows. Neither is a recorder that was emptied.
    """

    def __init__(self, path: Path, *, mount_point: str | None = None) -> None:
        """Look at the folder for the first time.

        Args:
            path: Canonical (`Path.resolve`).
            mount_point: The mount it was on in an earlier run, None if not known.

        Raises:
            OSError: It is not there, not a folder, or not permitted.
            LinkLost: It should be on a mount of its own, which is not there.
        """
        self.path = path
        with os.scandir(path):
            pass
        self._device = path.stat().st_dev
        mount = self._mount()
        self.mount_point = mount_point or (mount.point if mount else None)
        self.check()

    def check(self) -> None:
        """Make sure that what the folder shows is what it holds.

        Raises:
            LinkLost: It went away, or is another disk than before. In the latter case the next
                check accepts the new disk, so that one listing in between is called incomplete.
        """
        try:
            device = self.path.stat().st_dev
            if not self.path.is_dir():
                raise LinkLost(f"{self.path} is not a folder any more")
        except OSError as error:
            raise LinkLost(f"{self.path} is not there: {os.strerror(error.errno or 0)}") from error
        mount = self._mount()
        if mount is not None:
            if self.mount_point is not None and mount.point != self.mount_point:
                if len(mount.point) < len(self.mount_point):
                    raise LinkLost(f"nothing is mounted on {self.mount_point}")
                self.mount_point = mount.point
            number = f"{os.major(device)}:{os.minor(device)}"
            if mount.on_block_device and not self._device_exists(mount.device, number):
                raise LinkLost(f"the device mounted on {mount.point} is gone")
        if device != self._device:
            self._device = device
            raise LinkLost(f"{self.path} is on another disk than before; looking again")

    def names(self) -> list[str]:
        """List the names that count, in order.

        Raises:
            LinkLost: The folder went away: an empty answer would be a lie.
        """
        self.check()
        try:
            with os.scandir(self.path) as found:
                names = sorted(entry.name for entry in found if not ignored(entry.name))
        except OSError as error:
            raise LinkLost(
                f"{self.path} cannot be listed: {os.strerror(error.errno or 0)}"
            ) from error
        self.check()
        return names

    def usage(self) -> tuple[int, int]:
        """Tell the size of the disk and how much of it is used, in bytes.

        Raises:
            LinkLost: The folder went away.
        """
        self.check()
        try:
            usage = shutil.disk_usage(self.path)
        except OSError as error:
            raise LinkLost(f"{self.path} is not there: {error.strerror}") from error
        return usage.total, usage.used

    def _mount(self) -> Mount | None:
        try:
            text = _MOUNTINFO.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return None
        return mount_of(text, str(self.path))

    @staticmethod
    def _device_exists(*numbers: str) -> bool:
        """Ask sysfs, which forgets a device as it is pulled out (btrfs: by either number)."""
        if not _BLOCK_DEVICES.is_dir():
            return True
        return any((_BLOCK_DEVICES / number).exists() for number in numbers)
