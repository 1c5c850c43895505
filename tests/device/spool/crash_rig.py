"""Kill a life of the spool at every operation of the disk, and have what is left judged.

It has no threads, so it may fork: a child lives and dies, and the parent judges.
"""

import gc
import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

from device.config import SpoolConfig
from device.errors import SpoolError
from device.spool.rebuild import rebuild
from device.spool.spool import Spool
from tests.device.spool.disk import Disk, Loss
from tests.fakes.clock import FakeClock

Life = Callable[[Spool, Callable[[str], None]], None]
"""Lives on a spool from wherever it stands, and promises what it was told is durable."""

Judge = Callable[[Path, Loss, list[str]], None]
"""Looks at a spool that was left, knowing what was promised; raises AssertionError."""


def sweep(folder: Path, loss: Loss, life: Life, judge: Judge) -> None:
    """Print one JSON line for each crash point, with the problem or null."""
    gc.freeze()  # spares every child a copy of what the parent will never free
    root, promises = folder / "spool", folder / "promises"
    for at in count(1):
        status, said = _in_child(partial(_live, life, root, at, loss, promises))
        ended = os.WIFEXITED(status)
        problem = said or None
        if problem is None:
            try:
                judge(root, loss, promises.read_text().splitlines())
            except (AssertionError, SpoolError) as error:
                problem = repr(error)
        print(json.dumps({"at": at, "problem": problem, "ended": ended}), flush=True)
        shutil.rmtree(folder)
        folder.mkdir()
        if ended:
            return


def next_runs(root: Path, loss: Loss) -> Iterator[tuple[Path, Spool]]:
    """Open the spool as it was left, after one that is made of its folders alone."""
    root.mkdir(exist_ok=True)
    places = [root]
    if loss is not Loss.NOTHING:
        places.insert(0, root.with_name("rebuilt"))
        shutil.copytree(root, places[0])
        rebuild(config(places[0]), FakeClock())
    for where in places:
        spool = Spool.open(config(where), FakeClock())
        yield where, spool
        spool.close()


def config(root: Path) -> SpoolConfig:
    return SpoolConfig(path=root, min_free_bytes=0)


def _live(life: Life, root: Path, at: int, loss: Loss, promises: Path) -> None:
    """Live until the disk's operation number `at` kills us."""
    with promises.open("ab", buffering=0) as told:
        write = told.write  # beyond the patched os.write
        disk = Disk(root, at, lambda _: disk.die(loss))
        with disk:
            spool = Spool.open(config(root), FakeClock())
            life(spool, lambda promise: write(f"{promise}\n".encode()) and None)
            spool.close()


def _in_child(work: Callable[[], None]) -> tuple[int, str]:
    """Run work in a fork; return its wait status and what it had to say."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:  # noqa: BLE001 - all of it goes to the parent
            os.write(write, repr(error).encode())
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as said:
        text = said.read().decode()
    return os.waitpid(child, 0)[1], text
