"""What a simulated Bota recorder sends for one START, one notification at a time (§6.2, §10)."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import assert_never
from zlib import crc32

from device.core.bota_ble import packets
from device.core.bota_ble.commands import command_id
from device.core.bota_ble.shelf import CardFile
from device.core.bota_ble.switches import HashForm, Switches

ATT_HEADER_BYTES = 3
_FOREIGN = b"\xee" * 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Send this, `after_s` seconds after what was sent before."""

    characteristic: str
    value: bytes
    after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Break the connection now, without a word."""


@dataclass(kw_only=True)
class Counters:
    """Which faults have struck already; outlives connections."""

    packets: int = 0
    wrong_checksums: int = 0
    lost_ends: int = 0
    cuts: set[int]


Sent = tuple[bytes, float] | Cut | None
"""A packet and its delay, a break, or nothing for now."""


def stream(
    current: Callable[[], CardFile], mtu_bytes: int, switches: Switches, counters: Counters
) -> Iterator[Sent]:
    """Yield what one START makes the recorder send, up to the hash; None while it has nothing.

    `current` gives the file as it is now: one that is still being made grows.
    """
    if switches.relay:
        yield bytes((packets.RELAY_START,)) + bytes(36), 0.0
        yield bytes((packets.RELAY_DATA, 0, 0, 17, 0)) + bytes(17), 0.0
        return
    size = mtu_bytes - ATT_HEADER_BYTES - packets.DATA_HEADER_BYTES
    sequence = position = crc = 0
    paused = False
    while True:
        content = current().content
        if position < len(content):
            payload = content[position : position + size]
            position += len(payload)
            crc = crc32(payload, crc)
            paused = False
            yield from _data(sequence, payload, switches, counters)
            sequence += 1
        elif not current().live:
            break
        else:
            yield None if paused else (packets.encode_paused(sequence, position), 0.0)
            paused = True
    if counters.wrong_checksums < switches.flipped_checksums:
        counters.wrong_checksums += 1
        crc ^= 1
    if counters.lost_ends < switches.lost_ends:
        counters.lost_ends += 1
    else:
        yield packets.encode_eof(sequence, crc), 0.0
    if (told := _hash(current(), switches.hash_form)) is not None:
        yield told, switches.hash_delay_s


def _data(sequence: int, payload: bytes, switches: Switches, counters: Counters) -> Iterator[Sent]:
    number, counters.packets = counters.packets, counters.packets + 1
    if sequence in switches.cuts and sequence not in counters.cuts:
        counters.cuts.add(sequence)
        yield Cut()
    if number in switches.dropped:
        return
    if number in switches.flipped:
        payload = bytes((payload[0] ^ 1,)) + payload[1:]
    packet = packets.encode_data(sequence, payload)
    if number in switches.truncated:
        packet = packet[:-1]
    if number in switches.overlong:
        packet += b"\0"
    yield packet, switches.stall_s if number in switches.stalled else 0.0
    if number in switches.doubled:
        yield packet, 0.0


def _hash(file: CardFile, form: HashForm) -> bytes | None:
    true = hashlib.sha256(file.content).digest()
    foreign = hashlib.sha256(b"another recording").digest()
    match form:
        case HashForm.NONE:
            return None
        case HashForm.BARE:
            return packets.encode_hash(true, None)
        case HashForm.NAMED:
            return packets.encode_hash(true, command_id(file.file_id))
        case HashForm.FOREIGN:
            return packets.encode_hash(foreign, _FOREIGN)
        case HashForm.FOREIGN_BARE:
            return packets.encode_hash(foreign, None)
        case HashForm.WRONG:
            return packets.encode_hash(foreign, command_id(file.file_id))
        case _:
            assert_never(form)
