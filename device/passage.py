"""The passage of one medium's requests: sent, watched while they go, and measured."""

from dataclasses import dataclass
from pathlib import Path

from device.core import carry
from device.core.uploads import Broken, Request, Response, UploadProtocol
from device.core.uploads.abreast import next_beside
from device.flights import Flights
from device.model import EntryId, SealedMedium
from device.outflow import SMALL_BYTES
from device.toll import Toll
from device.upload_targets import Way, origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """What became of a request, of whose body the other side has `sent_bytes`."""

    request: Request
    answer: Response | Broken
    sent_bytes: int
    last: bool
    """Whether nothing else was under way beside it any more."""


class Passage:
    """Of one medium."""

    def __init__(
        self, way: Way, entry: EntryId, medium: SealedMedium, file: Path, toll: Toll
    ) -> None:
        """Take the medium, which is in `file`."""
        self._way = way
        self._entry = entry
        self._medium = medium
        self._file = file
        self._toll = toll
        self._content: bytes | None = None
        self._flights = Flights(self._send, way.slots)
        self._moving: dict[int, int] = {}
        """Acknowledged bytes of each body under way, by where it begins."""
        self._cut = False
        """Whether a request was cut since the last one was started: one drop of the link."""

    async def load(self) -> None:
        """Read a small medium before it has a slot: what has one is to be on the line at once."""
        if self._medium.size_bytes <= SMALL_BYTES:
            size_bytes = self._medium.size_bytes
            self._content = await self._way.transport.ahead.read(self._file, size_bytes)

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self._flights.under_way)

    def set_out(self, protocol: UploadProtocol) -> None:
        """Send what the protocol says, and beside it what the link and the slots have room for."""
        while (request := next_beside(protocol, self._flights.under_way)) is not None:
            if self.busy and not self._room(request):
                return
            if not self._flights.start(request):
                return
            self._cut = False

    async def landed(self) -> Landed:
        """Wait for the answer to any of them."""
        request, (answer, sent_bytes, seconds) = await self._flights.landed()
        self._moving.pop(request.body_offset, None)
        abreast = len(self._flights.under_way) + 1
        if sent_bytes:
            broken = isinstance(answer, Broken)
            self._way.stores.links.note(
                origin(request.url),
                sent_bytes,
                seconds / abreast,
                dropped=broken and not self._cut,
            )
            self._cut = self._cut or broken
        return Landed(request=request, answer=answer, sent_bytes=sent_bytes, last=abreast == 1)

    async def ground(self) -> None:
        """End all that is under way; its bytes are then in doubt. Idempotent."""
        await self._flights.ground()
        self._moving.clear()

    def _room(self, request: Request) -> bool:
        fares = self._way.stores.links.fares(origin(request.url))
        few = len(self._flights.under_way) < carry.MOST_ABREAST
        return few and carry.abreast(request.body_bytes, fares)

    async def _send(self, request: Request) -> tuple[Response | Broken, int, float]:
        sent_bytes = 0

        def moved(now_bytes: int) -> None:
            nonlocal sent_bytes
            sent_bytes = now_bytes
            self._moving[request.body_offset] = now_bytes
            self._way.progress.uploading(
                self._entry,
                self._medium.index,
                min(self._toll.held_bytes + sum(self._moving.values()), self._medium.size_bytes),
                self._medium.size_bytes,
            )

        begun_s = self._way.clock.monotonic()
        moved(0)  # who watches knows then what the first acknowledged bytes add to
        try:
            answer = await self._way.transport.send(request, self._body(request), moved)
        finally:
            self._toll.unsettled_bytes += sent_bytes  # also when cancelled
        return answer, sent_bytes, self._way.clock.monotonic() - begun_s

    def _body(self, request: Request) -> Path | bytes:
        """Give what was read beforehand once: whoever sends again reads the disk again."""
        if self._content is None or not request.body_bytes:
            return self._file
        content, self._content = self._content, None
        return content
