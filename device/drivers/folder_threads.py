"""Threads of each folder's own: a mount that hangs takes its own threads, not everybody's.

A thread that waits for a dead network mount or a pulled card cannot be ended. In the pool that all
share, a few visits to such a folder would leave no thread for the spool, and so for nobody.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_MOST = 3
"""A listing, a read beside it, and one more; further work waits for these."""

_pools: dict[Path, ThreadPoolExecutor] = {}


async def in_thread(folder: Path, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run file work on a folder in one of its threads."""
    if (pool := _pools.get(folder)) is None:
        pool = _pools[folder] = ThreadPoolExecutor(_MOST, thread_name_prefix="folder")
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(pool, partial(work, *args, **kwargs))


def let_go(folder: Path) -> None:
    """End a folder's threads once they are idle; the next work begins new ones."""
    if (pool := _pools.pop(folder, None)) is not None:
        pool.shutdown(wait=False)
