"""One Ogg/Opus stream, read strictly: headers, then stretches between which it may be cut.

What is refused is what would make a cut guesswork: lost or foreign pages, chained streams, and
granule positions that do not count the samples of the packets.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from device.core.ogg.opus import Head, packet_samples, read_head
from device.core.ogg.pages import NO_GRANULE, Page, PageReader
from device.errors import Uncuttable

_MOST_TAGS_BYTES = 1 << 20
_MOST_PACKET_BYTES = 1 << 20
_MOST_PAGES = 256
"""Pages in a row that each go on in the next; a stretch is held in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One Opus packet, and how many samples it decodes to."""

    blob: bytes
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Pages from one clean boundary to the next: no packet of theirs reaches beyond them.

    `end` is the granule position of its last page, counted from the first sample that a decoder
    makes of the stream. It falls short of the packets' samples where the stream's end is trimmed.
    """

    pages: tuple[Page, ...]
    packets: tuple[Packet, ...]
    end: int

    @property
    def size_bytes(self) -> int:
        """Bytes that its pages take."""
        return sum(page.size_bytes for page in self.pages)


class OpusStream:
    """Reads a stream of any chunking: `head` and `tags` first, stretches as they become whole."""

    def __init__(self) -> None:
        self.head: Head | None = None
        self.tags = b""
        self.serial = 0
        self._reader = PageReader()
        self._sequence = 0
        self._started = False
        self._ended = False
        self._pages: list[Page] = []
        self._packets: list[Packet] = []
        self._piece = b""
        self._base: int | None = None
        self._samples = 0
        self._end = 0

    @property
    def base(self) -> int:
        """Granule position before the first sample: not 0 where a capture joined late."""
        return self._base or 0

    def feed(self, content: bytes) -> Iterator[Stretch]:
        """Yield the stretches that are whole by now.

        Raises:
            Uncuttable: The stream is not one that can surely be cut right.
        """
        for page in self._reader.feed(content):
            self._check_order(page)
            if self.head is None:
                self._read_head(page)
            elif not self._started:
                self._read_tags(page)
            else:
                self._read_audio(page)
                if not page.open:
                    yield self._stretch()

    def close(self) -> None:
        """Say that nothing follows.

        Raises:
            Uncuttable: The file ends within a page or a packet.
        """
        self._reader.close()
        if not self._started or self._pages:
            raise Uncuttable("it ends within a packet")

    def _check_order(self, page: Page) -> None:
        if self.head is None:
            self.serial, self._sequence = page.serial, page.sequence
        elif page.first:
            raise Uncuttable("it holds more than one Ogg stream")
        if page.serial != self.serial:
            raise Uncuttable("it holds more than one Ogg stream")
        if page.sequence != self._sequence:
            raise Uncuttable("pages of it are lost")
        if page.continued != bool(self._piece or (self._pages and self._pages[-1].open)):
            raise Uncuttable("a packet of it is lost")
        if self._ended:
            raise Uncuttable("it goes on behind its end")
        self._sequence = (self._sequence + 1) & 0xFFFF_FFFF
        self._ended = page.last

    def _read_head(self, page: Page) -> None:
        packets = page.packets()
        if not page.first or page.open or len(packets) != 1:
            raise Uncuttable("it does not begin as Ogg/Opus does")
        self.head = read_head(packets[0])

    def _read_tags(self, page: Page) -> None:
        packets = page.packets()
        if len(packets) != 1:
            raise Uncuttable("its Opus tags are damaged")
        self._piece += packets[0]
        if len(self._piece) > _MOST_TAGS_BYTES:
            raise Uncuttable("its Opus tags are larger than 1 MiB")
        if not page.open:
            self.tags, self._piece, self._started = self._piece, b"", True

    def _read_audio(self, page: Page) -> None:
        found = page.packets()
        if page.continued and found:
            found[0] = self._piece + found[0]
        self._piece = found.pop() if page.open else b""
        for blob in found:
            packet = Packet(blob=blob, samples=packet_samples(blob))
            self._packets.append(packet)
            self._samples += packet.samples
        self._pages.append(page)
        if len(self._piece) > _MOST_PACKET_BYTES or len(self._pages) > _MOST_PAGES:
            raise Uncuttable("it has no page boundary where it could be cut")
        if found or page.granule != NO_GRANULE:
            self._check_granule(page)

    def _check_granule(self, page: Page) -> None:
        """Demand that positions count samples; only the last page may say fewer than it has."""
        if self._base is None:
            # A capture that joined late counts from somewhere else (RFC 7845 §4.5).
            self._base = max(0, page.granule - self._samples)
        end = page.granule - self._base
        if end > self._samples or (end < self._samples and not page.last):
            raise Uncuttable("its granule positions do not count its samples")
        if end < self._end:
            raise Uncuttable("its end is trimmed by more than a page")
        self._end = end

    def _stretch(self) -> Stretch:
        made = Stretch(pages=tuple(self._pages), packets=tuple(self._packets), end=self._end)
        self._pages, self._packets = [], []
        return made
