"""`fieldpost simulate recorder`: a recorder with recordings, behind a pty or on Bluetooth LE."""

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from device.errors import UsageInvalid
from device.links import Link
from device.links.serial import SerialLink
from device.simulate.faults import FaultPlan
from device.simulate.firmware import Firmware
from device.simulate.holding import HeldRecording, MemoryStore
from device.simulate.pty_line import PtyEnd, PtyLine

_UNPACED_BAUD = 3_000_000
"""What a port is opened with when its line has no pace of its own."""

Announce = Callable[[dict[str, object]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateOptions:
    """What to simulate. Without `source` the recordings are made up from `seed`.

    `link` is the path under which the port is found; None: a fresh name in a temporary folder.
    `baud` 0 is a line without a pace. With `hci` it is on Bluetooth LE instead, on the controller
    that Bumble opens by this name; `baud`, `link` and `faults` then mean nothing.
    """

    recordings: int = 3
    source: Path | None = None
    seed: int = 0
    baud: int = 3_000_000
    link: Path | None = None
    hci: str | None = None
    faults: FaultPlan = field(default_factory=FaultPlan)


async def simulate(options: SimulateOptions, announce: Announce) -> None:
    """Be a recorder until SIGTERM or SIGINT.

    `announce` gets one document per event: `ready` with URL and contents, `released` for each
    recording that the agent released, `end` with what is still held and the payload bytes counted.

    Raises:
        UsageInvalid: The link's path is taken, or what the recordings need is missing.
    """
    told = _told_to_end()
    contents = await asyncio.to_thread(_contents, options)
    store = MemoryStore(contents, lambda gone: announce(_event("released", id=gone.id.hex())))
    serial = f"SIM{options.seed:05d}"

    def ready(url: str, **more: object) -> None:
        described = [_described(each) for each in contents]
        announce(_event("ready", url=url, serial=serial, recordings=described, **more))

    def firmware(link: Link) -> Firmware:
        return Firmware(link, store, serial=serial, seed=options.seed)

    more = {}
    if options.hci is None:
        more["unplugged"] = await _on_pty(options, serial, firmware, told, ready)
    else:
        await _on_bluetooth(options.hci, serial, firmware, told, ready)
    announce(
        _event(
            "end",
            held=[each.id.hex() for each in store.held],
            sent_bytes=store.sent_bytes,
            reread_bytes={id_.hex(): count for id_, count in store.reread_bytes.items()},
            **more,
        )
    )


async def _on_pty(
    options: SimulateOptions,
    serial: str,
    program: Callable[[Link], Firmware],
    told: asyncio.Event,
    ready: Callable[..., None],
) -> int:
    """Be a recorder behind a serial port until told to end; return how often it was unplugged."""
    with _port_name(options.link, serial) as link, _private_port() as near:
        async with await SerialLink.open(f"serial://{near.port}") as inside:
            firmware = program(inside)
            line = PtyLine(
                near.master,
                link,
                baud=options.baud,
                plan=options.faults,
                rebooted=firmware.reboot,
            )
            with contextlib.closing(line):
                ready(f"serial://{link}?baud={options.baud or _UNPACED_BAUD}", pty=line.far.port)
                await _until(told, firmware.run(), line.run())
    return line.unplugged


async def _on_bluetooth(
    hci: str,
    serial: str,
    program: Callable[[Link], Firmware],
    told: asyncio.Event,
    ready: Callable[..., None],
) -> None:
    """Be a recorder on Bluetooth LE until told to end."""
    from device.simulate.on_hci import (  # noqa: PLC0415 - needs the extra ble-sim
        address_of,
        recorder_on_hci,
    )

    address = address_of(serial)
    async with recorder_on_hci(hci, name=serial, address=address) as end:
        ready(f"ble://{address}")
        await _until(told, program(end).run())


def _told_to_end() -> asyncio.Event:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    return told


async def _until(told: asyncio.Event, *work: Any) -> None:
    """Run until told to end."""
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(each) for each in work]
        await told.wait()
        for task in running:
            task.cancel()


def _contents(options: SimulateOptions) -> Sequence[HeldRecording]:
    if options.source is not None:
        from device.simulate.from_folder import read_folder  # noqa: PLC0415 - one of two sources

        return read_folder(options.source)
    from device.simulate.recordings import make_recordings  # noqa: PLC0415 - needs extra demo

    return make_recordings(options.recordings, seed=options.seed)


@contextlib.contextmanager
def _port_name(asked: Path | None, serial: str) -> Iterator[Path]:
    if asked is not None:
        if asked.is_symlink() and asked.exists():
            raise UsageInvalid(
                f"{asked} is the port of another simulated recorder",
                hint="end that one, or choose another --link",
            )
        yield asked.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="fieldpost-") as folder:
        yield Path(folder) / f"usb-Fieldpost_Simulator_{serial}-if00"


@contextlib.contextmanager
def _private_port() -> Iterator[PtyEnd]:
    """Open the recorder's own end of the line; no one else knows its name."""
    with tempfile.TemporaryDirectory(prefix="fieldpost-") as folder:
        near = PtyEnd(Path(folder) / "inside")
        with contextlib.closing(near):
            yield near


def _described(held: HeldRecording) -> dict[str, object]:
    return {
        "id": held.id.hex(),
        "media": [
            {"name": each.name, "bytes": len(each.content), "sha256": each.sha256}
            for each in held.media
        ],
    }


def _event(event: str, **facts: object) -> dict[str, object]:
    return {"schema": 1, "event": event, **facts}
