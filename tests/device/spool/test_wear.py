"""What a pull costs an SD card."""

import os

from device.spool.journal import Journal
from tests.device.spool.recordings import recording

MIB = 1 << 20


def test_a_pull_writes_little_more_than_its_bytes(spool, clock, monkeypatch):
    """20 MiB over a slow line: at most 1.1 times that reaches the disk, index included."""
    audio = bytes(20 * MIB)
    wanted = recording(audio=audio, image=b"x")
    commits = []
    real = Journal._commit
    monkeypatch.setattr(
        Journal, "_commit", lambda self, batch: commits.append(1) or real(self, batch)
    )
    before = written_bytes()
    entry = spool.begin(wanted)
    partial = spool.partial(entry.id, 0)
    for offset in range(0, len(audio), 4096):
        clock.advance(4096 / 92_160)  # 921,600 baud
        partial.append(audio[offset : offset + 4096])
    spool.finish_medium(entry.id, 0, partial)
    image = spool.partial(entry.id, 1)
    image.append(b"x")
    spool.finish_medium(entry.id, 1, image)
    spool.seal(entry.id)
    amplification = (written_bytes() - before) / len(audio)

    assert amplification <= 1.1
    assert len(commits) <= 30


def test_many_small_chunks_cost_no_row_each(spool, monkeypatch):
    """A medium without a checkpoint costs one commit, when it is finished."""
    entry = spool.begin(recording()).id
    commits = []
    real = Journal._commit
    partial = spool.partial(entry, 1)
    monkeypatch.setattr(
        Journal, "_commit", lambda self, batch: commits.append(1) or real(self, batch)
    )
    for _ in range(300):
        partial.append(b"0123456789")

    assert [] == commits


def written_bytes() -> int:
    """What this process has handed to write calls so far, SQLite's own included."""
    with open(f"/proc/{os.getpid()}/io", encoding="ascii") as figures:  # noqa: PTH123 - not a file
        return int(next(line for line in figures if line.startswith("wchar:")).split()[1])
