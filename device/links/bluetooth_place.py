"""Which Bluetooth device a URL means, and finding it in the air."""

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from device.errors import ConfigInvalid, LinkReason, LinkUnavailable
from device.links import bluetooth_errors
from device.links.rfkill import told_apart

if TYPE_CHECKING:
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

SCAN_S = 15.0
START_S = 5.0
"""Starting and stopping a scan may hang too."""

_ADDRESS = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}|[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")
"""A device address; or the UUID that macOS shows in its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which device, by its address or its advertised name, and through which adapter."""

    target: str
    adapter: str | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `ble://C0:FF:EE:00:00:01` or `ble://AM-07?adapter=hci1`.

        Raises:
            ConfigInvalid: Not such a URL; each fault is one sentence.
        """
        # Neither a port nor a user is in it, and an address is no IPv6 host.
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise ConfigInvalid([f"{url}: no URL that can be read ({error})"]) from error
        target = unquote(parts.netloc)
        problems = []
        if parts.scheme != "ble":
            problems.append(f"{url}: a Bluetooth recorder's URL begins with ble://")
        elif not target or parts.path not in ("", "/") or parts.fragment:
            problems.append(f"{url}: write ble:// and the recorder's address or name, nothing else")
        adapter = None
        for key, text in parse_qsl(parts.query, keep_blank_values=True):
            if key != "adapter":
                problems.append(f"{url}: unknown setting {key!r}; Bluetooth takes adapter")
            elif not re.fullmatch(r"[A-Za-z0-9]+", text):
                problems.append(f"{url}: adapter is a name such as hci0, not {text!r}")
            else:
                adapter = text
        if problems:
            raise ConfigInvalid(problems)
        upper = target.upper()
        return cls(target=upper if _ADDRESS.fullmatch(upper) else target, adapter=adapter)

    @property
    def address(self) -> str | None:
        """The address, if that is how the device is named."""
        return self.target if _ADDRESS.fullmatch(self.target) else None

    def fits(self, device: "BLEDevice", seen: "AdvertisementData") -> bool:
        """Whether this advertisement is of the device. The first one may come without a name."""
        if self.address is not None:  # which anybody may call itself
            return device.address.upper() == self.address
        return self.target in (seen.local_name, device.name)


async def scan(place: Place) -> "BLEDevice":
    """Look for a device until it is seen. The adapter's turn is the caller's.

    Raises:
        LinkUnavailable: It is not there, or nothing can be scanned.
    """
    from bleak import BleakScanner  # noqa: PLC0415 - only Bluetooth recorders need it

    try:
        async with asyncio.timeout(SCAN_S + START_S):
            device = await BleakScanner.find_device_by_filter(
                place.fits,
                timeout=SCAN_S,
                bluez={"adapter": place.adapter} if place.adapter else {},
            )
    except bluetooth_errors.foreign() as error:
        where = f"ble://{place.target}"
        failure = bluetooth_errors.unavailable(error, where)
        raise await told_apart(failure, where, place.adapter) from error
    if device is None:
        raise LinkUnavailable(
            f"ble://{place.target}: the recorder is not in reach",
            reason=LinkReason.NOT_FOUND,
            hint="switch it on and bring it nearer; only one host can be connected to it",
        )
    return device
