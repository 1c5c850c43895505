"""A Transfer joined to a simulated recorder, in time that nobody waits for."""

from collections.abc import Callable
from dataclasses import dataclass, field

from device.core.bota_ble import uuids
from device.core.bota_ble.recorder import BotaRecorder
from device.core.bota_ble.shelf import CardFile
from device.core.bota_ble.stream import Cut, Notify
from device.core.bota_ble.switches import Switches
from device.core.bota_ble.transfer import Transfer
from device.errors import LinkLost

ID = bytes.fromhex("a1b2c3d4")
CONTENT = bytes(range(256)) * 20


@dataclass(kw_only=True)
class Pulled:
    arrived: bytearray = field(default_factory=bytearray)
    took_s: float = 0.0

    @property
    def content(self) -> bytes:
        return bytes(self.arrived)


def recorder(content: bytes = CONTENT, *, live: bool = False, keyless: bool = False, **switches):
    file = CardFile(
        file_id=ID, content=content, started_s=1_725_000_000, live=live, keyless=keyless
    )
    return BotaRecorder("ABCDEF1234", [file], Switches(**switches))


def pull(
    recorder: BotaRecorder,
    mtu_bytes: int = 247,
    into: Pulled | None = None,
    look: Callable[[], bool] | None = None,
) -> tuple[Pulled, Transfer]:
    """Connect and run one transfer to its end; `into` keeps what came even if it fails.

    With `look` it is a live one: it says in each pause whether the recorder still records.
    """
    into = into or Pulled()
    recorder.connect(mtu_bytes)
    recorder.subscribe(uuids.RECORDING_TRANSFER)
    transfer = Transfer(ID, 0.0, live=look is not None)
    try:
        _run(recorder, transfer, into, look)
    finally:
        transfer.leave()
        _write(recorder, transfer)
    return into, transfer


def _run(
    recorder: BotaRecorder,
    transfer: Transfer,
    into: Pulled,
    look: Callable[[], bool] | None,
) -> None:
    now_s = 0.0
    late: Notify | None = None
    late_s = 0.0
    while not transfer.done:
        _write(recorder, transfer)
        transfer.written(now_s)
        if late is None:
            event = recorder.next_event()
            if isinstance(event, Cut):
                recorder.disconnect()
                raise LinkLost("cut")
            if event is not None:
                late, late_s = event, now_s + event.after_s
        if late is not None and late_s <= now_s + transfer.wait_s(now_s):
            now_s = max(now_s, late_s)
            value, late = late.value, None
            into.arrived += transfer.received(value, now_s)
        else:
            now_s += transfer.wait_s(now_s)
            if look is not None and transfer.paused:
                transfer.looked(now_s, recording=look())
            else:
                transfer.idle(now_s)
        into.took_s = now_s


def _write(recorder: BotaRecorder, transfer: Transfer) -> None:
    for value in transfer.to_write():
        recorder.write(uuids.TRANSFER_CONTROL, value)


def endings(recorder: BotaRecorder) -> list[int]:
    """Return the ACKs (0x10), NACKs (0x11) and ABORTs (0x12) that it was told, in order."""
    return [v[0] for c, v in recorder.writes if c == uuids.TRANSFER_CONTROL and v[0] >= 0x10]
