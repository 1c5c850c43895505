"""A cloud whose finalize takes a waveform, as a service of the booted machine."""

import asyncio
import sys
from pathlib import Path

from device.notify import notify
from tests.fakes.swayzio_api import SwayzioDouble


async def main(address_file: Path) -> None:
    """Serve until stopped; where is written into a file."""
    async with SwayzioDouble() as swayzio:
        await asyncio.to_thread(address_file.write_text, swayzio.base_url)
        notify("READY=1")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
