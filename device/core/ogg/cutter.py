"""Cuts an Ogg/Opus stream at page boundaries into parts that play on their own.

Each part has the stream's headers, a serial number of its own, pages numbered from 0 and granule
positions from the part's first sample. Opus decodes with a memory, so a part begins with the last
packets of the part before it, as pre-roll that its pre-skip discards (RFC 7845 §4.6): decoded and
laid end to end, the parts have exactly the samples of the whole, by count and place. Their values
agree as far as the decoder has converged within the pre-roll; see docs/segments.md.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from device.core.ogg.opus import RATE_HZ, add_comments
from device.core.ogg.pages import NO_GRANULE, Page, paginate
from device.core.ogg.stream import OpusStream, Packet, Stretch
from device.errors import Uncuttable

PRE_ROLL = 3840
"""Samples of pre-roll that a part has at least: 80 ms, what RFC 7845 §4.6 calls for."""
LONG_PRE_ROLL = 26_880
"""Samples of pre-roll where they cost little: 560 ms, after which a decoder has all but forgotten.

With the longest packet on top pre-skip stays below 32,768: libsndfile 1.2 reads it as signed.
"""
_CHEAP = 8
"""A long pre-roll is one of at most this fraction of a part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large parts are. One clean stretch of pages is never divided, whatever it takes.

    `most_bytes` are those of a part in all, headers and pre-roll included; `most_samples` are what
    it plays.
    """

    most_bytes: int | None = None
    most_samples: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part that is whole: its samples at 48 kHz are `first_sample` onwards of the stream's."""

    number: int
    first_sample: int
    samples: int

    @property
    def offset_ms(self) -> int:
        """Where it begins in the whole."""
        return self.first_sample * 1000 // RATE_HZ


@dataclass(slots=True, kw_only=True)
class _Open:
    """The part that is being written."""

    number: int
    serial: int
    first_sample: int
    start: int
    """Decoded samples of the stream before the part's first packet, pre-roll included."""
    cut: int
    """Decoded samples of the stream before what is the part's own."""
    sequence: int = 0
    size_bytes: int = 0


class Cutter:
    """Feed it the stream; it gives back blocks of one part after another, a `Part` at each end."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._stream = OpusStream()
        self._recent: deque[Packet] = deque()
        self._recent_samples = 0
        self._held: Stretch | None = None
        self._samples = 0
        """Decoded samples up to the end of what is held."""
        self._part: _Open | None = None

    def feed(self, content: bytes) -> Iterator[bytes | Part]:
        """Yield blocks to append to the part at hand, and a `Part` where it is whole.

        Raises:
            Uncuttable: Nothing that was yielded may be used.
        """
        for stretch in self._stream.feed(content):
            yield from self._take(stretch)

    def close(self) -> Iterator[bytes | Part]:
        """Yield the rest.

        Raises:
            Uncuttable: Nothing that was yielded may be used.
        """
        self._stream.close()
        if self._held is None:
            raise Uncuttable("it holds no audio")
        yield from self._write(self._held, last=False)
        yield self._ended(self._held.end)

    def _take(self, stretch: Stretch) -> Iterator[bytes | Part]:
        held, self._held = self._held, stretch
        if held is None:
            yield from self._begin(1, cut=0, pre_roll=())
        else:
            cut = self._cut_between(held, stretch)
            yield from self._write(held, last=cut)
            if cut:
                part = self._ended(held.end)
                yield part
                yield from self._begin(
                    part.number + 1, cut=self._samples, pre_roll=self._pre_roll()
                )
        self._samples += sum(packet.samples for packet in stretch.packets)
        self._remember(stretch.packets)

    def _cut_between(self, held: Stretch, stretch: Stretch) -> bool:
        """Say whether a part ends with `held`, which is not written yet."""
        part, limits, head = self._part, self._limits, self._stream.head
        if part is None or head is None:
            return False
        played = held.end - max(part.cut, head.pre_skip)
        if played <= 0 or stretch.end <= held.end:
            return False  # one side would have nothing to play
        size_bytes = part.size_bytes + held.size_bytes + stretch.size_bytes
        samples = played + stretch.end - held.end
        return (limits.most_bytes is not None and size_bytes > limits.most_bytes) or (
            limits.most_samples is not None and samples > limits.most_samples
        )

    def _begin(self, number: int, *, cut: int, pre_roll: tuple[Packet, ...]) -> Iterator[bytes]:
        stream = self._stream
        if stream.head is None:
            raise Uncuttable("it holds no audio")
        start = cut - sum(packet.samples for packet in pre_roll)
        # Links of a chained stream differ in serial number: parts may be laid end to end.
        serial = (stream.serial + number - 1) & 0xFFFF_FFFF
        first_sample = max(0, cut - stream.head.pre_skip)
        part = _Open(number=number, serial=serial, first_sample=first_sample, start=start, cut=cut)
        self._part = part
        # What is before the stream's own pre-skip is never played, in whichever part it is.
        pre_skip = max(cut, stream.head.pre_skip) - start
        told = (f"FIELDPOST_PART={number}", f"FIELDPOST_FIRST_SAMPLE={first_sample}")
        head = ((stream.head.skipping(pre_skip), 0),)
        tags = ((add_comments(stream.tags, told), 0),)
        end = 0
        laid = []
        for packet in pre_roll:
            end += packet.samples
            laid.append((packet.blob, end))
        for packets in (head, tags, tuple(laid)):
            for page in paginate(packets, serial=serial, sequence=part.sequence):
                yield self._encoded(part, replace(page, first=packets is head))

    def _write(self, stretch: Stretch, *, last: bool) -> Iterator[bytes]:
        part = self._part
        if part is None:
            return
        for page in stretch.pages:
            final = page is stretch.pages[-1]
            yield self._encoded(part, self._moved(part, page, last=page.last or (last and final)))

    def _moved(self, part: _Open, page: Page, *, last: bool) -> Page:
        granule = page.granule
        if granule != NO_GRANULE:
            granule -= self._stream.base + part.start
        return replace(page, granule=granule, serial=part.serial, sequence=part.sequence, last=last)

    def _encoded(self, part: _Open, page: Page) -> bytes:
        part.sequence += 1
        part.size_bytes += page.size_bytes
        return page.encode()

    def _ended(self, end: int) -> Part:
        part, head = self._part, self._stream.head
        if part is None or head is None:
            raise Uncuttable("it holds no audio")
        samples = max(0, end - max(part.cut, head.pre_skip))
        return Part(number=part.number, first_sample=part.first_sample, samples=samples)

    def _remember(self, packets: tuple[Packet, ...]) -> None:
        for packet in packets:
            self._recent.append(packet)
            self._recent_samples += packet.samples
        while self._recent and self._recent_samples - self._recent[0].samples >= LONG_PRE_ROLL:
            self._recent_samples -= self._recent.popleft().samples

    def _pre_roll(self) -> tuple[Packet, ...]:
        """Choose the packets before a cut that a part begins with: all there are, at the start."""
        limit = self._limits.most_bytes
        cheap_bytes = limit // _CHEAP if limit is not None else None
        chosen: deque[Packet] = deque()
        samples = size_bytes = 0
        for packet in reversed(self._recent):
            size_bytes += len(packet.blob)
            dear = cheap_bytes is not None and size_bytes > cheap_bytes
            if samples >= LONG_PRE_ROLL or (samples >= PRE_ROLL and dear):
                break
            chosen.appendleft(packet)
            samples += packet.samples
        return tuple(chosen)
