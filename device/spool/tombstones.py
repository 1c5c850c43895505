"""Receipts and tombstones as files: what must survive the loss of spool.db.

`sealed/<entry>/receipt.cbor` is written before the index says *stored*, so that no release can lack
its receipt. Each release appends one record to a log under `tombstones/`, before the index says
*released*: after a rebuild the agent still knows what must never go up a second time. A log costs
one inode for all of them.
"""

import logging
import os
import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from device.core import canonical
from device.errors import SpoolDamaged
from device.model import Manifest, Receipt
from device.spool.durable import settle_folder, write_all
from device.spool.layout import FILE_MODE

logger = logging.getLogger(__name__)

_MAGIC = b"\xf5FPT"
_HEADER = struct.Struct(">4sII")
_MAX_BYTES = 1 << 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """A released entry: what it was, who acknowledged it, when it left its recorder."""

    manifest: Manifest
    receipt: Receipt
    stored_at: datetime
    released_at: datetime
    begun_at: datetime


class TombstoneLog:
    """Append-only records of `magic, length, CRC-32, canonical CBOR`.

    A record torn by a power cut is skipped by looking for the next magic, so nothing needs repair.
    Not thread-safe: the spool appends under its own lock.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._failed = False

    def append(self, tombstone: Tombstone) -> None:
        """Add a record durably. After a failure the next record goes to a new file.

        Raises:
            OSError: It could not be made durable.
        """
        body = canonical.encode(tombstone)
        record = _HEADER.pack(_MAGIC, len(body), zlib.crc32(body)) + body
        logs = _logs(self._folder)
        number = int(logs[-1].stem) if logs else 0
        if self._failed or not logs:
            number += 1
        path = self._folder / f"{number:04}.log"
        self._failed = True
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            write_all(file, record)
            os.fsync(file)
        finally:
            os.close(file)
        settle_folder(self._folder)
        self._failed = False

    def records(self) -> list[Tombstone]:
        """Read every whole record, oldest first; what cannot be read is passed over with a warning.

        Raises:
            OSError: A log cannot be read.
        """
        found: list[Tombstone] = []
        for path in _logs(self._folder):
            records, lost_bytes = parse(path.read_bytes())
            found += records
            if lost_bytes:
                logger.warning(
                    "part of a tombstone log cannot be read",
                    extra={"log": str(path), "lost_bytes": lost_bytes},
                )
        return found


def parse(log: bytes) -> tuple[list[Tombstone], int]:
    """Read the whole records of one log, wherever damage lies between them.

    Returns:
        The records, and how many bytes belong to none.
    """
    found: list[Tombstone] = []
    read_bytes = 0
    start = log.find(_MAGIC)
    while start >= 0:
        body = _body(log, start)
        if body is None:
            start = log.find(_MAGIC, start + 1)
            continue
        with suppress(SpoolDamaged):
            found.append(canonical.decode(body, Tombstone, "a tombstone"))
            read_bytes += _HEADER.size + len(body)
        start = log.find(_MAGIC, start + _HEADER.size + len(body))
    return found, len(log) - read_bytes


def _body(log: bytes, start: int) -> bytes | None:
    """Give what follows the header at `start`, if it is what the header says."""
    header = log[start : start + _HEADER.size]
    if len(header) < _HEADER.size:
        return None
    _, length, crc = _HEADER.unpack(header)
    first = start + _HEADER.size
    body = log[first : first + min(length, _MAX_BYTES)]
    return body if len(body) == length and zlib.crc32(body) == crc else None


def encode_receipt(receipt: Receipt) -> bytes:
    """Encode a receipt for the file beside its manifest."""
    return canonical.encode(receipt)


def decode_receipt(blob: bytes) -> Receipt:
    """Decode a receipt.

    Raises:
        SpoolDamaged: Not what `encode_receipt` writes.
    """
    return canonical.decode(blob, Receipt, "the receipt")


def _logs(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9][0-9][0-9][0-9].log"))
