"""`status` and `spool show` on a recording that is sent in parts."""

import json

import pytest

from device.clock import SystemClock
from device.config import SpoolConfig
from device.model import Evidence
from device.spool.spool import Spool
from tests.device.spool.cut_life import AUDIO, PART_BYTES, WANTED

WHY = "this link drops every 40 s at 60 kB/s; a whole PUT would cost 15 times its size"


@pytest.fixture
def entry(site):
    """One sealed recording whose audio is cut, the first part of it in the cloud."""
    spool = Spool.open(SpoolConfig(path=site.spool, min_free_bytes=0), SystemClock())
    entry = spool.begin(WANTED)
    pulled = spool.partial(entry.id, 0)
    pulled.append(AUDIO)
    spool.finish_medium(entry.id, 0, pulled)
    spool.seal(entry.id)
    entry = spool.cut(entry.id, 0, reason=WHY, part_bytes=PART_BYTES)
    spool.save_evidence(entry.id, 0, Evidence(status=200))
    spool.close()
    return entry


def test_status_says_how_and_why(fieldpost, entry):
    """Under the recording that waits, in 80 columns."""
    lines = fieldpost("status").out.splitlines()
    after = lines.index("  goes up when the agent runs")

    assert f"audio is sent in 3 parts: {WHY}" == " ".join(
        line.strip() for line in lines[after + 1 : after + 3]
    )
    assert max(map(len, lines[after:])) <= 80


def test_show_lists_the_parts(fieldpost, entry):
    """Each with its size, and whether it is up."""
    out = fieldpost("spool", "show", entry.id).out
    rows = [line.split()[:7] for line in out.splitlines() if line.startswith("0")]

    assert f"audio is sent in 3 parts: {WHY}" in out
    assert ["0", "0.1", "0.2", "0.3"] == [row[0] for row in rows]
    assert ["no", "yes", "no", "no"] == [row[6] for row in rows]


def test_programs_get_parts_with_their_offsets(fieldpost, entry):
    """In JSON, beside the medium that they make up."""
    shown = json.loads(fieldpost("spool", "show", entry.id, "--json").out)["entry"]["media"][0]

    assert f"audio is sent in 3 parts: {WHY}" == shown["way"]
    assert [0, 393, 693] == [part["offset_ms"] for part in shown["parts"]]
    assert [True, False, False] == [part["uploaded"] for part in shown["parts"]]
    assert shown["uploaded"] is False
