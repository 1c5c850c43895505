"""`fieldpost simulate recorder`: a recorder with recordings, behind a pty or on Bluetooth LE."""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from device.errors import UsageInvalid
from device.links import Link
from device.links.serial import SerialLink
from device.simulate.faults import FaultPlan
from device.simulate.firmware import Firmware
from device.simulate.holding import HeldRecording, MemoryStore
from device.simulate.playing import Announce, contents, event, prepared, told_to_end, until
from device.simulate.pty_line import PtyEnd, PtyLine
from device.simulate.taking import Taking

_UNPACED_BAUD = 3_000_000
"""What a port is opened with when its line has no pace of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateOptions:
    """What to simulate. Without `source` the recordings are made up from `seed`.

    `link` is the path under which the port is found; None: a fresh name in a temporary folder.
    `baud` 0 is a line without a pace. With `hci` it is on Bluetooth LE instead, on the controller
    that Bumble opens by this name; `baud`, `link` and `faults` then mean nothing. With `pairing`
    it lets only hosts in there that paired.
    """

    recordings: int = 3
    source: Path | None = None
    seed: int = 0
    baud: int = 3_000_000
    link: Path | None = None
    hci: str | None = None
    pairing: bool = False
    faults: FaultPlan = field(default_factory=FaultPlan)


async def simulate(options: SimulateOptions, announce: Announce) -> None:
    """Be a recorder until SIGTERM or SIGINT.

    `announce` gets one document per event: `ready` with URL and contents, `released` for each
    recording that the agent released, `recording` and `recorded` for one that it was told to make,
    `end` with what is still held and the payload bytes counted.

    Raises:
        UsageInvalid: The link's path is taken, the controller cannot be used, or what the
            recordings need is missing.
        LinkUnavailable: The controller went away.
    """
    told = told_to_end()
    held = await prepared(told, lambda: contents(options.source, options.recordings, options.seed))
    if held is None:
        return
    store = MemoryStore(held, lambda gone: announce(event("released", id=gone.id.hex())))
    serial = f"SIM{options.seed:05d}"
    taking = Taking(
        store,
        seed=options.seed,
        told=lambda what, recording: announce(event(what, id=recording.hex())),
    )

    def ready(url: str, **more: object) -> None:
        described = [_described(each) for each in held]
        announce(event("ready", url=url, serial=serial, recordings=described, **more))

    def firmware(link: Link) -> Firmware:
        return Firmware(link, store, serial=serial, seed=options.seed, taking=taking)

    more = {}
    if options.hci is None:
        more["unplugged"] = await _on_pty(options, serial, firmware, told, ready)
    else:
        await until(told, _on_bluetooth(options, serial, firmware, ready))
    announce(
        event(
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
                await until(told, firmware.run(), line.run())
    return line.unplugged


async def _on_bluetooth(
    options: SimulateOptions,
    serial: str,
    program: Callable[[Link], Firmware],
    ready: Callable[..., None],
) -> None:
    """Be a recorder on Bluetooth LE until cancelled."""
    from device.simulate.on_hci import (  # noqa: PLC0415 - needs the extra ble-sim
        address_of,
        recorder_on_hci,
    )

    hci, address = options.hci or "", address_of(serial)
    async with recorder_on_hci(hci, name=serial, address=address, pairing=options.pairing) as end:
        ready(f"ble://{address}")
        await program(end).run()


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
