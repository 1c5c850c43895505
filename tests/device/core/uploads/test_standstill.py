"""How long an upload that gets no further is gone on with."""

import pytest

from device.core.uploads import Expired
from device.core.uploads.standstill import Standstill
from device.errors import CloudRejected, CloudUnreachable, CloudUnwell, TargetExpired


def test_progress_makes_up_for_steps_in_place() -> None:
    """Five steps at the same offset are borne, and again after each that gets further."""
    standstill = Standstill(0)
    for offset in (1, 2):
        for _ in range(6):
            standstill.stands(offset)

    with pytest.raises(CloudUnwell, match="stays at 2 bytes"):
        standstill.stands(2)


def test_a_store_that_falls_back_is_borne_three_times() -> None:
    """What it had acknowledged it may lose, but not for ever."""
    standstill = Standstill(10)
    for offset in (9, 8, 7):
        standstill.stands(offset)

    with pytest.raises(CloudUnwell, match="loses bytes"):
        standstill.stands(6)


def test_two_without_an_answer_are_a_network_that_is_down() -> None:
    """A cut and its question; an answer in between is a network that is up."""
    standstill = Standstill(0)
    for answered in (False, True, False):
        standstill.heard(anything=answered)
        standstill.doubt("cut", by_sending_again=False)
    standstill.heard(anything=False)

    with pytest.raises(CloudUnreachable, match="interrupted: cut"):
        standstill.doubt("cut", by_sending_again=False)


def test_doubt_that_costs_bytes_ends_the_attempt() -> None:
    """Whoever can ask the API does so before bytes go again."""
    with pytest.raises(CloudUnreachable):
        Standstill(0).doubt("cut", by_sending_again=True)


def test_three_fresh_urls_in_a_row() -> None:
    """The fourth refusal without progress is no matter of age."""
    standstill = Standstill(0)
    for _ in range(3):
        standstill.renew(Expired("late"))

    with pytest.raises(TargetExpired):
        standstill.renew(Expired("late"))


def test_a_signature_that_is_wrong_twice() -> None:
    """Another URL would be refused as well."""
    standstill = Standstill(0)
    standstill.renew(Expired("unsigned", signature_wrong=True))

    with pytest.raises(CloudRejected, match="twice"):
        standstill.renew(Expired("unsigned", signature_wrong=True))


def test_restarts_are_never_forgotten() -> None:
    """A store that fails at the very end is not sent to for ever."""
    standstill = Standstill(0)
    for _ in range(3):
        standstill.restart()
        standstill.stands(100)
    before = standstill.can_restart
    standstill.restart()

    assert before
    assert not standstill.can_restart
