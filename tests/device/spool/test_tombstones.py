"""The log of released entries: whatever is torn, the rest is read."""

import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core import canonical
from device.errors import SpoolDamaged
from device.spool.tombstones import (
    Tombstone,
    TombstoneLog,
    decode_receipt,
    encode_receipt,
    parse,
)
from tests.device.core.test_manifest import MANIFEST
from tests.device.spool.recordings import NOON, receipt


def tombstone(number):
    key = replace(MANIFEST.key, generation=number)
    return Tombstone(
        manifest=replace(MANIFEST, key=key),
        receipt=receipt(f"rec_{number}"),
        begun_at=NOON,
        stored_at=NOON,
        released_at=NOON,
    )


def log_of(folder, *numbers):
    log = TombstoneLog(folder)
    for number in numbers:
        log.append(tombstone(number))
    return (folder / "0001.log").read_bytes()


def test_records_are_read_in_the_order_they_were_written(tmp_path):
    """Across restarts there is one log."""
    log_of(tmp_path, 1, 2)
    TombstoneLog(tmp_path).append(tombstone(3))

    assert [tombstone(1), tombstone(2), tombstone(3)] == TombstoneLog(tmp_path).records()
    assert ["0001.log"] == [path.name for path in tmp_path.iterdir()]


def test_a_torn_record_does_not_hide_those_after_it(tmp_path):
    """A power cut in mid-append costs that record alone, and needs no repair."""
    whole = log_of(tmp_path, 1)
    (tmp_path / "0001.log").write_bytes(whole + whole[: len(whole) // 2])
    TombstoneLog(tmp_path).append(tombstone(2))

    assert [tombstone(1), tombstone(2)] == TombstoneLog(tmp_path).records()


@given(data=st.data())
def test_damage_anywhere_costs_at_most_the_record_it_hits(data, tmp_path_factory):
    """One wrong byte in a log of three leaves two."""
    log = bytearray(log_of(tmp_path_factory.mktemp("log"), 1, 2, 3))
    at = data.draw(st.integers(0, len(log) - 1))
    log[at] ^= data.draw(st.integers(1, 255))
    found, lost_bytes = parse(bytes(log))

    assert 2 == len(found)
    assert lost_bytes > 0
    assert all(
        each in {1: tombstone(1), 2: tombstone(2), 3: tombstone(3)}.values() for each in found
    )


@given(st.binary(max_size=300))
def test_any_bytes_are_a_log_without_records(noise):
    """Garbage is passed over."""
    assert ([], len(noise)) == parse(noise)


def test_after_a_failed_fsync_the_next_record_goes_to_a_new_file(tmp_path, monkeypatch):
    """The file whose fsync failed is read, but never written again."""
    log = TombstoneLog(tmp_path)
    log.append(tombstone(1))

    def fail(_):
        raise OSError(5, "I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="I/O"):
            log.append(tombstone(2))
    log.append(tombstone(2))

    assert ["0001.log", "0002.log"] == sorted(path.name for path in tmp_path.iterdir())
    assert tombstone(2) == log.records()[-1]


def test_a_receipt_comes_back_and_damage_is_named():
    """The file beside the manifest is read as strictly as the manifest."""
    blob = encode_receipt(receipt())

    assert receipt() == decode_receipt(blob)
    with pytest.raises(SpoolDamaged):
        decode_receipt(blob[:-1])
    with pytest.raises(SpoolDamaged):
        decode_receipt(canonical.encode({"cloud": "x"}))
