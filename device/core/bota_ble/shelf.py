"""The files on a simulated Bota recorder's card, and what it says of them."""

from dataclasses import dataclass

from device.core.bota_ble.listing import ENTRY_BYTES, encode_entry
from device.core.bota_ble.status import KIB
from device.core.bota_ble.switches import Switches


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFile:
    """One recording. `live`: it is still being made; `keyless`: the card's key to it is lost."""

    file_id: bytes
    content: bytes
    started_s: int = 0
    duration_s: int = 1
    live: bool = False
    keyless: bool = False


def entry_of(file: CardFile, switches: Switches) -> bytes:
    """Return a file's entry in the listing."""
    size_kib = -(-len(file.content) // KIB) if switches.listed_kib is None else switches.listed_kib
    return encode_entry(
        file.file_id,
        started_s=0 if switches.no_times else file.started_s,
        duration_s=file.duration_s,
        size_kib=size_kib,
        encrypted=file.keyless,
    )


def list_notifications(files: list[CardFile], mtu_bytes: int, switches: Switches) -> list[bytes]:
    """Return the notifications of a listing, as many whole entries in each as fit."""
    entries = [entry_of(file, switches) for file in files]
    prefix = switches.count_prefix
    fitting = (mtu_bytes - 3 - prefix) // ENTRY_BYTES
    each = max(1, min(switches.entries_per_notification or fitting, fitting))
    groups = [entries[at : at + each] for at in range(0, len(entries), each)]
    if prefix and not groups:
        return [b"\0"]
    return [bytes((len(group),)) * prefix + b"".join(group) for group in groups]
