"""A recorder with one medium of random bytes on a port that exists already: the bench's far end.

python -m tests.bench.serial_recorder PORT SIZE_BYTES SEED
"""

import asyncio
import contextlib
import random
import signal
import sys
from datetime import UTC, datetime

from device.links.serial import SerialLink
from device.model import MediaKind
from device.simulate.firmware import Firmware
from device.simulate.holding import HeldMedium, HeldRecording, MemoryStore

MADE_AT = datetime(2026, 3, 1, tzinfo=UTC)


def content_of(size_bytes: int, seed: int) -> bytes:
    """Make the bytes that both programs of a row carry."""
    return random.Random(seed).randbytes(size_bytes)


def recording_of(content: bytes) -> HeldRecording:
    """Make a recording of one medium."""
    medium = HeldMedium(
        name="recording",
        kind=MediaKind.AUDIO,
        content_type="audio/ogg",
        content=content,
        captured_at=MADE_AT,
        t_offset_ms=0,
    )
    return HeldRecording(
        id=bytes(16), generation=1, started_at=MADE_AT, ended_at=MADE_AT, media=(medium,)
    )


async def serve(port: str, size_bytes: int, seed: int) -> None:
    """Be a recorder until SIGTERM."""
    store = MemoryStore([recording_of(content_of(size_bytes, seed))], lambda _: None)
    async with await SerialLink.open(f"serial://{port}?baud=3000000") as link:
        print("ready", flush=True)
        running = asyncio.current_task()
        assert running is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await Firmware(link, store, serial="BENCH").run()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
