"""Do one thing at a Bota recorder, named by its ble:// url."""

import sys
from typing import TYPE_CHECKING, TypeVar

from device.cli.invocation import Invocation
from device.errors import ConfigInvalid, UsageInvalid
from device.words import printable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from device.drivers.bota_session import Session

T = TypeVar("T")


def visit(url: str, call: Invocation, do: "Callable[[Session], Awaitable[T]]") -> T:
    """Connect, do it, and leave.

    Raises:
        UsageInvalid: The url is none of a recorder on Bluetooth.
        LinkUnavailable: The recorder cannot be reached.
    """
    import asyncio  # noqa: PLC0415 - needed here alone

    from device.clock import SystemClock  # noqa: PLC0415 - it imports asyncio
    from device.drivers.bota_errand import errand  # noqa: PLC0415 - it imports the links
    from device.links.bluetooth_place import Place  # noqa: PLC0415 - as above

    try:
        place = Place.parse(url)
    except ConfigInvalid as error:
        hint = "fieldpost scan --ble shows the urls of recorders in reach"
        raise UsageInvalid("; ".join(error.problems), hint=hint) from error

    async def visited() -> T:
        async with errand(place, SystemClock()) as session:
            return await do(session)

    if call.draws():
        sys.stderr.write(f"connecting to {printable(url)} …\n")
    return asyncio.run(visited())
