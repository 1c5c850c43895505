"""Whose turn it is when a slot is free."""

import asyncio

import pytest

from device.upload_slots import UploadSlots


class Queue:
    """Those who wait for the slots, by name, and those who have one."""

    def __init__(self, slots: UploadSlots) -> None:
        self.slots = slots
        self.served: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def ask(self, name: str, turn: int) -> None:
        self.tasks[name] = asyncio.create_task(self._wait(name, turn))
        await asyncio.sleep(0)

    async def _wait(self, name: str, turn: int) -> None:
        await self.slots.acquire(turn)
        self.served.append(name)


async def _given(queue: Queue, times: int) -> list[str]:
    for _ in range(times):
        queue.slots.release()
    await asyncio.sleep(0)
    return queue.served


@pytest.mark.asyncio
async def test_who_began_first_is_served_first() -> None:
    """An earlier recording overtakes those that wait already; of one recording in order."""
    slots = UploadSlots(1)
    await slots.acquire(0)
    queue = Queue(slots)
    for name, turn in [("c1", 3), ("b1", 2), ("c2", 3), ("a1", 1), ("b2", 2)]:
        await queue.ask(name, turn)

    assert ["a1", "b1", "b2", "c1", "c2"] == await _given(queue, 5)


@pytest.mark.asyncio
async def test_a_recording_that_begins_is_behind_all_that_have_begun() -> None:
    """Turns go up."""
    slots = UploadSlots(1)
    first, second = slots.turn(), slots.turn()

    assert first < second


@pytest.mark.asyncio
async def test_one_who_left_is_passed_over() -> None:
    """A slot is not handed to somebody who was cancelled while waiting."""
    slots = UploadSlots(1)
    await slots.acquire(0)
    queue = Queue(slots)
    await queue.ask("gone", 1)
    await queue.ask("next", 2)
    queue.tasks["gone"].cancel()

    assert ["next"] == await _given(queue, 1)


@pytest.mark.asyncio
async def test_one_who_leaves_as_a_slot_is_handed_over_gives_it_on() -> None:
    """Else the slot would be lost for as long as the agent runs."""
    slots = UploadSlots(1)
    await slots.acquire(0)
    queue = Queue(slots)
    await queue.ask("leaving", 1)
    slots.release()
    queue.tasks["leaving"].cancel()
    await asyncio.wait(queue.tasks.values())

    assert not queue.served
    assert slots.taken_at_once()


@pytest.mark.asyncio
async def test_those_of_a_failed_recording_are_dismissed() -> None:
    """They wait no longer, nobody else is touched, and no slot is lost."""
    slots = UploadSlots(1)
    await slots.acquire(0)
    queue = Queue(slots)
    for name, turn in [("a1", 1), ("b1", 2), ("a2", 1)]:
        await queue.ask(name, turn)
    slots.dismiss(1)
    slots.dismiss(7)
    await asyncio.wait([queue.tasks["a1"], queue.tasks["a2"]])

    assert ["b1"] == await _given(queue, 1)
    assert queue.tasks["a1"].cancelled()


@pytest.mark.asyncio
async def test_one_is_taken_at_once_only_where_it_is_free() -> None:
    """As many as there are, and again after one was given back."""
    slots = UploadSlots(2)
    taken = [slots.taken_at_once() for _ in range(3)]
    slots.release()

    assert [True, True, False] == taken
    assert slots.taken_at_once()


@pytest.mark.asyncio
async def test_a_held_slot_is_given_back_however_it_ends() -> None:
    """After an error, too."""
    slots = UploadSlots(1)

    async def failing() -> None:
        async with slots.held(0):
            assert not slots.taken_at_once()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()

    assert slots.taken_at_once()
