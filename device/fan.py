"""Several things at a time: as many as there are slots, and none begun after a failure."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, TypeVar

from device.errors import FieldpostError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

T = TypeVar("T")


async def fan_out(
    items: Iterable[T], work: Callable[[T], Awaitable[None]], *, at_once: int
) -> None:
    """Do `work` for each item, `at_once` of them at a time, in order.

    What is under way when one fails is finished first: its bytes are paid for.

    Raises:
        FieldpostError: The first that `work` raised.
    """
    left = deque(items)
    failed: list[FieldpostError] = []

    async def take_turns() -> None:
        while left and not failed:
            try:
                await work(left.popleft())
            except FieldpostError as error:
                failed.append(error)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, len(left))):
            group.create_task(take_turns())
    if failed:
        raise failed[0]
