"""Kill the spool at every operation of a recording's life, and look at what is left.

Run as a program: `crash_life.py FOLDER LOSS`. Prints what crash_rig.py does.
"""

import sys
from contextlib import closing
from pathlib import Path

from device.model import State
from device.spool import folders
from device.spool.spool import Spool
from tests.device.spool.crash_rig import config, next_runs, sweep
from tests.device.spool.disk import Loss
from tests.device.spool.recordings import (
    AUDIO,
    IMAGE,
    live,
    live_with_detours,
    recording,
    sha256,
)
from tests.fakes.clock import FakeClock

RANK = {State.PULLING: 0, State.QUARANTINED: 1, State.SEALED: 1, State.STORED: 2, State.RELEASED: 3}


def judge(root: Path, loss: Loss, promises: list[str]) -> None:
    """Check the invariants of the spool, with its index and with one made of manifests alone.

    Raises:
        AssertionError: One does not hold.
    """
    if State.STORED not in promises:
        whole(root)  # even before anything is mended
    last = None
    for where, spool in next_runs(root, loss):
        judge_entry(spool, promises)
        if where is root:
            judge_bytes(spool, promises)
        whole(where)
        last = live(spool)
        if last.state is not State.RELEASED:
            raise AssertionError(f"the next run ended {last.state}")
        # Without its index a half-pulled folder belongs to nobody until its recorder lists it.
        if (spool.left and where is root) or list((where / "sealed").iterdir()):
            raise AssertionError(f"something is left: {spool.left}")
    spool = Spool.open(config(root), FakeClock())
    if spool.left or spool.entries() != [last]:
        raise AssertionError("the run after the next finds something else")
    spool.close()


def judge_entry(spool: Spool, promises: list[str]) -> None:
    """Check that the entry stands at least where it was said to stand."""
    at_least = max((RANK.get(promise, 0) for promise in promises), default=0)
    entry = spool.known(recording().key)
    rank = RANK[entry.state] if entry else 0
    if rank < at_least:
        raise AssertionError(f"{promises} were announced, {entry and entry.state} is there")
    if entry and rank >= RANK[State.STORED] and entry.receipt is None:
        raise AssertionError(f"{entry.state} without a receipt")


def judge_bytes(spool: Spool, promises: list[str]) -> None:
    """Check that every byte that was said to be durable is there, and is the right one."""
    entry = spool.known(recording().key)
    if entry is None or entry.state is not State.PULLING:
        return
    for medium, content in zip(entry.media, (AUDIO, IMAGE), strict=True):
        index = medium.medium.index
        said = [p.split() for p in promises if p.startswith(f"durable {index} ")]
        at_least = max((int(words[2]) for words in said), default=0)
        with closing(spool.partial(entry.id, index)) as held:
            if held.durable_bytes < at_least:
                raise AssertionError(f"{at_least} bytes were durable, {held.durable_bytes} are")
            held.truncate(held.durable_bytes)
            if held.sha256() != sha256(content[: held.size_bytes]):
                raise AssertionError("durable bytes are not those of the recorder")


def whole(root: Path) -> None:
    """Check that nothing half-written is under sealed/, and nothing sealed is not what it was."""
    for folder in (root / "sealed").glob("*"):
        files = [medium.file for medium in folders.read_manifest(folder).media]
        if folders.read_receipt(folder):  # purged: all or nothing
            files = [file for file in files if any((folder / file).exists() for file in files)]
        digests = [sha256((folder / file).read_bytes()) for file in files]
        if digests not in ([sha256(AUDIO), sha256(IMAGE)], []):
            raise AssertionError(f"{folder.name} is sealed and not whole")


if __name__ == "__main__":
    sweep(Path(sys.argv[1]), Loss(sys.argv[2]), live_with_detours, judge)
