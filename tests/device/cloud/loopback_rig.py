"""What the tests of APIs with a double on loopback share: their rig, and answers of no API."""

from dataclasses import dataclass
from pathlib import Path

from device.errors import (
    CloudError,
    CloudThrottled,
    CloudUnreachable,
    CloudUnwell,
    NotTheCloud,
)
from device.model import Evidence, Target
from device.transport import Patience, Transport
from tests.fakes import sending
from tests.fakes.bota_api import CUT, HTML, Fault
from tests.fakes.signed_store import Loopback

PATIENCE = Patience(connect_s=5, call_s=5, stall_s=5, response_s=5)

BAD_ANSWERS: list[tuple[Fault, type[CloudError]]] = [
    (HTML, NotTheCloud),
    (Fault(status=302, headers={"Location": "https://portal.example/"}), NotTheCloud),
    (Fault(status=200, body=b"{}"), NotTheCloud),
    (Fault(status=404), NotTheCloud),
    (Fault(status=204), NotTheCloud),
    (Fault(status=429, headers={"Retry-After": "3"}), CloudThrottled),
    (Fault(status=503), CloudUnwell),
    (CUT, CloudUnreachable),
]
"""A portal, a redirect, an empty object, a cut: what any call of any API may meet."""


@dataclass
class LoopbackRig:
    """The part of a `Rig` that is the same for all: nothing is made before bytes are up."""

    net: Loopback
    credentials: set[str]
    transport: Transport
    folder: Path

    made_by_open = 0
    made_by_all = 3

    async def put(self, target: Target, content: bytes) -> Evidence:
        return await sending.put(self.transport, target, content, self.folder)

    def calls(self) -> int | None:
        return len(self.net.requests)

    def revoke(self) -> None:
        self.credentials.clear()
