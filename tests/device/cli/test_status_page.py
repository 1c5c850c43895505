"""What a person sees of `status`: whether anything is wrong first, on a phone as well."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.cli.status_page import lines
from device.model import Kept, Lately, Spent, State, Wait
from device.surroundings import Connectivity, NetworkKind, NetworkState, PowerState
from tests.device.cli.daemon import CHUNK, DEADLINE_S, GatedBota, Place
from tests.device.cli.moment import BOX, MIB, NOW, PIN, entry, status
from tests.device.cli.schemas import complaints
from tests.device.cli.terminal import terminal
from tests.fakes.folder import OGG, seal

HOLD = Wait(
    code="data-limit",
    reason="today 500 MB have left over networks that cost (daily_data_limit_mb is 500)",
    until=NOW + timedelta(hours=5, minutes=54, seconds=30),
)


def page(columns: int = 80, **more) -> list[str]:
    return list(lines(status(**more), columns))


def fact(name: str, **more) -> str | None:
    found = [line[9:] for line in page(200, **more) if line.startswith(f"{name:<9}")]
    return found[0] if found else None


@pytest.mark.parametrize(
    ("more", "first"),
    [
        ({}, "[ok] nothing is wrong; 5 recordings wait, 60.5 MiB, 2 going up, 1 being pulled"),
        ({"moving": (), "transfers": []}, "[ok] nothing is wrong; nothing waits"),
        (
            {"pid": None, "live": False},
            "[!!] the agent is not running, and 5 recordings wait: systemctl start fieldpost",
        ),
        (
            {"pid": None, "live": False, "moving": ()},
            "[ok] nothing waits; the agent is not running",
        ),
        (
            {"hold": HOLD},
            "[!!] all uploads are held: today 500 MB have left over networks that cost",
        ),
        (
            {"network": NetworkState(kind=NetworkKind.WIFI, connectivity=Connectivity.PORTAL)},
            "[!!] somebody must sign in on a page before this network lets anything out",
        ),
        (
            {"network": NetworkState()},
            "[!!] the box is on no network; check its cable, Wi-Fi, or SIM card",
        ),
        (
            {"network": NetworkState(kind=NetworkKind.WIFI, connectivity=Connectivity.LIMITED)},
            "[!!] the network does not reach the internet; check router or mobile plan",
        ),
        (
            {"unheard": "HTTP 401 unauthorized", "moving": (), "transfers": []},
            "[!!] the cloud hears no heartbeat: HTTP 401 unauthorized; see: fieldpost doctor",
        ),
        (
            {"offset_s": -7200.0},
            "[!!] this box's clock is 2 h behind; set it (timedatectl), or let NTP do it",
        ),
    ],
)
def test_the_first_line_says_whether_anything_is_wrong(more, first):
    """And what to do about it."""
    assert first == page(**more)[0]


@pytest.mark.parametrize(
    "more",
    [
        {"network": NetworkState(), "moving": ()},
        {"network": NetworkState(kind=NetworkKind.ETHERNET), "moving": ()},
        {"network": NetworkState(), "moving": (), "transfers": [], "unheard": "no route"},
        {"offset_s": 59.0},
        {"hold": HOLD, "moving": (), "transfers": []},
    ],
)
def test_what_hurts_nobody_is_no_warning(more):
    """A box without a network has nothing to send; a second off is no wrong clock."""
    assert page(**more)[0].startswith("[ok]")


@pytest.mark.parametrize("columns", [80, 40])
def test_the_fifth_line_is_not_too_late(columns):
    """With the longest hold there is, the reason is whole within five lines."""
    top = " ".join(" ".join(page(columns, hold=HOLD)[:5]).split())

    assert "daily_data_limit_mb is 500); goes on in 5 h 54 min" in top


def test_what_the_policy_holds_is_told_of_each_that_would_go_up():
    """With the time at which it goes on."""
    laid = page(hold=HOLD, transfers=[])
    heads = [line for line in laid if "  sealed " in line and "old" in line]

    assert 4 == len(heads)
    assert all(head.endswith("next try in 5 h 54 min") for head in heads)
    assert 5 == " ".join(" ".join(laid).split()).count(HOLD.reason)


@pytest.mark.parametrize(
    ("spent", "limit_mb", "told"),
    [
        ((), 0, "today nothing yet"),
        ((), 500, "today nothing yet (limit 500 MB)"),
        ((("unknown", True, 2),), 0, "today 2.0 MiB over a network of unknown kind"),
        (
            (("4g", True, 41), ("wifi", False, 1229)),
            500,
            "today 41.0 MiB over 4g (limit 500 MB), 1.2 GiB over Wi-Fi",
        ),
        (
            (("ethernet", False, 2),),
            1,
            "today 2.0 MiB over cable (limit 1 MB, none of it used)",
        ),
        (
            (("ethernet", False, 1), ("4g", True, 2), ("wifi", True, 3)),
            0,
            "today 2.0 MiB over 4g, 3.0 MiB over Wi-Fi (metered), 1.0 MiB over cable",
        ),
    ],
)
def test_data_is_told_by_network(spent, limit_mb, told):
    """What costs comes first, and the limit beside it."""
    rows = tuple(Spent(kind=kind, costs=costs, sent_bytes=n * MIB) for kind, costs, n in spent)

    assert told == fact("data", spent=rows, limit_mb=limit_mb)


def test_network_and_power_are_told_as_they_are_now():
    """Only the agent knows; what nobody can tell is left out."""
    roaming = NetworkState(
        kind=NetworkKind.CELLULAR, roaming=True, radio="lte", signal_dbm=-101, metered=True,
        connectivity=Connectivity.LIMITED,
    )  # fmt: skip

    assert "4g (lte), -101 dBm, roaming, metered, no way to the internet" == (
        fact("network", network=roaming)
    )
    assert "none" == fact("network", network=NetworkState())
    assert "battery 8 %, charging" == (
        fact("power", power=PowerState(battery_percent=8, charging=True))
    )
    assert (None, None) == (fact("network", live=False), fact("power", live=False))
    assert None is fact("power", power=PowerState())


def test_the_clock_is_told_when_it_is_wrong():
    """By the cloud's own time."""
    assert ("2 min ahead of the cloud's", None) == (
        fact("clock", offset_s=120.0),
        fact("clock", offset_s=60.0),
    )


def test_the_last_heartbeat_is_told():
    """A clock that was stepped back makes no future of it."""
    ahead = Kept(at=NOW + timedelta(days=1), value={})

    assert "taken by the cloud 40 s ago" == fact("beat")
    assert "taken by the cloud now" == fact("beat", heartbeat=ahead)
    assert None is fact("beat", heartbeat=None)
    assert "not heard by the cloud: HTTP 503; last taken by the cloud 40 s ago" == (
        fact("beat", unheard="HTTP 503")
    )
    assert "not heard by the cloud: no route" == fact("beat", heartbeat=None, unheard="no route")


def test_the_last_day_is_told():
    """Counts and bytes, and what failed."""
    assert fact("24 h") == (
        "18 pulled (310.0 MiB), 14 stored (262.0 MiB), 14 released (262.0 MiB), 2 failed attempts"
    )
    assert "nothing" == fact("24 h", lately=Lately(since=NOW))


@given(
    columns=st.integers(34, 80),  # the cloud's address takes so many, and is not cut
    states=st.lists(st.sampled_from([State.PULLING, State.SEALED, State.STORED]), max_size=30),
    reason=st.text(max_size=200),
    live=st.booleans(),
)
def test_a_page_fits(columns, states, reason, live):
    """Whatever waits, and whatever a cloud says of it; no letter of its steers the terminal."""
    wait = Wait(code="x", reason=f"because {reason}", until=NOW)
    moving = tuple(entry(n, (BOX, PIN)[n % 2], s, n, wait=wait) for n, s in enumerate(states))
    laid = page(columns, moving=moving, live=live)

    assert [] == [each for each in laid if len(each) > columns]
    assert all(each.isprintable() for each in laid)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("columns", [80, 40])
def test_it_is_seen_so_beside_a_running_agent(tmp_path, columns):
    """On a real terminal, while an upload stands still; what programs get keeps to the schema."""

    async def work():
        async with GatedBota() as bota:
            place = Place(tmp_path, bota)
            seal(place.recordings / "one", {"audio.opus": OGG * (4 * CHUNK // len(OGG))})
            bota.close_at = 3
            async with place.agent():
                async with asyncio.timeout(DEADLINE_S):
                    await bota.reached.wait()
                how = {"columns": columns, "rows": 50}
                async with terminal("-c", str(place.config), "status", **how) as shown:
                    code = await shown.ended()
                asked = await place.json("status")
                bota.gate.set()
        return code, shown.lines, asked, await place.json("status")

    code, seen, asked, alone = asyncio.run(work())

    assert 0 == code
    assert seen[0].startswith("[!!] this box's clock is ")  # the double's day is a fixed one
    assert {"MOVING", "WAITING", "  uploading"} <= set(seen)
    assert ("agent", "spool") == (asked["source"], alone["source"])
    assert [] == complaints("status.json", asked) + complaints("status.json", alone)
    assert "upload" == asked["transfers"][0]["direction"]
    assert {None} == {alone["network"], alone["power"], alone["clock_offset_s"]}
