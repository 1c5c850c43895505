"""Ogg pages as RFC 3533 lays them out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.ogg.pages import PageReader, checksum, paginate
from device.errors import Uncuttable
from tests.fakes import opus_streams as ogg


def pages_of(blob: bytes, step: int = 65_536):
    reader = PageReader()
    found = [page for at in range(0, len(blob), step) for page in reader.feed(blob[at : at + step])]
    reader.close()
    return found


@given(st.binary(max_size=300))
def test_the_checksum_is_ogg_s_own(blob):
    """zlib's CRC-32 with mirrored bits is the one that RFC 3533 describes bit by bit."""
    assert ogg.crc(blob) == checksum(blob)


@given(st.integers(1, 70))
def test_pages_are_read_in_any_chunking(step):
    """However the bytes arrive, the pages are the same, and encode to the same bytes."""
    raw = ogg.stream([[ogg.packet(size=n) for n in (3, 255, 254, 510)]] * 3, [3840] * 3)
    blob = ogg.laid_out(raw)

    pages = pages_of(blob, step)

    assert blob == b"".join(page.encode() for page in pages)
    assert [page.packets for page in raw] == [tuple(page.packets()) for page in pages]


@given(st.lists(st.integers(0, 70_000), max_size=5))
def test_packets_of_any_size_are_laid_on_pages(sizes):
    """Packets come back whole from the pages that were made of them, continued or not."""
    packets = [(bytes([n + 1]) * size, n + 1) for n, size in enumerate(sizes)]
    pages = list(paginate(packets, serial=9, sequence=4))

    found, piece = [], b""
    for page in pages_of(b"".join(page.encode() for page in pages)):
        assert page.continued == bool(piece)
        for place, part in enumerate(page.packets()):
            piece += part
            if not (page.open and place == len(page.packets()) - 1):
                found.append(piece)
                piece = b""
    assert [blob for blob, _ in packets] == found
    assert [*range(4, 4 + len(pages))] == [page.sequence for page in pages]


@given(st.data())
def test_one_wrong_bit_anywhere_is_noticed(data):
    """A damaged page is refused, never read as another one."""
    blob = bytearray(ogg.laid_out([ogg.Raw(granule=960, packets=(ogg.packet(),))]))
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(Uncuttable):
        pages_of(bytes(blob))


@given(st.binary(max_size=200))
def test_hostile_bytes_are_a_refusal(blob):
    """What is no Ogg ends in a refusal; nothing else is ever raised."""
    try:
        pages_of(blob)
    except Uncuttable:
        return
    assert b"" == blob
