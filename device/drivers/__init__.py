"""The Driver seam: what the agent asks of any kind of recorder."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from device import registry
from device.clock import Clock
from device.model import (
    BlockHashes,
    Listing,
    Medium,
    RecorderInfo,
    Recording,
    RecordingKey,
    RecordOrder,
    Take,
)


class Driver(Protocol):
    """One open recorder. Errors are `LinkError` (line) or `RecorderError` (recorder)."""

    resumable: bool
    """Whether `read` honours an offset above 0."""

    async def info(self) -> RecorderInfo:
        """Ask who the recorder is and how it fares; asked again before each further listing.

        Measures its clock before anything sets it. Idempotent.
        """
        ...

    async def recordings(self) -> Listing:
        """List what it holds complete. Idempotent; what it cannot vouch for is `rejected`."""
        ...

    def read(self, recording: Recording, medium: Medium, offset: int) -> AsyncIterator[bytes]:
        """Yield the medium's bytes from `offset` to its end, in order, without gaps.

        Survives damage on the line by itself; ends normally only after `medium.size_bytes` in all.

        Raises:
            LinkLost: The caller reconnects and reads again from its durable offset.
            MediumGone: It is not on the recorder any more.
        """
        ...

    async def block_hashes(
        self, recording: Recording, medium: Medium, upto: int
    ) -> BlockHashes | None:
        """Hash the first `upto` bytes by blocks, to bind a held prefix to content; None: cannot."""
        ...

    async def release(self, key: RecordingKey, sha256: tuple[str, ...]) -> None:
        """Permit the recorder to delete, and read back that it is gone (or kept). Idempotent.

        Args:
            key: Which recording; already gone is success.
            sha256: Digests of all media by index; the recorder refuses if its own differ.
        """
        ...

    async def changed(self) -> None:
        """Return when it may hold something new; may wait for ever. Callers also rescan."""
        ...

    async def aclose(self) -> None:
        """Give the recorder back. Idempotent, never raises."""
        ...


@runtime_checkable
class Records(Protocol):
    """A driver whose recorders may be told to start and stop a recording; see `records`."""

    @property
    def records(self) -> bool:
        """Whether this very recorder can be told; the same for the life of the driver."""
        ...

    async def record(self, order: RecordOrder) -> Take:
        """Start or stop a recording, once for each order however often it is given.

        May be called while something is read.

        Raises:
            LinkLost: Nobody knows whether it was heard; the same order may be given again.
            RecorderBusy: Not now; nothing was done.
            RecorderRefused: It cannot, or there is nothing to start or to stop.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What every driver is opened with."""

    url: str
    release: str
    clock: Clock
    cache: Path
    """A folder of the spool for rebuildable caches; may not exist yet."""
    live: bool = False
    """Whether to pull what is still being recorded, where the driver can."""


BUILTIN = {
    "native": "device.drivers.native:open_native",
    "folder": "device.drivers.folder:open_folder",
    "bota": "device.drivers.bota:open_bota",
}
"""Driver name → `async (Opening) -> Driver`."""

BY_SCHEME = {"serial": "native", "ble": "native", "folder": "folder"}
"""URL scheme → the driver that is meant when the configuration names none."""


async def open_driver(name: str | None, opening: Opening) -> Driver:
    """Open a recorder with the named driver, or the scheme's own.

    Raises:
        LinkUnavailable: It is not there, busy, or not permitted.
        LookupError: No such driver.
    """
    chosen = name or BY_SCHEME.get(urlsplit(opening.url).scheme, "")
    driver: Driver = await registry.resolve("drivers", BUILTIN, chosen)(opening)
    return driver
