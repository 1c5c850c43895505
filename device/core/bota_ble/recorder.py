"""A simulated Bota recorder as a machine: GATT operations in, notifications out (§10).

recorder = BotaRecorder(serial, files, switches)
recorder.connect(mtu_bytes)
recorder.subscribe(…), recorder.read(…), recorder.write(…) as the host asks
while (event := recorder.next_event()) is not None: notify, or break the connection
"""

import hashlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from device.core.bota_ble import commands, packets, uuids
from device.core.bota_ble.codes import BotaError
from device.core.bota_ble.owner import Owner
from device.core.bota_ble.shelf import CardFile, list_notifications
from device.core.bota_ble.status import (
    Activity,
    DeviceStatus,
    StorageInfo,
    encode_status,
    encode_storage,
)
from device.core.bota_ble.stream import Counters, Cut, Notify, Sent, stream
from device.core.bota_ble.switches import Switches
from device.core.bota_ble.table import CAPABILITIES, NOTIFY, READ, TABLE, V2, WRITE
from device.errors import RecorderRefused

CARD_BYTES = 1 << 30

ATT_READ_NOT_PERMITTED = 0x02
ATT_INSUFFICIENT_AUTHENTICATION = 0x05
ATT_NOT_FOUND = 0x0A
ATT_UNLIKELY = 0x0E

_BATTERY_PERCENT = 76
_GRANT_BYTES = 171
_STORAGE_SERVICE = uuids.STORAGE[:8]


class BotaRecorder:
    """One recorder and its card. What it has in flight ends with each connection."""

    def __init__(
        self, serial: str, files: Iterable[CardFile], switches: Switches | None = None
    ) -> None:
        self.serial = serial
        self.files = {file.file_id: file for file in files}
        self.switches = switches or Switches()
        self.owner = Owner()
        self.bonded = False
        self.writes: list[tuple[str, bytes]] = []
        """All that hosts have written, oldest first."""
        self.sent_bytes: Counter[bytes] = Counter()
        """Payload sent of each file, again and again where hosts asked again."""
        self._counters = Counters(cuts=set())
        self._acknowledged: set[bytes] = set()
        self._starts = self._lists = self._confirms = self._connections = self._grants = 0
        self.disconnect()

    @property
    def table(self) -> dict[str, frozenset[str]]:
        """The characteristics of this recorder, and what can be done with them."""
        return TABLE | V2 if self.switches.encrypted_v2 else TABLE

    def connect(self, mtu_bytes: int) -> None:
        """Begin a connection of this ATT MTU."""
        self.disconnect()
        self._mtu_bytes = mtu_bytes
        self._connections += 1

    def resize(self, mtu_bytes: int) -> None:
        """Take another ATT MTU within a connection; what is being sent keeps its packets' size."""
        self._mtu_bytes = mtu_bytes

    def disconnect(self) -> None:
        """Forget what belonged to the connection."""
        self._mtu_bytes = 23
        self._subscribed: set[str] = set()
        self._events: deque[Notify] = deque()
        self._stream: Iterator[Sent] | None = None
        self._sending: bytes | None = None
        self._sent_whole = False
        self.owner.disconnected()

    def grow(self, file_id: bytes, more: bytes) -> None:
        """Add a second's bytes to a recording that is being made."""
        file = self.files[file_id]
        self.files[file_id] = replace(
            file, content=file.content + more, duration_s=file.duration_s + 1
        )

    def finish(self, file_id: bytes, tail: bytes) -> None:
        """End a recording that is being made, with its last bytes."""
        file = self.files[file_id]
        self.files[file_id] = replace(file, content=file.content + tail, live=False)

    def subscribe(self, characteristic: str) -> None:
        """Let a host hear a characteristic's notifications.

        Raises:
            RecorderRefused: There is no such, or a bond is needed; `wire_code` is the ATT error.
        """
        self._permit(characteristic, NOTIFY)
        self._subscribed.add(characteristic)

    def read(self, characteristic: str) -> bytes:
        """Return a characteristic's value.

        Raises:
            RecorderRefused: Not this one; `wire_code` is the ATT error.
        """
        self._permit(characteristic, READ)
        if characteristic == uuids.DEVICE_STATUS and self.switches.status_unreadable:
            raise _refusal(ATT_UNLIKELY)
        values = {
            uuids.MODEL: self.switches.name.encode(),
            uuids.SERIAL: self.serial.encode().ljust(16, b"\0"),
            uuids.FIRMWARE: b"1.0.17\0",
            uuids.BATTERY_LEVEL: bytes((_BATTERY_PERCENT,)),
            uuids.DEVICE_STATUS: self._status(),
            uuids.RECORDING_STATUS: self._recording_status(),
            uuids.PAIRING_STATE: bytes((self.owner.pairing,)),
            uuids.DEVICE_SETTINGS: self.owner.settings,
            uuids.STORAGE_INFO: self._storage(),
            uuids.AUTH_NONCE: self._nonce(),
            uuids.DEVICE_KEY: hashlib.sha512(self.serial.encode()).digest(),
            uuids.WIFI_STATUS: bytes(1),
            uuids.CAPABILITIES_V2: CAPABILITIES,
        }
        return values[characteristic]

    def write(self, characteristic: str, value: bytes) -> None:
        """Take a host's write with response.

        Raises:
            RecorderRefused: Not this one; `wire_code` is the ATT error.
        """
        self._permit(characteristic, WRITE)
        self.writes.append((characteristic, value))
        match characteristic:
            case uuids.TRANSFER_CONTROL | uuids.RECORDING_TRANSFER:
                self._control(value)
            case uuids.DEVICE_TOKEN:
                forced = self.switches.provisioning_result
                if (result := self.owner.token_chunk(value, forced)) is not None:
                    self._notify(uuids.PROVISIONING_RESULT, bytes((result,)))
            case uuids.DEVICE_COMMAND if len(value) == _GRANT_BYTES:
                self._grants += 1
            case _:
                self.owner.set(characteristic, value)

    def next_event(self) -> Notify | Cut | None:
        """Return what happens next, None while nothing does."""
        if self._events:
            return self._events.popleft()
        sent = next(self._stream, None) if self._stream is not None else None
        if sent is None or isinstance(sent, Cut):
            return sent
        packet, after_s = sent
        self._sent_whole = self._sent_whole or packet[0] == packets.EOF
        if packet[0] == packets.DATA and self._sending is not None:
            self.sent_bytes[self._sending] += len(packet) - packets.DATA_HEADER_BYTES
        return Notify(characteristic=uuids.RECORDING_TRANSFER, value=packet, after_s=after_s)

    def _permit(self, characteristic: str, use: str) -> None:
        if characteristic not in self.table:
            raise _refusal(ATT_NOT_FOUND)
        if use not in self.table[characteristic]:
            raise _refusal(ATT_READ_NOT_PERMITTED)
        bond = self.switches.needs_bond and not self.bonded
        if bond and characteristic.startswith(_STORAGE_SERVICE):
            raise _refusal(ATT_INSUFFICIENT_AUTHENTICATION)

    def _control(self, value: bytes) -> None:
        if value == commands.LIST:
            self._list()
        elif (file_id := commands.started(value)) is not None:
            self._start(file_id)
        elif (file_id := commands.confirmed(value)) is not None:
            self._confirm(file_id)
        elif value[:1] and value[0] in commands.ENDINGS:
            self._end(value)
        else:
            self._fail(BotaError.INVALID_PARAMETER)

    def _list(self) -> None:
        self._lists += 1
        if self.switches.silent_list:
            return
        values = list_notifications(list(self.files.values()), self._mtu_bytes, self.switches)
        if self._lists <= self.switches.lost_lists:
            values = values[:-1]
        if self.switches.repeated_list:
            values = [value for value in values for _ in range(2)]
        for value in values:
            self._notify(uuids.RECORDING_LIST, value, self.switches.list_delay_s)

    def _start(self, file_id: bytes) -> None:
        self._starts += 1
        errors = self.switches.start_errors
        if self.switches.encrypted_v2:
            self._fail(self.switches.v2_code)
        elif self._starts <= len(errors):
            self._fail(errors[self._starts - 1])
        elif self._sending is not None:
            self._fail(BotaError.INVALID_STATE)
        elif file_id not in self.files:
            self._fail(BotaError.NOT_FOUND)
        elif self.files[file_id].keyless:
            self._fail(BotaError.KEY_UNAVAILABLE)
        elif uuids.RECORDING_TRANSFER in self._subscribed:
            self._sending, self._sent_whole = file_id, False
            self._stream = stream(
                lambda: self.files[file_id], self._mtu_bytes, self.switches, self._counters
            )

    def _end(self, value: bytes) -> None:
        if value[:1] == commands.ACK[:1] and self._sent_whole and self._sending is not None:
            self._acknowledged.add(self._sending)
        self._sending, self._stream = None, None
        if self.switches.echo:
            self._notify(uuids.RECORDING_TRANSFER, value)

    def _confirm(self, file_id: bytes) -> None:
        self._confirms += 1
        if self._confirms <= self.switches.lost_confirms:
            return
        if file_id in self._acknowledged or self.switches.lenient_confirm:
            self.files.pop(file_id, None)

    def _fail(self, code: int | None) -> None:
        self._notify(uuids.RECORDING_TRANSFER, packets.encode_error(code))

    def _notify(self, characteristic: str, value: bytes, after_s: float = 0.0) -> None:
        if characteristic in self._subscribed:
            self._events.append(Notify(characteristic=characteristic, value=value, after_s=after_s))

    def _status(self) -> bytes:
        live = any(file.live for file in self.files.values())
        used = sum(len(file.content) for file in self.files.values())
        whole = encode_status(
            DeviceStatus(
                battery_percent=_BATTERY_PERCENT,
                lte=8,
                activity=Activity.RECORDING if live else Activity.IDLE,
                pending=min(len(self.files), 255),
                last_time_sync_s=self.owner.utc_s,
                charging=False,
                low_battery=False,
                storage_full=False,
                sync_active=self.switches.sync_active,
                total_mb=CARD_BYTES >> 20,
                used_mb=used >> 20,
                signal_csq=None,
                battery_mv=3900,
            )
        )
        return whole[:14] if self.switches.without_facts else whole

    def _recording_status(self) -> bytes:
        for file in self.files.values():
            if file.live:
                return b"\x01\0" + commands.command_id(file.file_id)
        return bytes(18)

    def _storage(self) -> bytes:
        used = sum(len(file.content) for file in self.files.values())
        count = len(self.files)
        whole = encode_storage(
            StorageInfo(total_bytes=CARD_BYTES, used_bytes=used, recordings=count, pending=count)
        )
        return whole[:12] if self.switches.without_facts else whole

    def _nonce(self) -> bytes:
        """Another one in each connection, and after each grant, which none is good."""
        seed = f"{self.serial} {self._connections} {self._grants}"
        return hashlib.sha256(seed.encode()).digest()[:16]


def _refusal(code: int) -> RecorderRefused:
    return RecorderRefused(f"ATT error 0x{code:02X}", wire_code=code)
