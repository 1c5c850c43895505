"""Token slots: the new token is stored before it is used, the old one kept until it has worked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from device.errors import SpoolStorageFailed, TokenRefused
from device.slots import FILE, SlottedToken
from tests.device import slots_life
from tests.device.spool.disk import Loss

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def base():
    """The operator's token, as a list of one: it may be replaced."""
    return ["dtok_base"]


@pytest.fixture
def tokens(tmp_path, base):
    return SlottedToken(lambda: base[0], tmp_path)


def test_without_slots_it_is_the_operators(tokens):
    """Nothing was ever exchanged."""
    assert ("dtok_base", False) == (tokens(), tokens.pending)


def test_the_next_one_is_used_and_then_all_there_is(tokens, tmp_path, base):
    """It is stored, it works, it takes the place of the one before, also after a restart."""
    tokens.store("dtok_1")
    before = (tokens(), tokens.pending)
    tokens.worked("dtok_1")
    again = SlottedToken(lambda: base[0], tmp_path)

    assert ("dtok_1", True) == before
    assert ("dtok_1", False) == (again(), again.pending)


def test_a_refused_next_one_gives_way(tokens):
    """The one before it is tried once more, and stays where it works."""
    tokens.store("dtok_1")

    assert tokens.refused("dtok_1")
    assert "dtok_base" == tokens()
    tokens.worked("dtok_base")
    assert ("dtok_base", False) == (tokens(), tokens.pending)


def test_a_next_one_that_was_refused_before(tokens):
    """The cloud may give the same again, and mean it this time."""
    tokens.store("dtok_1")
    tokens.refused("dtok_1")
    tokens.worked("dtok_base")
    tokens.store("dtok_1")

    assert "dtok_1" == tokens()


def test_a_call_that_was_under_way(tokens):
    """It ends well by the old token, which says nothing about the next one."""
    tokens.store("dtok_1")
    tokens.worked("dtok_base")

    assert ("dtok_1", True) == (tokens(), tokens.pending)


def test_both_refused_is_refused_and_tried_anew_later(tokens):
    """A gateway that is put back to an old database for a while costs no way in."""
    tokens.store("dtok_1")

    assert [True, False] == [tokens.refused("dtok_1"), tokens.refused("dtok_base")]
    assert "dtok_1" == tokens()
    assert [True, False] == [tokens.refused("dtok_1"), tokens.refused("dtok_base")]


def test_a_refused_token_without_another(tokens):
    """There is nothing to try again with."""
    assert not tokens.refused("dtok_base")


def test_a_token_that_was_replaced_meanwhile(tokens, tmp_path, base):
    """Another process exchanged it while a call was under way: the call is made again."""
    other = SlottedToken(lambda: base[0], tmp_path)
    used = tokens()
    other.store("dtok_1")
    other.worked("dtok_1")

    assert tokens.refused(used)
    assert "dtok_1" == tokens()


def test_the_operator_has_the_last_word(tokens, base):
    """A token put in place by hand ends whatever came after the earlier one."""
    tokens.store("dtok_1")
    tokens.worked("dtok_1")
    base[0] = "dtok_by_hand"

    assert ("dtok_by_hand", False) == (tokens(), tokens.pending)


def test_a_second_exchange(tokens):
    """The one that is in use is kept until the next has worked."""
    for token in ("dtok_1", "dtok_2"):
        tokens.store(token)
        tokens.worked(token)
    tokens.store("dtok_3")

    assert tokens.refused("dtok_3")
    assert "dtok_2" == tokens()


def test_the_token_in_use_is_no_next_one(tokens):
    """A command that exchanged it at the same time changes nothing."""
    tokens.store("dtok_1")
    tokens.worked("dtok_1")
    tokens.store("dtok_1")

    assert not tokens.pending


def test_a_forgotten_token_is_used_no_more(tokens, tmp_path, base):
    """Until the operator puts another one in place, or the same one on purpose."""
    tokens.store("dtok_1")
    tokens.worked("dtok_1")
    tokens.forget()

    with pytest.raises(TokenRefused, match="reset"):
        SlottedToken(lambda: base[0], tmp_path)()
    base[0] = "dtok_by_hand"
    assert "dtok_by_hand" == tokens()
    base[0] = "dtok_base"
    tokens.put("dtok_base")
    assert "dtok_base" == tokens()


def test_nobody_else_can_read_it(tokens, tmp_path):
    """Mode 0600, whatever the umask; no token lies in the clear beside it."""
    before = os.umask(0)
    try:
        tokens.store("dtok_1")
    finally:
        os.umask(before)

    assert 0o600 == (tmp_path / FILE).stat().st_mode & 0o777
    assert [FILE] == [each.name for each in tmp_path.iterdir()]


@pytest.mark.parametrize("garbage", [b"", b"\0\0\0", b"[]", b'{"base": 7}'])
def test_garbage_is_no_slot(tokens, tmp_path, garbage):
    """What another program wrote there does not cost the operator's token."""
    (tmp_path / FILE).write_bytes(garbage)

    assert "dtok_base" == tokens()


def test_a_disk_that_takes_nothing(tokens, tmp_path):
    """What cannot be stored is not used; what cannot be kept as working is kept later."""
    tokens.store("dtok_1")
    (tmp_path / f"{FILE}.part").mkdir()
    tokens.worked("dtok_1")

    assert ("dtok_1", True) == (tokens(), tokens.pending)
    with pytest.raises(SpoolStorageFailed):
        tokens.store("dtok_2")
    assert "dtok_1" == tokens()


def test_a_token_put_in_place(tokens, tmp_path, base):
    """An agent that has the old one goes by it at once; one that has the new one needs no slot."""
    tokens.store("dtok_1")
    tokens.put("dtok_2")
    before = tokens(), tokens.pending
    base[0] = "dtok_2"

    assert (("dtok_2", False), "dtok_2") == (before, tokens())
    tokens.put("dtok_2")
    tokens.put("dtok_2")
    assert [] == list(tmp_path.iterdir())


def test_no_place_for_slots(tmp_path, base):
    """Without a spool nothing can be stored, and reading finds nothing."""
    tokens = SlottedToken(lambda: base[0], tmp_path / "none")

    assert "dtok_base" == tokens()
    with pytest.raises(SpoolStorageFailed):
        tokens.put("dtok_1")


@pytest.mark.parametrize("loss", Loss)
def test_a_crash_at_any_instruction_leaves_a_way_in(loss, tmp_path):
    """Killed at any operation of two exchanges, with any loss, some stored token still works."""
    swept = subprocess.run(
        [sys.executable, slots_life.__file__, tmp_path / "life", loss],
        cwd=PROJECT,
        env={"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    points = [json.loads(line) for line in swept.stdout.splitlines()]

    assert [] == [point for point in points if point["problem"]]
    assert len(points) > 15
    assert points[-1]["ended"]
