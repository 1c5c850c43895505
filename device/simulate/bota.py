"""`fieldpost simulate bota`: a Bota recorder with recordings, on Bluetooth LE."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
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

    `switches` are what it does differently from its papers. With `live_s` it is still making its
    last recording, for so many seconds.
    """

    hci: str
    recordings: int = 3
    source: Path | None = None
    seed: int = 0
    switches: Switches = field(default_factory=Switches)
    live_s: int = 0


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
    if options.live_s:
        recorder.files[files[-1].file_id] = replace(files[-1], content=b"", duration_s=0, live=True)
    await until(told, _on_bluetooth(options, recorder, files, announce))
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


async def _on_bluetooth(
    options: BotaOptions, recorder: BotaRecorder, files: Sequence[CardFile], announce: Announce
) -> None:
    """Be this recorder until cancelled."""
    hci = options.hci
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
                served = await stack.enter_async_context(bota_on(device, recorder))
        announce(
            event(
                "ready",
                url=f"ble://{address}",
                driver="bota",
                serial=recorder.serial,
                recordings=[_described(file) for file in files],
            )
        )
        if options.live_s:
            await _record(recorder, files[-1], options.live_s, served.grew)
        await asyncio.Event().wait()


async def _record(
    recorder: BotaRecorder, whole: CardFile, live_s: int, grew: Callable[[], None]
) -> None:
    """Make a recording second by second, until it is all that it is going to be."""
    done = 0
    for second in range(1, live_s):
        upto = len(whole.content) * second // live_s
        recorder.grow(whole.file_id, whole.content[done:upto])
        done = upto
        grew()
        await asyncio.sleep(1)
    recorder.finish(whole.file_id, whole.content[done:])
    grew()


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
