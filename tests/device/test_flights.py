"""Requests under way together: slots, order, and what ends them."""

import asyncio
from dataclasses import dataclass, field

import pytest

from device.core.uploads import Request
from device.flights import Flights
from device.upload_slots import UploadSlots


@dataclass
class Sky:
    """Where requests stay until they are let down, by URL."""

    landing: dict[str, asyncio.Future[int]] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)

    async def send(self, request: Request) -> int:
        self.landing[request.url] = asyncio.get_running_loop().create_future()
        try:
            return await self.landing[request.url]
        finally:
            self.ended.append(request.url)


def _request(name: str) -> Request:
    return Request(method="PUT", url=name)


async def _two(sky: Sky, slots: UploadSlots) -> Flights[int]:
    await slots.acquire(0)
    flights = Flights(sky.send, slots)
    assert flights.start(_request("a"))
    assert flights.start(_request("b"))
    await asyncio.sleep(0)
    return flights


@pytest.mark.asyncio
async def test_they_land_as_they_end() -> None:
    """Whichever is answered first is taken first, with its own request."""
    sky = Sky()
    flights = await _two(sky, UploadSlots(2))
    sky.landing["b"].set_result(2)
    first = await flights.landed()
    sky.landing["a"].set_result(1)

    assert (_request("b"), 2) == first
    assert (_request("a"), 1) == await flights.landed()
    assert () == flights.under_way


@pytest.mark.asyncio
async def test_none_begins_without_a_slot() -> None:
    """Where others have taken every slot, there is one at a time."""
    slots = UploadSlots(1)
    flights = Flights(Sky().send, slots)
    await slots.acquire(0)

    assert flights.start(_request("a"))
    assert not flights.start(_request("b"))
    await flights.ground()


@pytest.mark.asyncio
async def test_a_slot_goes_to_whoever_waits_for_it() -> None:
    """A second flight's slot is given back as soon as one has landed."""
    sky, slots = Sky(), UploadSlots(2)
    flights = await _two(sky, slots)
    other = asyncio.create_task(slots.acquire(0))
    await asyncio.sleep(0)
    sky.landing["a"].set_result(1)
    await flights.landed()

    await other
    assert not flights.start(_request("c"))
    await flights.ground()


@pytest.mark.asyncio
async def test_what_one_raises_is_raised() -> None:
    """The other stays under way until it is grounded."""
    sky = Sky()
    flights = await _two(sky, UploadSlots(2))
    sky.landing["a"].set_exception(OSError("the disk"))
    with pytest.raises(OSError, match="the disk"):
        await flights.landed()

    assert (_request("b"),) == flights.under_way
    await flights.ground()


@pytest.mark.asyncio
async def test_grounded_ones_have_their_last_word() -> None:
    """Each is cancelled and waited for, and its slot is free; again does nothing."""
    sky, slots = Sky(), UploadSlots(2)
    flights = await _two(sky, slots)
    await flights.ground()
    await flights.ground()

    assert ["a", "b"] == sorted(sky.ended)
    assert () == flights.under_way
    assert [True, False] == [slots.taken_at_once() for _ in range(2)]


@pytest.mark.asyncio
async def test_waiting_may_be_cancelled() -> None:
    """Who stops waiting leaves them under way, to be grounded."""
    sky = Sky()
    flights = await _two(sky, UploadSlots(2))
    waiting = asyncio.create_task(flights.landed())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert 2 == len(flights.under_way)
    await flights.ground()
