"""docs/console.md: it leaves out no problem of a device, no reason, no event, no cookie's rule."""

import re
from pathlib import Path

from gateway.core import fleet
from gateway.core.sessions import COOKIE, CSRF_HEADER, LIFE
from gateway.routes.live import MOST_STREAMS, MOST_TICKS, TICK_S
from gateway.routes.session import ROUTES
from gateway.routes.waveform import NoPeaks

PAGE = (Path(__file__).parents[1] / "docs/console.md").read_text()


def listed(head):
    """Give the first column of the table that begins with `head`."""
    table = PAGE.partition(f"| {head} |")[2].partition("\n\n")[0]
    return set(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE))


def test_every_problem_of_a_device_is_explained():
    """With the code that the API tells."""
    told = set(re.findall(r'Trouble\(\s*"([a-z_]+)"', Path(fleet.__file__).read_text()))

    assert told == listed("`problems[].code`")


def test_every_reason_for_no_peaks_is_explained():
    """Nobody must guess why there is no waveform."""
    assert set(NoPeaks) == listed("`peaks_reason`")


def test_every_event_is_listed():
    """As the summary of the route names them."""
    assert {"recording", "device", "progress", "delivery", "phone", "reload"} == listed("event")


def test_figures_and_names_are_those_of_the_code():
    """What is written down is what holds."""
    minutes = int(MOST_TICKS * TICK_S / 60)
    told = [COOKIE, CSRF_HEADER, f"for {LIFE.seconds // 3600} hours", f"after {minutes} minutes"]
    told += [f"serves {MOST_STREAMS} of", *(f"`{route.method} {route.path}`" for route in ROUTES)]

    assert [] == [each for each in told if each not in " ".join(PAGE.split())]
