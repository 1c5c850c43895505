"""What threads tell a loop arrives, and wakes it once."""

import asyncio
import gc
import weakref
from concurrent.futures import Future

import pytest

from device.mailbox import Mailbox, mailbox


@pytest.mark.asyncio
async def test_answers_and_errors_arrive() -> None:
    """Each future gets its own."""
    waiting: list[asyncio.Future[int]] = [asyncio.Future() for _ in range(3)]
    box = mailbox()

    def tell() -> None:
        box.answer(waiting[0], 1)
        box.fail(waiting[1], OSError("the card"))
        box.answer(waiting[2], 3)

    await asyncio.to_thread(tell)

    assert [1, 3] == [await waiting[0], await waiting[2]]
    with pytest.raises(OSError, match="the card"):
        await waiting[1]


@pytest.mark.asyncio
async def test_many_of_a_moment_wake_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that ends the waiting of a hundred costs one call."""
    box, loop = mailbox(), asyncio.get_running_loop()
    calls = 0
    real = loop.call_soon_threadsafe

    def counted(*arguments):
        nonlocal calls
        calls += 1
        return real(*arguments)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    waiting: list[asyncio.Future[int]] = [loop.create_future() for _ in range(100)]
    for number, each in enumerate(waiting):
        box.answer(each, number)
    told = await asyncio.gather(*waiting)
    box.answer(later := loop.create_future(), 100)

    assert [*range(100), 100] == [*told, await later]
    assert calls == 2


@pytest.mark.asyncio
async def test_who_stopped_waiting_is_passed_over() -> None:
    """Those behind are told all the same."""
    gone: asyncio.Future[int] = asyncio.Future()
    there: asyncio.Future[int] = asyncio.Future()
    mailbox().answer(gone, 1)
    mailbox().answer(there, 2)
    gone.cancel()

    assert await there == 2


@pytest.mark.asyncio
async def test_the_future_of_a_thread() -> None:
    """It brings what that brings; to stop waiting for it stops nothing."""
    done: Future[int] = Future()
    waiting, left = mailbox().future_of(done), mailbox().future_of(done)
    left.cancel()
    await asyncio.to_thread(done.set_result, 7)

    assert await waiting == 7
    assert left.cancelled()


@pytest.mark.asyncio
async def test_the_error_of_a_thread() -> None:
    """It is raised where it is waited for."""
    done: Future[int] = Future()
    waiting = mailbox().future_of(done)
    done.set_exception(OSError("the card"))

    with pytest.raises(OSError, match="the card"):
        await waiting


def test_a_loop_that_is_over_hears_nothing() -> None:
    """A thread that is late does not fail for it; and the loop is not kept for its mailbox."""
    loop = asyncio.new_event_loop()
    box, waiting = loop.run_until_complete(_box()), loop.create_future()
    loop.close()
    box.answer(waiting, 1)
    kept = weakref.ref(loop)
    del loop, waiting
    gc.collect()
    box._empty()
    gc.collect()

    assert kept() is None


async def _box() -> Mailbox:
    return mailbox()
