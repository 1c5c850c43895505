"""`fieldpost simulate bota`: a Bota recorder with recordings, on Bluetooth LE."""

import asyncio
import hashlib
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from device.core.bota_ble.recorder import BotaRecorder
from device.core.bota_ble.shelf import CardFile
from device.core.bota_ble.switches import Switches
from device.errors import UsageInvalid
from device.model import MediaKind
from device.simulate.holding import HeldRecording
from device.simulate.playing import Announce, contents, event, prepared, told_to_end, until

_ID_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class BotaOptions:
    """What to simulate, on the controller that Bumble opens as `hci`; see `SimulateOptions`.

    `switches` are what it does differently from its papers.
    """

    hci: str
    recordings: int = 3
    source: Path | None = None
    seed: int = 0
    switches: Switches = field(default_factory=Switches)


async def simulate_bota(options: BotaOptions, announce: Announce) -> None:
    """Be a Bota recorder until SIGTERM or SIGINT.

    Its v1 protocol knows audio alone, so that is what it holds. `announce` gets `ready` with the
    URL, the driver and the contents, and `end` with what is still held and the payload bytes
    counted.

    Raises:
        UsageInvalid: The controller cannot be used, or there is no audio to hold.
        LinkUnavailable: The controller went away.
    """
    told = told_to_end()
    held = await prepared(told, lambda: contents(options.source, options.recordings, options.seed))
    if held is None:
        return
    files = [file for each in held if (file := _file(each)) is not None]
    if not files:
        raise UsageInvalid("a Bota recorder holds audio, and there is none in these recordings")
    recorder = BotaRecorder(f"BOTA{options.seed:04d}", files, options.switches)
    await until(told, _on_bluetooth(options.hci, recorder, announce))
    announce(
        event(
            "end",
            held=[file_id.hex() for file_id in recorder.files],
            sent_bytes=recorder.sent_bytes.total(),
            reread_bytes={
                file.file_id.hex(): max(0, recorder.sent_bytes[file.file_id] - len(file.content))
                for file in files
            },
        )
    )


async def _on_bluetooth(hci: str, recorder: BotaRecorder, announce: Announce) -> None:
    """Be this recorder until cancelled."""
    from device.simulate.bota_gatt import bota_on  # noqa: PLC0415 - needs the extra ble-sim
    from device.simulate.on_hci import (  # noqa: PLC0415 - as above
        START_S,
        address_of,
        answering,
        device_on_hci,
    )

    address = address_of(recorder.serial)
    async with AsyncExitStack() as stack:
        device = await stack.enter_async_context(
            device_on_hci(hci, name=recorder.serial, address=address)
        )
        with answering(hci):
            async with asyncio.timeout(START_S):
                await stack.enter_async_context(bota_on(device, recorder))
        announce(
            event(
                "ready",
                url=f"ble://{address}",
                driver="bota",
                serial=recorder.serial,
                recordings=[_described(file) for file in recorder.files.values()],
            )
        )
        await asyncio.Event().wait()


def _described(file: CardFile) -> dict[str, object]:
    name = file.file_id.hex()
    medium = {
        "name": f"{name}.ogg",
        "bytes": len(file.content),
        "sha256": hashlib.sha256(file.content).hexdigest(),
    }
    return {"id": name, "media": [medium]}


def _file(held: HeldRecording) -> CardFile | None:
    audio = next((each for each in held.media if each.kind is MediaKind.AUDIO), None)
    if audio is None:
        return None
    lasted_s = round((held.ended_at - held.started_at).total_seconds())
    return CardFile(
        file_id=held.id[:_ID_BYTES],
        content=audio.content,
        started_s=int(held.started_at.timestamp()),
        duration_s=max(1, lasted_s),
    )
