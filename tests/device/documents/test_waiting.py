"""Every entry that waits has a reason, and the one that really holds it up."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from device.documents.waiting import Now, waiting_objects
from device.glance import Glance
from device.model import (
    Entry,
    EntryId,
    LastSeen,
    Lately,
    MediaKind,
    Medium,
    MediumState,
    RecorderId,
    RecorderInfo,
    Recording,
    RecordingKey,
    State,
    Unreached,
    Wait,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)
HOLD = Wait(code="roaming", reason="the network is a foreign one")
NEVER = Wait(code="never", reason="x", until=NOW - timedelta(minutes=1))


def entry(name: str, state: State = State.SEALED, *, wait=None, pulled=0) -> Entry:
    key = RecordingKey(recorder=RecorderId("native:1"), recording=name, generation=0)
    medium = Medium(
        index=0, name="a", kind=MediaKind.AUDIO, content_type="audio/ogg", size_bytes=200
    )
    return Entry(
        id=EntryId(name),
        recording=Recording(key=key, media=(medium,)),
        state=state,
        media=(MediumState(medium=medium, file="0", pulled_bytes=pulled),),
        begun_at=NOW,
        wait=wait,
    )


def glanced(*moving: Entry, pid=1, hold=None, cooldowns=None, **more) -> Glance:
    known = {
        "now": NOW,
        "exists": True,
        "pid": pid,
        "moving": moving,
        "counts": {},
        "cooldowns": cooldowns or {},
        "day": date(2026, 3, 1),
        "spent": (),
        "limit_mb": 0,
        "hold": hold,
        "heartbeat": None,
        "unheard": None,
        "lately": Lately(since=NOW),
        "free_bytes": None,
        "last_seen": (),
        "unreached": (),
        "noticed": (),
    }
    return Glance(**{**known, **more})


def told(seen: Glance, going_up=None) -> list[tuple]:
    now = None if going_up is None else Now(going_up={EntryId(each) for each in going_up})
    return [(each["code"], each["reason"], each["next_at"]) for each in waiting_objects(seen, now)]


@pytest.mark.parametrize(
    ("state", "pid", "going_up", "reason"),
    [
        (State.PULLING, 1, None, "50 % pulled"),
        (State.PULLING, None, None, "50 % pulled; goes on when the agent runs"),
        (State.SEALED, None, None, "goes up when the agent runs"),
        (State.SEALED, 1, None, "uploading, or next in line"),
        (State.SEALED, 1, [], "goes up next"),
        (State.SEALED, 1, ["one"], "uploading"),
        (State.SEALED, 1, ["two"], "next in line"),
        (State.STORED, 1, [], "in the cloud; to be released to its recorder"),
    ],
)
def test_what_nothing_holds_up_has_its_next_step_for_a_reason(state, pid, going_up, reason):
    """None is without one, whoever tells."""
    seen = glanced(entry("one", state, pulled=100), pid=pid)

    assert [(None, reason, None)] == told(seen, going_up)


def test_a_pull_is_as_far_as_it_moves_now():
    """The spool learns of it only every now and then."""
    now = Now(pulled_bytes={(EntryId("one"), 0): 150, (EntryId("two"), 0): 3})
    (told,) = waiting_objects(glanced(entry("one", State.PULLING, pulled=100)), now)

    assert "75 % pulled" == told["reason"]


def test_the_policy_holds_all_that_would_go_up_while_the_agent_runs(tmp_path: Path):
    """Its word counts before an entry's own wait, which is told beside it; others do not care."""
    own = Wait(code="cloud-unwell", reason="HTTP 503", until=SOON)
    moving = (entry("one", wait=own), entry("two"), entry("three", State.STORED))
    seen = glanced(*moving, hold=HOLD)

    held = (HOLD.code, HOLD.reason, None)
    assert [held, held] == told(seen)[:2]
    assert [own, None, None] == [each["wait"] for each in waiting_objects(seen)]
    assert "in the cloud" in told(seen)[2][1]
    assert (own.code, own.reason, SOON) == told(glanced(*moving, hold=HOLD, pid=None))[0]


def test_what_goes_up_is_not_said_to_be_held():
    """The policy may hold what comes after it."""
    assert [(None, "uploading", None)] == told(glanced(entry("one"), hold=HOLD), ["one"])


@pytest.mark.parametrize("where", ["cooldown", "other"])
def test_a_way_that_is_shut_for_all_is_told_of_all(where):
    """The one that met it knows why; the others wait as long as it does."""
    wait = Wait(code="cloud-unreachable", reason="no route", until=SOON)
    first = entry("one", wait=wait) if where == "other" else entry("one", wait=NEVER)
    cooldowns = {"https://h": wait} if where == "cooldown" else {}
    seen = glanced(first, entry("two"), cooldowns=cooldowns)

    assert (wait.code, "waits with the others: no route", SOON) == told(seen, [])[1]


def test_another_ones_own_failure_holds_nobody_else_up():
    """A recording that is refused by itself is no reason for the rest; nor is a past pause."""
    own = Wait(code="media-missing", reason="x", until=SOON)
    over = {"https://h": Wait(code="cooldown", reason="y", until=NOW)}

    assert (None, "goes up next", None) == told(
        glanced(entry("one", wait=own), entry("two"), cooldowns=over), []
    )[1]


def test_a_recording_whose_recorder_is_away_says_so():
    """What was begun goes on when it is back."""
    info = RecorderInfo(recorder=RecorderId("native:1"), driver="native")
    seen = glanced(
        entry("one", State.PULLING, pulled=20),
        last_seen=(LastSeen(info=info, url="serial:///x", seen_at=NOW),),
        unreached=(
            Unreached(url="serial:///y", since=NOW, problem="another"),
            Unreached(url="serial:///x", since=NOW, problem="unplugged"),
        ),
    )

    assert "10 % pulled; its recorder is not readable: unplugged" == told(seen)[0][1]
