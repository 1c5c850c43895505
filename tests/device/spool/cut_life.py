"""Kill the spool at every operation while a medium is cut into parts, and look at what is left.

Run as a program: `cut_life.py FOLDER LOSS`. Prints what crash_rig.py does.
"""

import sys
from pathlib import Path

from device.core import manifest as manifests
from device.core.ogg.cutter import Cutter, Limits, Part
from device.model import Evidence, MediaKind, Medium, Recording, State
from device.spool.spool import Spool
from tests.device.spool.crash_rig import next_runs, sweep
from tests.device.spool.disk import Loss
from tests.device.spool.recordings import NOON, receipt, recording, sha256
from tests.fakes.opus_streams import laid_out, packet, stream

PART_BYTES = 9_000
AUDIO = laid_out(
    stream([[packet(960, 400, n + 7 * k) for k in range(5)] for n in range(10)], [4800] * 10)
)
WANTED = Recording(
    key=recording().key,
    media=(
        Medium(
            index=0,
            name="a.opus",
            kind=MediaKind.AUDIO,
            content_type="audio/ogg",
            size_bytes=len(AUDIO),
            sha256=sha256(AUDIO),
        ),
    ),
    started_at=NOON,
)


def expected() -> list[str]:
    """Digests of the parts, by the cutter alone."""
    cutter, digests, writing = Cutter(Limits(most_bytes=PART_BYTES)), [], bytearray()
    for each in (*cutter.feed(AUDIO), *cutter.close()):
        if isinstance(each, Part):
            digests.append(sha256(bytes(writing)))
            writing.clear()
        else:
            writing += each
    return digests


PARTS = expected()


def live(spool: Spool, promise=lambda _: None) -> None:
    """Pull, seal, cut, send the first part, store and release: from wherever it stands."""
    entry = spool.known(WANTED.key) or spool.begin(WANTED)
    if entry.state is State.PULLING:
        if entry.media[0].sha256 is None:
            pulled = spool.partial(entry.id, 0)
            pulled.truncate(0)
            pulled.append(AUDIO)
            spool.finish_medium(entry.id, 0, pulled)
        entry = spool.seal(entry.id)
    promise("sealed")
    if entry.state is State.SEALED:
        entry = spool.cut(entry.id, 0, reason="a test", part_bytes=PART_BYTES)
        promise("cut")
        spool.make_parts(entry.id)
        check_sent(spool)
        spool.save_evidence(entry.id, 0, Evidence(status=200))
        promise("sent")
        entry = spool.store(entry.id, receipt())
        promise("stored")
    if entry.state is State.STORED:
        entry = spool.release(entry.id)
    if entry.state is not State.RELEASED:
        raise AssertionError(f"it ended {entry.state}")


def check_sent(spool: Spool) -> None:
    """Check that the parts, and nothing else, would go up, as they always were."""
    entry = spool.known(WANTED.key)
    media = manifests.outgoing(entry).media
    found = [sha256(spool.media_path(entry.id, m.index).read_bytes()) for m in media]
    if not PARTS == found == [m.sha256 for m in media]:
        raise AssertionError("the parts are not those of the medium")
    if spool.media_path(entry.id, 0).read_bytes() == AUDIO:
        raise AssertionError("the whole would go up")
    original = manifests.of_entry(entry).media[0]
    if original.sha256 != sha256(AUDIO):
        raise AssertionError("the medium is not what it was")


def judge(root: Path, loss: Loss, promises: list[str]) -> None:
    """Check the spool as it is left, and one that is made of its folders alone.

    Raises:
        AssertionError: Something is lost, or something else would go up.
    """
    for where, spool in next_runs(root, loss):
        if spool.left and where is root:
            raise AssertionError(f"something is left: {spool.left}")
        judge_entry(spool, promises, rebuilt=where is not root)
        live(spool)
        if list((where / "sealed").iterdir()):
            raise AssertionError("files are left behind")


def judge_entry(spool: Spool, promises: list[str], *, rebuilt: bool) -> None:
    entry = spool.known(WANTED.key)
    if entry is None or entry.state is not State.SEALED:
        return
    (medium,) = entry.media
    parts = [part.sha256 for part in medium.parts]
    if parts not in ([], PARTS) or ("cut" in promises and not parts):
        raise AssertionError(f"it was cut into {len(PARTS)} parts, {len(parts)} are known")
    folder = spool.root / "sealed" / entry.id
    if not parts and list(folder.glob("*.part*")):
        raise AssertionError("parts are left that nobody knows")
    if "sent" in promises and not rebuilt and medium.parts[0].evidence is None:
        raise AssertionError("it is forgotten that a part is in the cloud")
    if [c.problem for c in spool.verify() if c.problem]:
        raise AssertionError("a part is damaged")


if __name__ == "__main__":
    sweep(Path(sys.argv[1]), Loss(sys.argv[2]), live, judge)
