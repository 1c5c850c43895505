"""The simulated recorder's program: the core's recorder machine on an open link."""

import asyncio
import random
import time
from dataclasses import dataclass, field

from device.core.link.messages import DATA, DATA_LONG, DATA_LONG_HEADER_BYTES
from device.core.link.recorder import RecorderMachine
from device.links import Link
from device.simulate.holding import MemoryStore
from device.simulate.taking import Taking

_INBOX_FRAMES = 64
_FRAME_BYTES = 2048 + DATA_LONG_HEADER_BYTES
"""99.1 % of a clean line is payload then; hosts ask for less on a bad one."""


@dataclass(slots=True, kw_only=True)
class SimulatedBoard:
    """A recorder whose clock was set once and runs `clock_offset_s` wrong since."""

    serial: str
    boot: bytes
    model: str = "Fieldpost simulator"
    firmware: str = "1"
    capacity_bytes: int = 8 << 30
    used_bytes: int = 0
    dropped_recordings: int = 0
    times_full: int = 0
    battery_percent: int | None = 80
    charging: bool | None = False
    clock_offset_s: float = 0.0
    started_s: float = field(default_factory=time.monotonic)

    def uptime_ms(self) -> int:
        """See `Board.uptime_ms`."""
        return int((time.monotonic() - self.started_s) * 1000)

    def utc_ms(self) -> int | None:
        """See `Board.utc_ms`."""
        return int((time.time() + self.clock_offset_s) * 1000)

    def clock_trusted(self) -> bool:
        """See `Board.clock_trusted`."""
        return True

    def set_utc_ms(self, utc_ms: int) -> None:
        """See `Board.set_utc_ms`."""
        self.clock_offset_s = utc_ms / 1000 - time.time()


class Firmware:
    """Answers on a link, streams while there is credit; a reboot forgets all but the store."""

    def __init__(
        self,
        link: Link,
        store: MemoryStore,
        *,
        serial: str,
        seed: int = 0,
        taking: Taking | None = None,
    ) -> None:
        self._link = link
        self._store = store
        self._taking = taking
        self._serial = serial
        self._chance = random.Random(f"{seed} boots")  # noqa: S311 - boot numbers, not secrets
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue(_INBOX_FRAMES)
        self._machine = self._start()
        self._unsaid: list[bytes] = []

    async def run(self) -> None:
        """Be a recorder until cancelled, or until the link is lost."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(), name="listen")
            while True:
                await self._answer()
                # The line may take everything at once; the listener must have its turn.
                await asyncio.sleep(0)
                self._end_in_time()
                frame = self._machine.next_frame()
                if frame is not None:
                    if frame[0] in (DATA, DATA_LONG):
                        self._store.count_sent()
                    await self._link.send(frame)
                elif self._inbox.empty():
                    await self._wait()

    def reboot(self) -> None:
        """Lose session, stream and what was heard but not answered."""
        while not self._inbox.empty():
            self._inbox.get_nowait()
        if self._taking is not None:
            self._taking.close()
        self._machine = self._start()
        self._unsaid = [self._machine.started()]
        self._inbox.put_nowait(b"")  # wakes who waits for a frame; the machine ignores damage

    def _start(self) -> RecorderMachine:
        board = SimulatedBoard(serial=self._serial, boot=self._chance.randbytes(8))
        return RecorderMachine(board, self._store, taker=self._taking, max_frame_bytes=_FRAME_BYTES)

    async def _wait(self) -> None:
        """Answer the next frame, or return when a recording has to end."""
        left_s = self._taking.left_s() if self._taking is not None else None
        try:
            async with asyncio.timeout(left_s):
                frame = await self._inbox.get()
        except TimeoutError:
            return
        await self._respond(frame)

    def _end_in_time(self) -> None:
        taking = self._taking
        if taking is not None and taking.left_s() == 0 and taking.close():
            self._unsaid.append(self._machine.changed())

    async def _listen(self) -> None:
        while True:
            await self._inbox.put(await self._link.receive())

    async def _answer(self) -> None:
        while self._unsaid:
            await self._link.send(self._unsaid.pop(0))
        while not self._inbox.empty():
            await self._respond(self._inbox.get_nowait())

    async def _respond(self, frame: bytes) -> None:
        for answer in self._machine.received(frame):
            await self._link.send(answer)
