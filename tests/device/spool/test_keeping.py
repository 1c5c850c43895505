"""What the life of the device leaves in the spool."""

from datetime import date, timedelta

from device.model import Attempt, Spent
from device.spool.figures import DAYS, MOST_ATTEMPTS
from device.spool.reader import read_only
from tests.device.spool.recordings import NOON, sealed

TODAY = date(2026, 3, 1)


def wifi(sent_bytes: int) -> Spent:
    return Spent(kind="wifi", costs=False, sent_bytes=sent_bytes)


def mobile(sent_bytes: int) -> Spent:
    return Spent(kind="4g", costs=True, sent_bytes=sent_bytes)


def test_the_ledger_adds_up_by_day_and_network(reopen):
    """Each network has its own figure of each day, across restarts."""
    spool = reopen()
    for more in (wifi(100), mobile(7), wifi(1)):
        spool.spend(TODAY, more)
    spool.spend(TODAY + timedelta(days=1), mobile(5))
    again = reopen()

    assert (mobile(7), wifi(101)) == again.spent(TODAY)
    assert (mobile(5),) == again.spent(TODAY + timedelta(days=1))
    assert 108 == again.sent_bytes(TODAY)


def test_the_ledger_forgets_what_is_long_ago(spool):
    """A box that runs for years keeps a year and a month of days."""
    spool.spend(TODAY, wifi(1))
    spool.spend(TODAY + timedelta(days=DAYS), wifi(1))
    before = spool.spent(TODAY)
    spool.spend(TODAY + timedelta(days=DAYS + 1), wifi(1))

    assert (wifi(1),) == before
    assert () == spool.spent(TODAY)


def test_a_board_in_1970_keeps_a_ledger_too(spool):
    """A clock at its beginning breaks nothing."""
    spool.spend(date(1970, 1, 1), wifi(1))

    assert (wifi(1),) == spool.spent(date(1970, 1, 1))


def test_a_small_fact_is_kept_and_dropped(reopen, clock):
    """The last value under a name is there after a restart, with its time; None takes it away."""
    spool = reopen()
    spool.keep("settings", {"upload": {"allow_roaming": True}})
    kept = reopen().kept("settings")
    spool = reopen()
    spool.keep("settings", None)

    assert {"upload": {"allow_roaming": True}} == kept.value
    assert clock.now() == kept.at
    assert spool.kept("settings") is None


def test_the_last_attempts_of_an_entry_are_kept(spool, config):
    """Older ones make room; each says when, what and why."""
    entry = sealed(spool).id
    for number in range(MOST_ATTEMPTS + 5):
        spool.note_attempt(entry, Attempt(at=NOON, code="cloud-unwell", reason=f"try {number}"))
    with read_only(config.path) as reader:
        found = reader.attempts(entry)

    assert MOST_ATTEMPTS == len(found)
    assert Attempt(at=NOON, code="cloud-unwell", reason="try 5") == found[0]
