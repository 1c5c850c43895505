"""The names of a simulated Bota recorder's faults: all of them are written down for people."""

import re
from pathlib import Path

from device.simulate.bota_faults import NAMES

DOCS = Path(__file__).parents[3] / "docs" / "bluetooth.md"


def test_the_documentation_lists_every_fault():
    """The table for people names what there is, no less and no more."""
    table = DOCS.read_text().partition("| what | faults |")[2].partition("\n\n")[0]
    written = re.findall(r"`([a-z0-9-]+)(?:=[^`]*)?`", table)
    forms = {"bare", "named", "foreign", "foreign-bare", "wrong"}

    assert sorted(NAMES) == sorted(set(written) - forms)
