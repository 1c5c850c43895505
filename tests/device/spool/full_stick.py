"""Fill a real stick of fixed size in the middle of an export, and go on when it grows.

Run as a program in a mount namespace of its own: `full_stick.py MOUNTPOINT SPOOL`. Prints one JSON
document.
"""

import json
import subprocess
import sys
from pathlib import Path

from device.config import SpoolConfig
from device.errors import ExportFull
from device.spool.export_folder import ExportFolder
from device.spool.exporting import Exporter
from device.spool.layout import Layout
from device.spool.reader import read_only
from device.spool.spool import Spool
from tests.device.spool.recordings import NOON, recording, sealed
from tests.fakes.clock import FakeClock


class Overcommitted(ExportFolder):
    """A stick that says it has room, as one does that another program writes to."""

    def room_for(self, sizes_bytes: list[int]) -> None:
        pass


def mount(options: str, where: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", where], check=True)


def export(spool: Path, sink: ExportFolder) -> str:
    with read_only(spool) as reader:
        exporter = Exporter(
            reader=reader,
            layout=Layout(spool),
            sink=sink,
            now=lambda: NOON,
            step=lambda _: None,
        )
        try:
            return " ".join(each.outcome for each in exporter.run(reader.entries()))
        except ExportFull as error:
            return error.code


def sums(stick: Path) -> bool:
    command = ["sha256sum", "--check", "--strict", "--status", "MANIFEST.sha256"]
    return subprocess.run(command, cwd=stick, check=False).returncode == 0


def main() -> None:
    stick, spool = Path(sys.argv[1]), Path(sys.argv[2])
    mount("size=120k", stick)  # room for two of 48 KiB each, and their digests
    held = Spool.open(SpoolConfig(path=spool, min_free_bytes=0), FakeClock())
    for number in range(3):
        sealed(held, recording(f"{number:02}" * 16))
    held.close()
    result: dict[str, object] = {
        "asked": export(spool, ExportFolder(stick, lambda _: None)),
        "written": export(spool, Overcommitted(stick, lambda _: None)),
        "half": len(list(stick.rglob("*.part"))),
        "sums": sums(stick),
    }
    mount("remount,size=4m", stick)
    result["larger"] = export(spool, ExportFolder(stick, lambda _: None))
    result["all"] = sums(stick) and len(list(stick.glob("*/recording.json")))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
