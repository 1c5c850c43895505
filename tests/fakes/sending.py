"""Bring one medium where a target says, as an upload does, and return the store's evidence."""

import asyncio
from pathlib import Path

from device.core.uploads import Cargo, Complete, Response
from device.core.uploads.classify import begin, classify
from device.model import Evidence, Target
from device.transport import Transport
from tests.fakes.uploads import CHUNK_BYTES


async def put(transport: Transport, target: Target, content: bytes, folder: Path) -> Evidence:
    file = folder / "medium"
    await asyncio.to_thread(file.write_bytes, content)
    cargo = Cargo(size_bytes=len(content), chunk_bytes=CHUNK_BYTES)
    protocol = begin(target, cargo, classify(target) or "single_put")
    answer = await transport.send(protocol.next_request(), file, lambda _: None)
    outcome = protocol.received(answer)
    assert isinstance(answer, Response)
    assert isinstance(outcome, Complete), outcome
    return outcome.evidence
