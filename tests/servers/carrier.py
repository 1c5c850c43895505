"""The agent's side of an upload: real spool, transport and protocols, and targets handed by hand.

In place of an API stands a function that gives a target; everything behind the target is the
server's. Each attempt takes the upload up from the journal, as after a restart of the agent.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from device.config import UploadConfig
from device.core.uploads import Broken, Request, Response
from device.core.uploads.classify import Stores
from device.errors import CloudError
from device.medium_upload import MediumUpload
from device.model import Evidence, Target, UploadSession
from device.progress import Silent
from device.spool.spool import Spool
from device.transport import Patience, Transport
from device.upload_slots import UploadSlots
from device.upload_targets import Way
from tests.fakes.chaos_proxy import ChaosProxy, Faults
from tests.fakes.clock import FakeClock
from tests.fakes.uploads import sealed_entry

KIB, MIB = 1024, 1_048_576
PATIENCE = Patience(connect_s=5, call_s=5, stall_s=10, response_s=20, continue_s=1.0)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request that went out; `sent_bytes` of its body were acknowledged."""

    request: Request
    answer: Response | Broken
    sent_bytes: int


class Stopped(Exception):
    """Raised by a hook: the agent is ended here, and an attempt after it is its next life."""


async def nothing(_: object) -> None:
    """Make no trouble."""


class _Watched(Transport):
    """A transport that remembers."""

    def __init__(self) -> None:
        super().__init__(patience=PATIENCE)
        self.exchanges: list[Exchange] = []
        self.before: Callable[[Request], Awaitable[None]] = nothing
        """Called with each request before it goes: where a test makes trouble."""
        self.after: Callable[[Exchange], Awaitable[None]] = nothing
        """Called with each exchange."""

    async def send(
        self,
        request: Request,
        file: Path,
        progress: Callable[[int], None],
    ) -> Response | Broken:
        sent_bytes = 0

        def moved(now_bytes: int) -> None:
            nonlocal sent_bytes
            sent_bytes = now_bytes
            progress(now_bytes)

        await self.before(request)
        answer = await super().send(request, file, moved)
        exchange = Exchange(request=request, answer=answer, sent_bytes=sent_bytes)
        self.exchanges.append(exchange)
        await self.after(exchange)
        return answer


@dataclass
class Carrier:
    """One sealed medium and what brings it up."""

    spool: Spool
    transport: _Watched
    clock: FakeClock
    folder: Path
    chunk_bytes: int = 256 * KIB
    targets: list[Target] = field(default_factory=list)
    """Those handed out so far."""

    async def seal(self, content: bytes) -> None:
        self.entry = await asyncio.to_thread(sealed_entry, self.spool, self.folder, content)

    async def attempt(self, give: Callable[[], Target]) -> Evidence:
        """Make one attempt; raises what the dispatcher would see."""
        entry = await asyncio.to_thread(self.spool.entry, self.entry.id)
        manifest = await asyncio.to_thread(self.spool.manifest, entry.id)
        way = Way(
            spool=self.spool,
            cloud=_Giver(give, self.targets),
            transport=self.transport,
            clock=self.clock,
            stores=Stores(),
            settings=UploadConfig(chunk_bytes=self.chunk_bytes),
            progress=Silent(),
            slots=UploadSlots(2),
            turn=0,
        )
        await MediumUpload(way, entry, manifest, manifest.media[0]).run({})
        (medium,) = (await asyncio.to_thread(self.spool.entry, entry.id)).media
        assert medium.evidence is not None
        return medium.evidence

    async def persist(self, give: Callable[[], Target], attempts: int = 40) -> Evidence:
        """Try again as the dispatcher does, without its pauses."""
        for _ in range(attempts):
            with contextlib.suppress(CloudError):
                return await self.attempt(give)
        pytest.fail(f"never complete: {self.exchanges[-3:]}")

    async def session(self) -> UploadSession:
        """Look up what the journal knows of the upload."""
        (medium,) = (await asyncio.to_thread(self.spool.entry, self.entry.id)).media
        assert medium.session is not None
        return medium.session

    @property
    def exchanges(self) -> list[Exchange]:
        return self.transport.exchanges

    @property
    def sent_bytes(self) -> int:
        """Bytes of the medium that left, again and again included."""
        return sum(each.sent_bytes for each in self.exchanges)

    def statuses(self) -> list[int | None]:
        """What was answered; None: nothing."""
        answers = [each.answer for each in self.exchanges]
        return [each.status if isinstance(each, Response) else None for each in answers]


class _Giver:
    name = "by hand"

    def __init__(self, give: Callable[[], Target], given: list[Target]) -> None:
        self._give = give
        self._given = given

    async def target(self, manifest, medium, ref) -> Target:
        # Some targets are asked of the server, by calls that block.
        target = await asyncio.to_thread(self._give)
        self._given.append(target)
        return target


@contextlib.asynccontextmanager
async def carrying(spool: Spool, clock: FakeClock, folder: Path) -> AsyncIterator[Carrier]:
    """Bring up what carries; nothing is sealed yet."""
    async with _Watched() as transport:
        yield Carrier(spool, transport, clock, folder)


def in_turn(*targets: Target) -> Callable[[], Target]:
    """Give each target once, the last one ever after."""
    left = list(targets)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def through(proxy: ChaosProxy, target: Target) -> Target:
    """Lead a target through a proxy; its URL must not be signed with its host."""
    url = urlsplit(target.url)._replace(netloc=f"127.0.0.1:{proxy.port}").geturl()
    return replace(target, url=url)


def before(port: int, **faults) -> ChaosProxy:
    """Put a proxy before a server."""
    return ChaosProxy("127.0.0.1", port, Faults(**faults))
