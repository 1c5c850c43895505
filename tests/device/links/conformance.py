"""What every Link must do, run over every implementation.

A test module subclasses `LinkConformance` and gives an async fixture `line` that yields
`(link, far)`: the open link under test and the other end of its line.
"""

import asyncio
from typing import Protocol

import pytest

from device.errors import LinkLost
from device.links import Link

DEADLINE_S = 5.0


class Far(Protocol):
    """The recorder's end of the line."""

    async def send(self, frame: bytes) -> None:
        """Send one whole frame to the link under test."""
        ...

    async def receive(self) -> bytes:
        """Wait for the next whole frame that the link under test sent."""
        ...

    async def damage(self) -> None:
        """Send something that is no frame, ended as a frame is."""
        ...

    async def cut(self) -> None:
        """Take the line away, as an unplugged cable does."""
        ...


def frame(size: int, mark: int = 0) -> bytes:
    """Make a frame body with every byte value in it, control-typed when `mark` is even."""
    return bytes([1 + mark % 2]) + bytes((mark + i) % 256 for i in range(size - 1))


class LinkConformance:
    """The suite. Every test takes `line: tuple[Link, Far]`."""

    @pytest.mark.asyncio
    async def test_frames_arrive_whole_and_in_order(self, line: tuple[Link, Far]):
        """What the recorder sends is received as the same frames in the same order."""
        link, far = line
        sent = [frame(size, i) for i, size in enumerate((1, 2, 64, 253, 254, 255, 1030))]

        async with asyncio.timeout(DEADLINE_S):
            for body in sent:
                await far.send(body)
            got = [await link.receive() for _ in sent]

        assert sent == got

    @pytest.mark.asyncio
    async def test_sent_frames_reach_the_recorder(self, line: tuple[Link, Far]):
        """What the host sends arrives as the same frames, up to the largest the link carries."""
        link, far = line
        sent = [frame(size, i) for i, size in enumerate((1, 20, 240, link.max_frame_bytes))]

        async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
            arrived = group.create_task(_receive(far, len(sent)), name="far")
            for body in sent:
                await link.send(body)

        assert sent == arrived.result()

    @pytest.mark.asyncio
    async def test_a_burst_is_not_lost(self, line: tuple[Link, Far]):
        """Frames that arrive faster than they are taken wait for their turn."""
        link, far = line
        sent = [frame(1030, i) for i in range(300)]

        async def burst() -> None:
            for body in sent:
                await far.send(body)

        async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
            group.create_task(burst(), name="burst")
            got = [await link.receive() for _ in sent]

        assert sent == got

    @pytest.mark.asyncio
    async def test_damage_is_marked_and_harms_nothing_after_it(self, line: tuple[Link, Far]):
        """Something damaged becomes one empty frame; the next frame arrives."""
        link, far = line

        async with asyncio.timeout(DEADLINE_S):
            await far.send(frame(50))
            await far.damage()
            await far.send(frame(60))
            got = [await link.receive() for _ in range(3)]

        assert got == [frame(50), b"", frame(60)]

    @pytest.mark.asyncio
    async def test_a_cancelled_receive_loses_nothing(self, line: tuple[Link, Far]):
        """A deadline that strikes while waiting does not take the next frame with it."""
        link, far = line

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await link.receive()
        async with asyncio.timeout(DEADLINE_S):
            await far.send(frame(30))
            got = await link.receive()

        assert frame(30) == got

    @pytest.mark.asyncio
    async def test_a_cut_wakes_the_receiver(self, line: tuple[Link, Far]):
        """A line that goes away while the host waits is LinkLost, now and ever after."""
        link, far = line

        async with asyncio.timeout(DEADLINE_S):
            async with asyncio.TaskGroup() as group:
                waiting = group.create_task(_outcome(link), name="receive")
                await asyncio.sleep(0)
                await far.cut()
            again = await _outcome(link)

        assert isinstance(waiting.result(), LinkLost)
        assert isinstance(again, LinkLost)

    @pytest.mark.asyncio
    async def test_a_cut_is_noticed_when_sending(self, line: tuple[Link, Far]):
        """Sending into a line that went away is LinkLost."""
        link, far = line

        async with asyncio.timeout(DEADLINE_S):
            await far.cut()
            await _outcome(link)
            with pytest.raises(LinkLost):
                await link.send(frame(20))

    @pytest.mark.asyncio
    async def test_closing_is_idempotent_and_final(self, line: tuple[Link, Far]):
        """A closed link can be closed again and carries nothing more."""
        link, _ = line

        async with asyncio.timeout(DEADLINE_S):
            await link.aclose()
            await link.aclose()
            with pytest.raises(LinkLost):
                await link.receive()
            with pytest.raises(LinkLost):
                await link.send(frame(20))

    @pytest.mark.asyncio
    async def test_closing_wakes_a_receiver(self, line: tuple[Link, Far]):
        """Whoever waits on a link that its owner closes is told, and does not wait for ever."""
        link, _ = line

        async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
            waiting = group.create_task(_outcome(link), name="receive")
            await asyncio.sleep(0)
            await link.aclose()

        assert isinstance(waiting.result(), LinkLost)

    @pytest.mark.asyncio
    async def test_leaving_the_context_closes(self, line: tuple[Link, Far]):
        """A link is an async context manager."""
        link, _ = line

        async with asyncio.timeout(DEADLINE_S):
            async with link as same:
                pass
            with pytest.raises(LinkLost):
                await link.receive()

        assert same is link


async def _receive(far: Far, count: int) -> list[bytes]:
    return [await far.receive() for _ in range(count)]


async def _outcome(link: Link) -> bytes | LinkLost:
    try:
        return await link.receive()
    except LinkLost as lost:
        return lost
