"""What other threads have to tell an event loop: all of a moment wakes it once."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary, ref

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")


class Mailbox:
    """Of one loop.

    A commit ends the waiting of many, each of which would wake the loop by a system call of its
    own; measured, that is a twentieth of what a small upload costs.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        # Not held: the table of mailboxes would keep every loop there ever was.
        self._loop = ref(loop)
        self._letters: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self._called = False

    def answer(self, waiting: asyncio.Future[T], answer: T) -> None:
        """End the wait for a future of the loop. From any thread, whether somebody waits or not."""
        self._post(waiting, answer, None)

    def fail(self, waiting: asyncio.Future[Any], error: BaseException) -> None:
        """End it with an error; see `answer`."""
        self._post(waiting, None, error)

    def future_of(self, done: Future[T]) -> asyncio.Future[T]:
        """Give what the loop can wait for; who stops waiting stops nothing."""
        waiting: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def arrived(done: Future[T]) -> None:
            if (error := done.exception()) is not None:
                self.fail(waiting, error)
            else:
                self.answer(waiting, done.result())

        done.add_done_callback(arrived)
        return waiting

    def _post(
        self, waiting: asyncio.Future[T], answer: T | None, error: BaseException | None
    ) -> None:
        self._letters.append((waiting, answer, error))
        if not self._called:
            # Two threads may both call; then the second call finds nothing.
            self._called = True
            loop = self._loop()
            try:
                if loop is not None:
                    loop.call_soon_threadsafe(self._empty)
            except RuntimeError:  # nobody waits in a loop that is closed
                self._letters.clear()

    def _empty(self) -> None:
        # Before the first look: what is posted from now on calls anew.
        self._called = False
        while self._letters:
            waiting, answer, error = self._letters.popleft()
            if waiting.done():
                continue
            if error is None:
                waiting.set_result(answer)
            else:
                waiting.set_exception(error)


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Mailbox] = WeakKeyDictionary()


def mailbox() -> Mailbox:
    """Return the mailbox of the running loop."""
    loop = asyncio.get_running_loop()
    found = _of_loops.get(loop)
    if found is None:
        found = _of_loops[loop] = Mailbox(loop)
    return found
