"""Whether this computer blocks Bluetooth (rfkill): BlueZ only says that its adapter is off."""

import asyncio
import contextlib
from pathlib import Path

from device.errors import LinkReason, LinkUnavailable
from device.links import bluetooth_errors

SWITCHES = Path("/sys/class/rfkill")

_TOLD = ("type", "name", "soft", "hard")


async def told_apart(failure: LinkUnavailable, where: str, adapter: str | None) -> LinkUnavailable:
    """Return what to raise: an adapter that is off because it is blocked is told as blocked.

    Args:
        failure: What BlueZ's answer means.
        where: What the message begins with.
        adapter: Such as hci1; None: a block of any adapter counts.
    """
    if failure.reason is not LinkReason.POWERED_OFF:
        return failure
    return (
        bluetooth_errors.blocked(where) if await asyncio.to_thread(_blocked, adapter) else failure
    )


def _blocked(adapter: str | None) -> bool:
    with contextlib.suppress(OSError):  # no rfkill in this kernel, or an adapter left just now
        for switch in SWITCHES.iterdir():
            kind, name, soft, hard = ((switch / each).read_text().strip() for each in _TOLD)
            if kind == "bluetooth" and adapter in (None, name) and "1" in (soft, hard):
                return True
    return False
