"""Playing a recorder: making recordings and being told to end, whichever comes first."""

import asyncio
import threading

import pytest

from device.errors import UsageInvalid
from device.simulate.playing import prepared, until

pytestmark = pytest.mark.asyncio


async def test_what_was_made_is_returned():
    """Nobody told it to end."""
    assert await prepared(asyncio.Event(), lambda: 7) == 7


async def test_what_cannot_be_made_says_why():
    """An error of the thread is the caller's."""

    def make() -> None:
        raise UsageInvalid("no such folder")

    with pytest.raises(UsageInvalid, match="no such folder"):
        await prepared(asyncio.Event(), make)


@pytest.mark.parametrize("fails", [False, True])
async def test_who_is_told_to_end_waits_for_nothing(fails):
    """The thread may go on; what it gives or why it fails is nobody's business then."""
    told, go_on, done = asyncio.Event(), threading.Event(), threading.Event()

    def make() -> int:
        go_on.wait()
        done.set()
        if fails:
            raise UsageInvalid("too late")
        return 7

    told.set()
    made = await prepared(told, make)
    go_on.set()
    await asyncio.to_thread(done.wait)
    await asyncio.sleep(0)

    assert made is None


async def test_work_ends_when_told():
    """It is cancelled, and has cleaned up when this returns; what ended before is no reason."""
    told = asyncio.Event()
    cleaned_up = []

    async def short() -> None:
        told.set()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned_up.append(True)

    await until(told, work(), short())

    assert cleaned_up == [True]


async def test_what_fails_is_raised_as_it_is():
    """No group around it: the command line knows what to say of it."""

    async def fail() -> None:
        raise UsageInvalid("no")

    with pytest.raises(UsageInvalid, match="no"):
        await until(asyncio.Event(), fail())
