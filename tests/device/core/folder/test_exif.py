"""EXIF: the moment a real JPEG was taken, and nothing worse than None from a hostile one."""

from datetime import UTC, datetime
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from device.core.folder.exif import taken_at

TAKEN, OFFSET, SUBSECOND = 0x9003, 0x9011, 0x9291


def jpeg(tags: dict[int, str]) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "A maker with a name longer than four bytes"
    exif.get_ifd(0x8769).update(tags)
    out = BytesIO()
    Image.new("RGB", (16, 16), "teal").save(out, "JPEG", exif=exif)
    return out.getvalue()


REAL = jpeg({TAKEN: "2026:03:01 13:00:00", OFFSET: "+01:00", SUBSECOND: "25"})


def test_a_real_jpeg_tells_when_it_was_taken():
    """Time, fraction and offset become one moment in UTC."""
    assert datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC) == taken_at(REAL)


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {TAKEN: "2026:03:01 13:00:00"},
        {OFFSET: "+01:00"},
        {TAKEN: "2026:13:41 13:00:00", OFFSET: "+01:00"},
        {TAKEN: "0000:00:00 00:00:00", OFFSET: "+00:00"},
        {TAKEN: "2026:03:01 13:00:00", OFFSET: "   :  "},
        {TAKEN: "0001:01:01 00:00:00", OFFSET: "+14:00"},
    ],
)
def test_a_time_without_a_place_in_the_world_is_none(tags):
    """Without an offset, or with nonsense, EXIF is no source."""
    assert taken_at(jpeg(tags)) is None


def test_big_endian_exif_is_read():
    """The other byte order (Motorola) says the same."""
    tiff = bytearray(b"MM\0*" + (8).to_bytes(4, "big"))
    tiff += b"\0\1" + bytes.fromhex("8769 0004 00000001 0000001a") + bytes(4)
    tiff += b"\0\2" + bytes.fromhex("9003 0002 00000014 00000038 9011 0002 00000007 0000004c")
    tiff += bytes(4) + b"2026:03:01 13:00:00\0" + b"-02:00\0"
    body = b"Exif\0\0" + tiff
    head = b"\xff\xd8\xff\xe0\0\4ab\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body

    assert datetime(2026, 3, 1, 15, tzinfo=UTC) == taken_at(head)


@pytest.mark.parametrize("length", range(0, len(REAL), 7))
def test_a_truncated_jpeg_is_no_crash(length: int):
    """Cut anywhere, the answer is the true time or None."""
    assert taken_at(REAL[:length]) in (None, taken_at(REAL))


@given(st.data())
def test_a_damaged_jpeg_is_no_crash(data):
    """Any few bytes of the EXIF block may lie."""
    damaged = bytearray(REAL[:400])
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, 399))] = data.draw(st.integers(0, 255))
    found = taken_at(bytes(damaged))

    assert found is None or found.tzinfo is UTC


@given(st.binary(max_size=300))
def test_any_tiff_is_no_crash(tiff: bytes):
    """Whatever follows the EXIF mark, the answer is a moment in UTC or None."""
    body = b"Exif\0\0II*\0" + tiff
    found = taken_at(b"\xff\xd8\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body)

    assert found is None or found.tzinfo is UTC
