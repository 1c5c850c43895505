"""Parts of a stream: what they hold, and how they sound."""

import shutil
import struct
import subprocess
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.core.ogg.cutter import Cutter, Limits, Part
from device.errors import Uncuttable
from tests.fakes import opus_streams as ogg

S_PER_PAGE = 48_000


def cut(blob: bytes, limits: Limits, step: int = 4096) -> list[tuple[Part, bytes]]:
    cutter = Cutter(limits)
    parts: list[tuple[Part, bytes]] = []
    writing = bytearray()

    def take(blocks):
        for block in blocks:
            if isinstance(block, Part):
                parts.append((block, bytes(writing)))
                writing.clear()
            else:
                writing.extend(block)

    for at in range(0, len(blob), step):
        take(cutter.feed(blob[at : at + step]))
    take(cutter.close())
    assert not writing
    return parts


@dataclass
class Read:
    """A part as a reader of RFC 3533 and 7845 sees it, without device code."""

    serials: set[int]
    sequences: list[int]
    flags: list[int]
    granules: list[int]
    head: bytes
    tags: bytes
    packets: list[bytes]

    @property
    def pre_skip(self) -> int:
        return struct.unpack_from("<H", self.head, 10)[0]

    @property
    def samples(self) -> int:
        return self.granules[-1] - self.pre_skip


def read(blob: bytes) -> Read:
    found = Read(set(), [], [], [], b"", b"", [])
    packets, piece, at = [], b"", 0
    while at < len(blob):
        magic, _, flags, granule, serial, sequence, crc, laces = struct.unpack_from(
            "<4sBBqIIIB", blob, at
        )
        assert b"OggS" == magic
        lacing = blob[at + 27 : at + 27 + laces]
        body_at, end = at + 27 + laces, at + 27 + laces + sum(lacing)
        page = blob[at:end]
        assert crc == ogg.crc(page[:22] + bytes(4) + page[26:])
        assert bool(flags & 1) == bool(piece)
        found.serials.add(serial)
        found.sequences.append(sequence)
        found.flags.append(flags & 6)
        if granule != -1:
            found.granules.append(granule)
        for lace in lacing:
            piece += blob[body_at : body_at + lace]
            body_at += lace
            if lace < 255:
                packets.append(piece)
                piece = b""
        at = end
    assert b"" == piece
    found.head, found.tags, found.packets = packets[0], packets[1], packets[2:]
    return found


def samples_of(packets: list[bytes]) -> int:
    by_config = {config: samples for samples, config in ogg.FRAME.items()}
    return sum(by_config[packet[0] >> 3] for packet in packets)


@st.composite
def streams(draw):
    """Whole streams of packets of any length on pages of any kind, some continued."""
    pages, lengths = [], []
    number = 0
    for _ in range(draw(st.integers(1, 12))):
        many = draw(st.integers(1, 12))
        durations = draw(st.lists(st.sampled_from(sorted(ogg.FRAME)), min_size=many, max_size=many))
        packets = []
        for samples in durations:
            number += 1
            packets.append(ogg.packet(samples, draw(st.integers(2, 300)), number))
        pages.append(packets)
        lengths.append(sum(durations))
    trim = draw(st.integers(0, max(0, lengths[-1] - 1)))
    raw = ogg.stream(
        pages,
        lengths,
        pre_skip=draw(st.integers(0, 4000)),
        trim=trim,
        base=0 if len(pages) == 1 else draw(st.sampled_from([0, 0, 123_456])),
    )
    return raw, [packet for page in pages for packet in page]


@settings(max_examples=60)
@given(streams(), st.integers(1, 4000), st.integers(1, 5000))
def test_parts_are_streams_that_make_up_the_whole(whole, most_bytes, step):
    """Own packets follow one another; pre-skip discards the pre-roll and nothing else."""
    raw, packets = whole
    parts = cut(ogg.laid_out(raw), Limits(most_bytes=most_bytes), step)

    before, played = [], 0
    for place, (part, blob) in enumerate(parts):
        found = read(blob)
        assert {7 + place} == found.serials
        assert [*range(len(found.sequences))] == found.sequences
        assert 2 == found.flags[0]
        assert [0] * (len(found.flags) - 2) + [4] == found.flags[1:]
        assert found.granules == sorted(found.granules)
        assert replaced(raw[0].packets[0], found.pre_skip) == found.head
        assert f"FIELDPOST_FIRST_SAMPLE={played}".encode() in found.tags
        assert (place + 1, played) == (part.number, part.first_sample)
        pre_roll = roll_of(found, before)
        if place:
            assert found.pre_skip == samples_of(pre_roll)
            assert 3840 <= found.pre_skip or pre_roll == before
            assert found.pre_skip < 32_768  # libsndfile reads it as a signed number
        assert pre_roll == before[len(before) - len(pre_roll) :]
        before += found.packets[len(pre_roll) :]
        if len(parts) > 1:
            assert 0 < part.samples == found.samples
        played += part.samples
    assert packets == before
    assert max(0, read(ogg.laid_out(raw)).samples - based(raw)) == played


def based(raw) -> int:
    """The granule position that the stream begins with."""
    first = samples_of(list(raw[2].packets))
    return max(0, raw[2].granule - first)


def replaced(head: bytes, pre_skip: int) -> bytes:
    return head[:10] + struct.pack("<H", pre_skip) + head[12:]


def roll_of(found: Read, before: list[bytes]) -> list[bytes]:
    """Tell the packets at the beginning that pre-skip covers, where there is a part before."""
    covered, roll = 0, []
    for packet in found.packets if before else ():
        if covered >= found.pre_skip:
            break
        covered += samples_of([packet])
        roll.append(packet)
    return roll


@settings(max_examples=60)
@given(streams(), st.integers(400, 4000))
def test_parts_are_no_larger_than_asked(whole, most_bytes):
    """A part above the limit is a single page that could not be divided, or plays nothing else."""
    raw, _ = whole
    parts = cut(ogg.laid_out(raw), Limits(most_bytes=most_bytes))

    for place, (part, blob) in enumerate(parts):
        if len(blob) > most_bytes:
            own = [g for g in read(blob).granules if g > read(blob).pre_skip]
            assert len(own) <= 1 or place == len(parts) - 1, part


@given(streams(), st.integers(960, 60_000))
def test_parts_are_no_longer_than_asked(whole, most_samples):
    """The same by time."""
    raw, _ = whole
    longest = max(samples_of(list(page.packets)) for page in raw[2:])
    parts = cut(ogg.laid_out(raw), Limits(most_samples=most_samples))

    assert all(part.samples <= max(most_samples, longest) for part, _ in parts)


@given(streams(), st.integers(300, 3000))
def test_the_same_stream_and_limits_give_the_same_bytes(whole, most_bytes):
    """However the stream arrives: digests of parts stay what they were."""
    blob = ogg.laid_out(whole[0])

    assert cut(blob, Limits(most_bytes=most_bytes), 100) == cut(
        blob, Limits(most_bytes=most_bytes), 10_000
    )


def test_a_packet_that_spans_pages_is_never_divided():
    """A page that begins within a packet is no place to cut at."""
    long = ogg.packet(960, 255 * 3 + 10)
    one = ogg.packet(960, 40)
    raw = [
        *ogg.stream([[one]], [960])[:2],
        ogg.Raw(granule=960, packets=(one, long[:510]), open=True),
        ogg.Raw(granule=1920, packets=(long[510:],), flags=1),
        ogg.Raw(granule=2880, packets=(one,), flags=4),
    ]

    parts = cut(ogg.laid_out(raw), Limits(most_bytes=1))

    assert [one, long] == read(parts[0][1]).packets
    assert [one, long, one] == read(parts[1][1]).packets


def _lost_page(raw):
    return [*raw[:3], *(replace(p, sequence=n) for n, p in enumerate(raw[4:], 4))]


def _two_streams(raw):
    return [*raw, *(replace(p, serial=8, sequence=n) for n, p in enumerate(raw))]


def _chained(raw):
    return [*raw, *(replace(p, sequence=len(raw) + n) for n, p in enumerate(raw))]


def _other_counting(raw):
    return [*raw[:2], *(replace(p, granule=p.granule * (1 + n % 2)) for n, p in enumerate(raw[2:]))]


def _packet_lost(raw):
    return [*raw[:3], replace(raw[3], flags=1), *raw[4:]]


def _second_audio_in_tags(raw):
    return [raw[0], replace(raw[1], packets=(*raw[1].packets, ogg.packet())), *raw[2:]]


def _trimmed_too_far(raw):
    return [*raw[:-1], replace(raw[-1], granule=raw[-2].granule - 1)]


def _goes_on(raw):
    return [*raw[:-1], raw[-1], replace(raw[-1], sequence=len(raw))]


def _ends_open(raw):
    return [*raw[:-1], replace(raw[-1], packets=(bytes([31 << 3]) * 255,), open=True, granule=-1)]


def _multiplexed(raw):
    return [raw[0], replace(raw[0], serial=8), *raw[1:]]


@pytest.mark.parametrize(
    "spoil",
    [
        _lost_page,
        _two_streams,
        _chained,
        _other_counting,
        _packet_lost,
        _second_audio_in_tags,
        _trimmed_too_far,
        _goes_on,
        _ends_open,
        _multiplexed,
    ],
)
def test_streams_that_no_cut_is_surely_right_for_are_refused(spoil):
    """Lost, chained, multiplexed, miscounted: a typed refusal, never a wrong cut."""
    raw = ogg.stream([[ogg.packet()] * 2] * 5, [1920] * 5)
    cut(ogg.laid_out(raw), Limits(most_bytes=1))  # as it is, it can be cut

    with pytest.raises(Uncuttable):
        cut(ogg.laid_out(spoil(raw)), Limits(most_bytes=1))


@given(st.integers(0, 600))
def test_a_stream_that_is_cut_off_is_refused(length):
    """Wherever the file ends early within a page, or before any audio."""
    raw = ogg.stream([[ogg.packet()] * 2] * 3, [1920] * 3)
    blob = ogg.laid_out(raw)
    ends = [len(ogg.laid_out(raw[:n])) for n in range(3, 6)]

    if length in ends or length >= len(blob):
        return
    with pytest.raises(Uncuttable):
        cut(blob[:length], Limits(most_bytes=1))


@given(streams(), st.data())
def test_no_damage_leads_to_anything_but_a_refusal(whole, data):
    """Bytes that are changed, lost or doubled are refused, or the checksum still holds."""
    blob = bytearray(ogg.laid_out(whole[0]))
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    if bytes(blob) == ogg.laid_out(whole[0]):
        return
    try:
        parts = cut(bytes(blob), Limits(most_bytes=500))
    except Uncuttable:
        return
    # Only whole pages at the end may go unnoticed: a stream need not say where it ends.
    own = ogg.laid_out(whole[0])
    assert own.startswith(bytes(blob))
    assert parts


@pytest.mark.parametrize(("channels", "level"), [(1, 0.5), (2, 0.5), (1, 0.99)])
def test_an_independent_decoder_hears_the_whole_in_the_parts(channels, level):
    """Laid end to end, libsndfile's samples are as many, at the same places, and soon the same.

    Within a second of a cut the decoder has converged to the very samples of the whole.
    """
    blob = ogg.encoded_sound(12, channels=channels, level=level)
    whole = ogg.decoded(blob)
    parts = cut(blob, Limits(most_bytes=max(len(blob) // 4, 4000)))
    laid = np.concatenate([ogg.decoded(part) for _, part in parts])
    apart = np.abs(laid - whole).max(axis=1)
    settled = np.ones(len(apart), dtype=bool)
    for part, _ in parts[1:]:
        settled[part.first_sample : part.first_sample + S_PER_PAGE] = False

    assert len(parts) >= 3
    assert whole.shape == laid.shape
    assert 0.0 == apart[settled].max()
    assert apart.max() < 0.01


def test_parts_laid_end_to_end_are_one_chained_stream():
    """Serial numbers differ, so that the files may simply be joined."""
    blob = ogg.encoded_sound(6)
    parts = cut(blob, Limits(most_bytes=len(blob) // 3))
    serials = {struct.unpack_from("<I", part, 14) for _, part in parts}

    assert len(parts) == len(serials) > 2


@pytest.mark.skipif(not shutil.which("opusdec"), reason="opusdec (Debian: opus-tools) is missing")
def test_opusdec_hears_the_same():
    """Another decoder, each part by itself and all joined: the same count and places of samples."""
    blob = ogg.encoded_sound(8)
    parts = [part for _, part in cut(blob, Limits(most_bytes=len(blob) // 3))]
    whole = opusdec(blob)
    laid = np.concatenate([opusdec(part) for part in parts])

    assert len(whole) == len(laid) == len(opusdec(b"".join(parts)))
    assert np.abs(laid - whole).max() < 0.01


def opusdec(blob: bytes):
    command = ["opusdec", "--quiet", "--float", "--rate", "48000", "-", "-"]
    done = subprocess.run(command, input=blob, capture_output=True, check=True, timeout=10)
    return np.frombuffer(done.stdout, dtype="<f4")
