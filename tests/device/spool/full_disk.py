"""Fill a real file system of fixed size to its last byte, and go on when it grows.

Run as a program in a mount namespace of its own: `full_disk.py MOUNTPOINT`. Prints one JSON
document.
"""

import json
import subprocess
import sys
from pathlib import Path

from device.config import SpoolConfig
from device.errors import SpoolFull
from device.spool.spool import Spool
from tests.device.spool.recordings import recording, sealed, stored
from tests.fakes.clock import FakeClock

MIB = 1 << 20
BIG = bytes(range(256)) * (5 * MIB // 256)


def mount(options: str, where: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", where], check=True)


def refusals(work, tries: int = 50) -> list[str]:
    """Collect what the spool says while nothing fits any more."""
    said = []
    for _ in range(tries):
        try:
            work()
        except SpoolFull as error:
            said.append(error.code)
    return said


def fill(root: Path) -> dict[str, object]:
    """Pull a medium that does not fit, change the index meanwhile, and finish on a larger disk."""
    spool = Spool.open(SpoolConfig(path=root, min_free_bytes=0), FakeClock())
    kept = sealed(spool, recording("01" * 16))
    entry = spool.begin(recording("02" * 16, audio=BIG, image=b"x"))
    result: dict[str, object] = {}
    try:
        spool.room_for(entry.size_bytes)
    except SpoolFull as error:
        result["before"] = error.code
    partial = spool.partial(entry.id, 0)
    try:
        while True:
            partial.append(BIG[partial.size_bytes :][:65536])
    except SpoolFull as error:
        result["during"] = error.code
    held = partial.size_bytes
    result["file_agrees"] = (root / "incoming" / entry.id / "audio.opus").stat().st_size == held
    result["index"] = sorted(set(refusals(lambda: spool.begin(recording("03" * 16)))))
    mount("remount,size=64m", root.parent)
    partial.truncate(held)
    while partial.size_bytes < len(BIG):
        partial.append(BIG[partial.size_bytes :][:65536])
    spool.finish_medium(entry.id, 0, partial)
    with_image = spool.partial(entry.id, 1)
    with_image.append(b"x")
    spool.finish_medium(entry.id, 1, with_image)
    spool.seal(entry.id)
    result["sealed"] = [each.id for each in spool.entries()][:2] == [kept.id, entry.id]
    result["problems"] = [each.problem for each in spool.verify() if each.problem]
    spool.close()
    return result


def starve(root: Path) -> dict[str, object]:
    """Take the last inodes; purging what is stored gives some back."""
    spool = Spool.open(SpoolConfig(path=root, min_free_bytes=0), FakeClock())
    first = stored(spool, recording("01" * 16))
    result: dict[str, object] = {}
    try:
        spool.room_for(1)
    except SpoolFull as error:
        result["inodes"] = "inodes" in str(error)
    result["purged"] = spool.entry(first.id).purged
    spool.close()
    return result


if __name__ == "__main__":
    place = Path(sys.argv[1])
    mount("size=4m", place)
    filled = fill(place / "spool")
    subprocess.run(["umount", place], check=True)
    mount("size=16m,nr_inodes=60", place)
    print(json.dumps({"fill": filled, "starve": starve(place / "spool")}))
