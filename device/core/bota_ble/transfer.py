"""The host's side of one v1 transfer: notifications and time in, bytes and writes out (§6).

    transfer = Transfer(file_id, now_s)
    loop until transfer.done: write everything of transfer.to_write() to TRANSFER_CONTROL, wait at
    most transfer.wait_s(now) for a notification; chunk = transfer.received(value, now), or
    transfer.idle(now) when none came. Whatever ends the loop: transfer.leave(), and write again.

The recorder always begins at byte 0 and never sends anything twice, so every repair is a replay. A
replay is compared, by digest, with what was given out before, and goes on where that ended: by
counting bytes, since packets of the replay may have another size.

What is still being made has no end yet (§6.5): with `live`, PAUSED is an answer like any other, and
while `paused` the caller looks whether the recorder still records, and says so with `looked`.
"""

import hashlib
from enum import Enum
from typing import assert_never
from zlib import crc32

from device.core.bota_ble import codes, commands
from device.core.bota_ble.packets import (
    DataPacket,
    EchoPacket,
    EofPacket,
    ErrorPacket,
    HashPacket,
    Packet,
    PausedPacket,
    RelayPacket,
    parse_packet,
)
from device.errors import (
    DigestMismatch,
    FieldpostError,
    LinkLost,
    ProtocolViolation,
    RecorderBusy,
    RecorderRefused,
)

PACKET_S = 2.0
HASH_S = 0.2
QUIET_S = 0.5
"""After an ABORT nothing more may come for this long, or the next stream would be mixed."""
DRAIN_S = 30.0
"""A recorder that is not quiet by then does not know ABORT: only a new connection stops it."""

LIVE_S = 30.0
"""A recording that is still being made is looked at again after this long."""
LOOK_S = 15.0
"""A recorder that has paused is asked this often whether it still records."""
PAUSED_S = 600.0
"""A pause that lasts longer ends the pull for now: what else waits on the recorder has its turn."""
MAX_RESTARTS = 5
"""Replays in a row that brought no new byte."""
MAX_REPLAYS = 64
MAX_FILE_BYTES = 1 << 32
"""More than the FAT of a recorder's card can hold."""

_HALF = 0x8000


class _Phase(Enum):
    STREAMING = 1
    ENDING = 2
    """All bytes are here; a hash may follow."""
    DRAINING = 3
    """Given up: what still comes is thrown away."""


class Transfer:
    """Takes one recording whole. `done` once its end was checked; `sha256` is then its digest."""

    def __init__(self, file_id: bytes, now_s: float, *, live: bool = False) -> None:
        """Begin with a START waiting in `to_write`; `live` goes along with a growing recording."""
        self.done = False
        self.disputed = False
        """The recorder told another hash than that of the bytes, and not whose hash it is."""
        self.replays = 0
        self._file_id = file_id
        self._live = live
        self._paused = False
        self._dry_s: float | None = None
        """Since when nothing but PAUSED came."""
        self._drained_s = now_s
        self._given = 0
        self._given_digest = hashlib.sha256().digest()
        self._restarts = 0
        self._wrong_hashes = 0
        self._writes: list[bytes] = []
        self._failure: FieldpostError | None = None
        self._open = True
        self._since_s = self._due_s = now_s
        self._begin(now_s)

    @property
    def sha256(self) -> str:
        """The digest of this stream so far, lowercase hex."""
        return self._sha256.hexdigest()

    @property
    def paused(self) -> bool:
        """Whether all there is has been sent, and the recording goes on."""
        return self._phase is _Phase.STREAMING and self._paused

    def to_write(self) -> list[bytes]:
        """Return what to write to TRANSFER_CONTROL now, once, each with response."""
        writes, self._writes = self._writes, []
        return writes

    def wait_s(self, now_s: float) -> float:
        """Return how long to wait for the next notification before calling `idle`."""
        return max(0.0, self._due_s - now_s)

    def written(self, now_s: float) -> None:
        """Say that the writes are done: the recorder's time to answer begins only now."""
        self._due_s += max(0.0, now_s - self._since_s)
        self._since_s = now_s

    def received(self, value: bytes, now_s: float) -> bytes:
        """Take one notification; return the bytes of the file that come next, if any.

        Raises:
            MediumGone: The recording is not there any more.
            RecorderBusy: The recorder uploads by itself, or is still making this recording.
            RecorderRefused: It will not send this, or only in a form that we cannot read.
            DigestMismatch: Its own hash of this recording is not that of the bytes, twice.
            LinkLost: It does not stop sending what was given up.
            ProtocolViolation: Two replays differ, or there is no end to it.
        """
        self._since_s = now_s
        packet = _parsed(value)
        match self._phase:
            case _Phase.STREAMING:
                return self._streaming(packet, now_s)
            case _Phase.ENDING:
                self._ending(packet, now_s)
            case _Phase.DRAINING:
                self._draining(packet, now_s)
            case _:
                assert_never(self._phase)
        return b""

    def idle(self, now_s: float) -> None:
        """Go on after silence: a stream is started again, a drained one anew, an end accepted.

        Raises:
            LinkLost: The recorder has been silent, or packets got lost, too often.
            RecorderRefused: It has failed by itself too often.
            ProtocolViolation: It has sent what makes no sense too often.
        """
        self._since_s = now_s
        match self._phase:
            case _Phase.STREAMING:
                silence = LinkLost("the recorder has stopped in the middle of a recording")
                self._drain(commands.ABORT, silence, now_s)
            case _Phase.ENDING:
                self._accept()
            case _Phase.DRAINING:
                self._restart(now_s)
            case _:
                assert_never(self._phase)

    def looked(self, now_s: float, *, recording: bool) -> None:
        """Go on after silence while `paused`; `recording` is what the recorder says of itself now.

        A pause may last: nothing comes while nobody speaks. It is no silent recorder as long as it
        answers, and answers that it records. Once it does not, its last bytes are due at once.

        Raises:
            RecorderBusy: It has paused for very long; a later pull goes on.
        """
        self._since_s = now_s
        if self._paused and recording:
            self._wait_on(now_s)
        else:
            self._paused = False
            self._due_s = now_s + PACKET_S

    def leave(self) -> None:
        """Let go of the recorder: an ABORT waits in `to_write` if it still sends."""
        if self._open:
            self._writes = [commands.ABORT]
            self._open = False

    def _begin(self, now_s: float) -> None:
        self._writes.append(commands.start(self._file_id))
        self._phase = _Phase.STREAMING
        self._paused = False
        self._dry_s = None
        self._open = True
        self._expected = 0
        self._position = 0
        self._crc = 0
        self._sha256 = hashlib.sha256()
        self._since_s = now_s
        self._due_s = now_s + PACKET_S

    def _streaming(self, packet: Packet | ProtocolViolation, now_s: float) -> bytes:
        # Only what brings the recording further moves the deadline: talk without it is silence.
        match packet:
            case ProtocolViolation():
                self._drain(commands.ABORT, packet, now_s)
            case DataPacket():
                return self._data(packet, now_s)
            case EofPacket():
                self._eof(packet, now_s)
            case PausedPacket():
                self._pause(now_s)
            case RelayPacket() if self._position:
                mixed = ProtocolViolation("the recorder mixes plain and encrypted packets")
                self._drain(commands.ABORT, mixed, now_s)
            case RelayPacket():
                raise RecorderRefused(
                    "the recorder sends this encrypted for its maker's cloud (relay profile)",
                    wire_code=0,
                    hint=codes.V2_HINT,
                )
            case ErrorPacket():
                self._error(packet.code, now_s)
            case HashPacket() | EchoPacket():
                pass
            case _:
                assert_never(packet)
        return b""

    def _draining(self, packet: Packet | ProtocolViolation, now_s: float) -> None:
        """Let a stream that was given up run dry; its end wants an answer of its own."""
        if now_s - self._drained_s > DRAIN_S:
            raise LinkLost("the recorder sends on, whatever it is told")
        if isinstance(packet, EofPacket):
            self._writes.append(commands.NACK)
        self._due_s = now_s + QUIET_S

    def _ending(self, packet: Packet | ProtocolViolation, now_s: float) -> None:
        ours = (None, commands.command_id(self._file_id))
        if not isinstance(packet, HashPacket) or packet.recording not in ours:
            return
        if packet.sha256 == self._sha256.digest():
            self._accept()
        elif packet.recording is None:
            # It may be another recording's: that has been seen. The CRC-32 has already agreed.
            self.disputed = True
        elif self._wrong_hashes:
            self._writes.append(commands.NACK)
            self._open = False
            raise DigestMismatch("the recorder's own hash is not that of the bytes it sends")
        else:
            self._wrong_hashes += 1
            wrong = DigestMismatch("the recorder's own hash is not that of the bytes it sends")
            self._drain(commands.NACK, wrong, now_s)

    def _data(self, packet: DataPacket, now_s: float) -> bytes:
        ahead = (packet.sequence - self._expected) & 0xFFFF
        if ahead >= _HALF:
            return b""  # an old one again
        if ahead:
            missing = LinkLost("the recorder's packets get lost on the way")
            self._drain(commands.ABORT, missing, now_s)
            return b""
        self._paused = False
        self._dry_s = None
        self._due_s = now_s + PACKET_S
        payload = packet.payload
        if self._position + len(payload) > MAX_FILE_BYTES:
            raise ProtocolViolation("the recorder sends more than a file can have")
        self._expected = (self._expected + 1) & 0xFFFF
        self._crc = crc32(payload, self._crc)
        again = min(len(payload), max(0, self._given - self._position))
        self._position += len(payload)
        self._sha256.update(payload[:again])
        if again and self._position >= self._given:
            self._compare()
        self._sha256.update(payload[again:])
        if fresh := payload[again:]:
            self._given = self._position
            self._restarts = 0
        return fresh

    def _pause(self, now_s: float) -> None:
        if not self._live:
            raise RecorderBusy("the recorder is still making this recording", retry_after_s=LIVE_S)
        if not self._paused:  # a pause that is told again is the same pause
            self._paused = True
            self._wait_on(now_s)

    def _wait_on(self, now_s: float) -> None:
        if self._dry_s is None:
            self._dry_s = now_s
        if now_s - self._dry_s >= PAUSED_S:
            raise RecorderBusy(
                f"the recording is still being made, and nothing new came for {PAUSED_S:.0f} s",
                retry_after_s=LIVE_S,
            )
        self._due_s = now_s + LOOK_S

    def _compare(self) -> None:
        if self._sha256.digest() != self._given_digest:
            raise ProtocolViolation("the recorder sends other bytes than it sent before")

    def _eof(self, packet: EofPacket, now_s: float) -> None:
        if self._position < self._given or packet.crc32 != self._crc:
            wrong = ProtocolViolation("the recorder's bytes do not have the checksum it tells")
            self._drain(commands.NACK, wrong, now_s)
            return
        self._phase = _Phase.ENDING
        self._due_s = now_s + HASH_S

    def _accept(self) -> None:
        self._writes.append(commands.ACK)
        self._open = False
        self.done = True

    def _error(self, code: int, now_s: float) -> None:
        if error := codes.final(code):
            raise error
        self._drain(commands.ABORT, codes.refused(code), now_s)

    def _drain(self, ending: bytes, failure: FieldpostError, now_s: float) -> None:
        """Give this stream up; `failure` is what it comes to if no replay gets further."""
        if self._position >= self._given:
            # Of exactly what was given out, for the replay to be held against.
            self._given_digest = self._sha256.digest()
        self._failure = failure
        self._writes.append(ending)
        self._phase = _Phase.DRAINING
        self._drained_s = now_s
        self._due_s = now_s + QUIET_S

    def _restart(self, now_s: float) -> None:
        self._restarts += 1
        self.replays += 1
        if self._failure and (self._restarts > MAX_RESTARTS or self.replays > MAX_REPLAYS):
            self._open = False
            raise self._failure
        self._begin(now_s)


def _parsed(value: bytes) -> Packet | ProtocolViolation:
    try:
        return parse_packet(value)
    except ProtocolViolation as violation:
        return violation
